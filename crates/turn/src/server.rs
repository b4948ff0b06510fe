//! RFC 8489 §6.3: Receiving a STUN Message. Takes packets in and hands each to the file of its
//! method.

use std::time::Instant;

use kopru_stun::attribute::{AttributeType, Nonce};
use kopru_stun::demux::{Protocol, classify};
use kopru_stun::packet::PacketBuf;
use kopru_stun::time::Now;
use kopru_stun::{Class, HEADER_LEN, Message, Method};

use crate::allocation::Allocation;
use crate::allocations::Allocations;
use crate::auth::{Authenticated, Protection, Ready, authenticate, quota_key};
use crate::binding::binding;
use crate::counters::{Counters, RequestMethod};
use crate::event::{EndReason, Event, Events};
use crate::five_tuple::{ClientAddr, FiveTuple, RelayedAddr, Sender, Transport};
use crate::hashing::KeyedHash;
use crate::icmp::IcmpError;
use crate::known_keys::KnownKeys;
use crate::limits::{AMPLIFICATION_MAX, ENDS_AT_ONCE};
use crate::nonce::{self, Features, ServerNonce};
use crate::refusal::RefusalBudget;
use crate::reject::Reject;
use crate::relay_sockets::RelaySockets;
use crate::reply::{Challenge, Reply, Success};
use crate::reply_budget::ReplyBudget;
use crate::reservations::Reservations;
use crate::settings::Settings;
use crate::source_prefix::SourcePrefix;
use crate::tcp::TcpRelay;
use crate::transaction_ids::TransactionIds;
use crate::verdict::{DropReason, Verdict};

/// A STUN and TURN server: one for each worker thread, owned by it, sharing nothing.
pub struct Server {
    pub(crate) settings: Settings,
    pub(crate) allocations: Allocations,
    known_keys: KnownKeys,
    pub(crate) reservations: Reservations,
    pub(crate) transaction_ids: TransactionIds,
    pub(crate) tcp: TcpRelay,
    pub(crate) counters: Counters,
    pub(crate) refusal_budget: RefusalBudget,
    reply_budget: ReplyBudget,
    events: Events,
}

/// What a request is answered with, and what the answer is protected with when its sender is
/// authenticated. `Ok(None)`: nothing yet.
type Answer = (Result<Option<Success>, Reject>, Option<Protection>);

impl Server {
    /// A server without allocations. `seed` is 32 bytes that nobody can guess.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        let (mut hash_key, mut id_key) = ([0; 16], [0; 16]);
        let (first, second) = seed.split_at(16);
        hash_key.copy_from_slice(first);
        id_key.copy_from_slice(second);
        let hash = KeyedHash::new(hash_key);
        Self {
            refusal_budget: RefusalBudget::new(hash),
            reply_budget: ReplyBudget::new(settings.limits.replies, hash),
            settings,
            allocations: Allocations::new(hash),
            known_keys: KnownKeys::new(hash),
            reservations: Reservations::default(),
            transaction_ids: TransactionIds::new(id_key),
            tcp: TcpRelay::new(hash),
            counters: Counters::default(),
            events: Events::default(),
        }
    }

    /// Takes a datagram of a client: a request, an indication, or ChannelData.
    pub fn handle_client(
        &mut self,
        now: Now,
        from: FiveTuple,
        packet: &mut PacketBuf,
        sockets: &mut impl RelaySockets,
    ) -> Verdict {
        let first_byte = packet.bytes().first();
        let outcome = match first_byte.map(|byte| classify(*byte, self.settings.channel_range())) {
            Some(Protocol::ChannelData) => self.channel_data(now.instant, &from, packet, sockets),
            Some(Protocol::Stun) => self.stun(now, &from, packet, sockets),
            Some(Protocol::Other) | None => Err(DropReason::NotStun),
        };
        self.settle(outcome)
    }

    /// Takes a datagram that arrived at a relayed transport address from a peer: through its
    /// socket, or in memory from another allocation of this server ([`Verdict::ToRelayed`]).
    pub fn handle_peer(
        &mut self,
        now: Now,
        at: RelayedAddr,
        from: Sender,
        packet: &mut PacketBuf,
    ) -> Verdict {
        let outcome = self.peer_data(now.instant, at, from, packet);
        self.settle(outcome)
    }

    /// Takes an ICMP packet about a datagram that left a relayed transport address. What is in
    /// `packet` does not matter: only its buffer is needed.
    pub fn handle_icmp(
        &mut self,
        now: Now,
        at: RelayedAddr,
        error: IcmpError,
        packet: &mut PacketBuf,
    ) -> Verdict {
        let outcome = self.icmp(now.instant, at, error, packet);
        self.settle(outcome)
    }

    /// Ends what a client has allocated whose connection is gone: no other can have its five-tuple.
    pub fn end_client(
        &mut self,
        now: Instant,
        client: &FiveTuple,
        sockets: &mut impl RelaySockets,
    ) {
        for slot in self.allocations.all_slots_of_client(client).into_iter().flatten() {
            if let Some(allocation) = self.allocations.remove(slot) {
                self.end(now, allocation, EndReason::Disconnected, sockets);
            }
        }
    }

    /// Until when this client has an allocation if nobody refreshes it; `None` without one.
    pub fn allocated_until(&self, now: Instant, client: &FiveTuple) -> Option<Instant> {
        let slots = self.allocations.slots_of_client(now, client).into_iter().flatten();
        let allocations = slots.filter_map(|slot| self.allocations.at(slot));
        allocations.map(|allocation| now + allocation.time_to_expiry(now)).max()
    }

    /// Ends the allocations, reservations and connections whose time is over, some hundreds at a
    /// time: call it again, between packets, as long as [`poll_timeout`](Self::poll_timeout) lies
    /// in the past.
    pub fn handle_timeout(&mut self, now: Now, sockets: &mut impl RelaySockets) {
        self.end_expired(now.instant, sockets);
        self.end_unanswered(now.instant, sockets);
    }

    /// Ends allocations of users for whom `why` has a reason, asked by quota key, some hundreds at
    /// a time: `true` when there may be more. Between two calls the events want to be fetched.
    pub fn end_of_users(
        &mut self,
        now: Now,
        why: impl Fn(&str) -> Option<EndReason>,
        sockets: &mut impl RelaySockets,
    ) -> bool {
        let mut slot = 0;
        for _ in 0..ENDS_AT_ONCE {
            let settings = &self.settings;
            let why = |username: &str| why(quota_key(settings, username));
            let found = self.allocations.remove_of(&mut slot, why);
            let Some((allocation, reason)) = found else { return false };
            self.end(now.instant, allocation, reason, sockets);
        }
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) is wanted next; `None` when nothing lives.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timeouts = [
            self.allocations.next_timeout(),
            self.reservations.next_timeout(),
            self.tcp.next_timeout(),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// The oldest event that has not been fetched.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn stun(
        &mut self,
        now: Now,
        from: &FiveTuple,
        packet: &mut PacketBuf,
        sockets: &mut impl RelaySockets,
    ) -> Result<Verdict, DropReason> {
        let message = Message::parse(packet.bytes())?;
        if message.verify_fingerprint() == Some(false) {
            return Err(DropReason::BadFingerprint);
        }
        match (message.class(), message.method()) {
            (Class::Request, method) => {
                let method = RequestMethod::of(method, self.settings.tcp_relay);
                let method = method.ok_or(DropReason::UnknownMethod)?;
                let reply = Reply::to(&message);
                let answer = self.answer(now, from, (method, message), sockets);
                if matches!(answer.0, Ok(None)) {
                    return Ok(Verdict::Later);
                }
                let path = match &answer.0 {
                    Ok(Some(success)) => success.path(from),
                    _ => *from,
                };
                let challenge = answer.0.as_ref().is_err_and(Reject::is_challenge);
                let proven = answer.1.is_some() || self.is_proven(now, &path, &message);
                let challenge = challenge.then(|| self.challenge(now, from.client, packet.len()));
                respond(packet, &reply, &answer, challenge.as_ref())?;
                let prefix = SourcePrefix::of(from.client);
                if !proven && !self.reply_budget.take(now.instant, prefix, packet.len()) {
                    return Err(DropReason::ReplyBudget);
                }
                self.counters.count_reply(method, answer.0.err().map(|reject| reject.code()));
                Ok(Verdict::ToClient(path))
            }
            (Class::Indication, Method::SEND) => {
                let (verdict, data) = self.send(now.instant, from, &message, sockets)?;
                let narrowed = packet.narrow(data.start, data.end);
                if narrowed { Ok(verdict) } else { Err(DropReason::Malformed) }
            }
            (Class::Indication, Method::BINDING) => Err(DropReason::KeepAlive),
            _ => Err(DropReason::UnexpectedClass),
        }
    }

    fn answer(
        &mut self,
        now: Now,
        from: &FiveTuple,
        (method, request): (RequestMethod, Message<'_>),
        sockets: &mut impl RelaySockets,
    ) -> Answer {
        let instant = now.instant;
        while let Some(expired) = self.allocations.remove_expired_of(instant, from) {
            self.expire(instant, expired, sockets);
        }
        match method {
            RequestMethod::Binding => (binding(&self.settings, from, &request).map(Some), None),
            RequestMethod::Allocate => self.authenticated(now, from, request, |server, proven| {
                server.allocate(instant, from, proven, sockets)
            }),
            RequestMethod::Refresh => self.authenticated(now, from, request, |server, proven| {
                server.refresh(instant, from, proven, sockets)
            }),
            RequestMethod::CreatePermission => {
                self.authenticated(now, from, request, |server, proven| {
                    server.create_permission(instant, from, proven, sockets)
                })
            }
            RequestMethod::ChannelBind => {
                self.authenticated(now, from, request, |server, proven| {
                    server.channel_bind(instant, from, proven, sockets)
                })
            }
            RequestMethod::Connect => self.authenticated(now, from, request, |server, proven| {
                server.connect(instant, from, proven, sockets)
            }),
            RequestMethod::ConnectionBind => {
                self.authenticated(now, from, request, |server, proven| {
                    server.connection_bind(instant, from, proven, sockets)
                })
            }
        }
    }

    /// Performs `verb` for a request that authenticates and in which nothing is unknown.
    fn authenticated<S: Into<Option<Success>>>(
        &mut self,
        now: Now,
        from: &FiveTuple,
        request: Message<'_>,
        verb: impl FnOnce(&mut Self, &Authenticated<'_>) -> Result<S, Reject>,
    ) -> Answer {
        if self.settings.is_stun_only() {
            return (Err(Reject::Forbidden), None);
        }
        let owner = match request.method() {
            Method::CONNECTION_BIND => self.owner_of_connection(now.instant, &request),
            _ => None,
        };
        let allocation = owner.or_else(|| self.allocations.of_client(now.instant, from));
        let ready = Ready { allocation, keys: &self.known_keys };
        let (outcome, protection) =
            match authenticate(&self.settings, now, from.client, request, ready) {
                Ok(proven) => {
                    if proven.derived {
                        self.known_keys.enter(&proven.username, proven.protection.key);
                    }
                    let known = refuse_unknown(&request, KNOWN_ATTRIBUTES);
                    let outcome = known.and_then(|()| verb(self, &proven)).map(Into::into);
                    (outcome, Some(proven.protection))
                }
                Err(reject) => (Err(reject), None),
            };
        if let Err(reject) = &outcome {
            self.tell_refusal(now, from, &request, reject);
        }
        (outcome, protection)
    }

    /// Whether the client receives what is sent on this path: it echoes what was sent there, it
    /// shook hands, or it is on this host, whose loopback nobody outside can send from.
    pub(crate) fn is_proven(&self, now: Now, path: &FiveTuple, request: &Message<'_>) -> bool {
        let client = path.client;
        if path.transport != Transport::Udp || client.0.ip().is_loopback() {
            return true;
        }
        let echoed = request.get::<Nonce<'_>>().ok().flatten();
        echoed.is_some_and(|Nonce(nonce)| {
            nonce::is_valid(&self.settings.nonce_key, now, client, nonce)
        })
    }

    /// A request without a single attribute is too short to be answered with a whole challenge,
    /// see [`AMPLIFICATION_MAX`].
    fn challenge(&self, now: Now, client: ClientAddr, request_len: usize) -> Challenge<'_> {
        let settings = &self.settings;
        let (features, algorithms) = match request_len {
            HEADER_LEN => (Features::None, None),
            _ => (settings.features(), Some(settings.password_algorithms())),
        };
        let nonce = ServerNonce::mint(&settings.nonce_key, features, now, client);
        Challenge { realm: &settings.realm, nonce, algorithms }
    }

    pub(crate) fn end_expired(&mut self, now: Instant, sockets: &mut impl RelaySockets) {
        for _ in 0..ENDS_AT_ONCE {
            if let Some(token) = self.reservations.pop(now) {
                sockets.release(token);
                continue;
            }
            let Some(expired) = self.allocations.remove_expired(now) else { return };
            self.expire(now, expired, sockets);
        }
    }

    fn expire(&mut self, now: Instant, allocation: Allocation, sockets: &mut impl RelaySockets) {
        let session_over = allocation.age(now) >= self.settings.max_session;
        let reason = if session_over { EndReason::MaxSession } else { EndReason::Expired };
        self.end(now, allocation, reason, sockets);
    }

    /// What is left to do for an allocation that has been taken out of its table.
    pub(crate) fn end(
        &mut self,
        now: Instant,
        allocation: Allocation,
        reason: EndReason,
        sockets: &mut impl RelaySockets,
    ) {
        self.end_connections(&allocation, reason, sockets);
        sockets.close(allocation.relayed);
        self.counters.allocations = self.allocations.len() as u64;
        self.emit(Event::Ended(Box::new(allocation.record(now, reason))));
    }

    pub(crate) fn emit(&mut self, event: Event) {
        if !self.events.push(event) {
            self.counters.events_lost += 1;
        }
    }

    fn settle(&mut self, outcome: Result<Verdict, DropReason>) -> Verdict {
        outcome.unwrap_or_else(|reason| {
            self.counters.count_drop(reason);
            Verdict::Drop(reason)
        })
    }
}

/// Writes the answer over the request.
fn respond(
    packet: &mut PacketBuf,
    reply: &Reply,
    (outcome, protection): &Answer,
    challenge: Option<&Challenge<'_>>,
) -> Result<(), DropReason> {
    let (request_len, protection) = (packet.len(), protection.as_ref());
    packet.overwrite(|buffer| match outcome {
        Ok(Some(success)) => reply.success(buffer, success, protection),
        Ok(None) => 0,
        Err(reject) => reply.error(buffer, reject, challenge, protection),
    });
    let too_long = outcome.is_err() && packet.len() > AMPLIFICATION_MAX * request_len;
    if too_long { Err(DropReason::Amplification) } else { Ok(()) }
}

/// RFC 8489 §6.3.1: "If the request contains one or more unknown comprehension-required attributes,
/// the server replies with … 420".
pub(crate) fn refuse_unknown(request: &Message<'_>, known: &[AttributeType]) -> Result<(), Reject> {
    let unknown = request.unknown_required(known);
    if unknown.is_empty() { Ok(()) } else { Err(Reject::UnknownAttribute(unknown)) }
}

/// The comprehension-required attributes that this server understands. "Known-but-unexpected
/// attributes SHOULD be ignored", so one list serves all methods.
pub(crate) const KNOWN_ATTRIBUTES: &[AttributeType] = KNOWN_IN_DISCOVERY.split_at(3).1;

/// The same with those of RFC 5780, which are understood where it is served.
pub(crate) const KNOWN_IN_DISCOVERY: &[AttributeType] = &[
    AttributeType::CHANGE_REQUEST,
    AttributeType::PADDING,
    AttributeType::RESPONSE_PORT,
    AttributeType::USERNAME,
    AttributeType::MESSAGE_INTEGRITY,
    AttributeType::ERROR_CODE,
    AttributeType::UNKNOWN_ATTRIBUTES,
    AttributeType::CHANNEL_NUMBER,
    AttributeType::LIFETIME,
    AttributeType::XOR_PEER_ADDRESS,
    AttributeType::DATA,
    AttributeType::REALM,
    AttributeType::NONCE,
    AttributeType::XOR_RELAYED_ADDRESS,
    AttributeType::REQUESTED_ADDRESS_FAMILY,
    AttributeType::EVEN_PORT,
    AttributeType::REQUESTED_TRANSPORT,
    AttributeType::DONT_FRAGMENT,
    AttributeType::MESSAGE_INTEGRITY_SHA256,
    AttributeType::PASSWORD_ALGORITHM,
    AttributeType::USERHASH,
    AttributeType::RESERVATION_TOKEN,
    AttributeType::XOR_MAPPED_ADDRESS,
    AttributeType::CONNECTION_ID,
];

#[cfg(test)]
mod tests;
