//! The driver of Linux: one epoll set, one datagram a system call, and the connections of clients
//! over TCP and TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::attribute::padding_len;
use kopru_stun::packet::PacketBuf;
use kopru_turn::IcmpError;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, PeerAddr, RelayedAddr, Transport};

use crate::batch::{Batch, Departure, Origin};
use crate::driver::Driver;
use crate::inbox::Inbox;
use crate::listener::Listener;
use crate::quota::DescriptorLease;
use crate::relay_socket::RelaySocket;
use crate::stats::{Loss, Tally};
use crate::stream::Stream;
use crate::stream::connection::Connection;
use crate::stream::connections::{Connections, STREAM};
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::message;
use crate::tcp::crew::Crew;

/// What stays when a worker panics and starts anew: listeners, and the set that wakes it.
///
/// ```text
/// token   0 … n-1       listener
///         1 << 32 | s   relay socket in slot s
///         1 << 33 | s   connection in slot s
///         u64::MAX - 1  something about TCP towards peers
///         u64::MAX      bell of the inbox
/// ```
pub(crate) struct Wakeable {
    epoll: Epoll,
    /// What TCP towards peers sleeps on.
    pub(crate) peers: Arc<Epoll>,
    listeners: Vec<Listener>,
    /// Which worker it is for, where clients' connections may be for another (RFC 6062).
    crew: Option<Crew>,
}

impl Wakeable {
    /// A set that wakes for datagrams on `listeners` and for the bell of `inbox`.
    pub(crate) fn new(
        listeners: Vec<Listener>,
        inbox: &Inbox,
        crew: Option<Crew>,
    ) -> io::Result<Self> {
        let (epoll, peers) = (Epoll::new()?, Arc::new(Epoll::new()?));
        epoll.add(inbox.as_fd(), BELL)?;
        epoll.add(peers.as_fd(), PEERS)?;
        for (token, listener) in (0..).zip(&listeners) {
            epoll.add(listener.as_fd(), token)?;
        }
        Ok(Self { epoll, peers, listeners, crew })
    }
}

/// The sockets of one worker.
pub(crate) struct UdpDriver<'a> {
    wakeable: &'a Wakeable,
    relays: Vec<Option<RelaySocket>>,
    connections: Connections<'a>,
    vacant: Vec<u32>,
    /// Slots that were vacated since the last wait.
    vacated: Vec<u32>,
    ready: Ready,
    /// The connections of which more is there than the last turn allowed.
    resumed: Vec<u32>,
    /// Which of `ready`, and then of `resumed`, has its turn, and how many datagrams it has had.
    turn: usize,
    taken: usize,
    tally: Tally,
}

impl<'a> UdpDriver<'a> {
    /// The listeners, and no relay sockets yet.
    pub(crate) fn new(wakeable: &'a Wakeable) -> Self {
        Self {
            wakeable,
            relays: Vec::new(),
            connections: Connections::new(&wakeable.epoll, wakeable.crew),
            vacant: Vec::new(),
            vacated: Vec::new(),
            ready: Ready::new(),
            resumed: Vec::new(),
            turn: 0,
            taken: 0,
            tally: Tally::default(),
        }
    }

    /// Receives one datagram from what `token` names; `false` when there is none.
    fn receive_one(&mut self, token: u64, batch: &mut Batch) -> bool {
        match token {
            BELL | PEERS => false,
            _ if token & STREAM != 0 => self.receive_from_stream(token as u32, batch),
            _ if token & RELAY == 0 => self.receive_from_client(token as usize, batch),
            _ => self.receive_from_peer((token ^ RELAY) as usize, batch),
        }
    }

    fn receive_from_client(&mut self, index: usize, batch: &mut Batch) -> bool {
        let Some(listener) = self.wakeable.listeners.get(index) else { return false };
        let seen = &listener.overflow_seen;
        let Some(arrival) = receive(listener.as_fd(), batch, &mut self.tally) else { return false };
        self.tally.kernel_drops += seen.newly(&arrival.ancillary);
        match (arrival.from, listener.asked(&arrival.ancillary)) {
            _ if arrival.truncated => self.tally.lose(Loss::Truncated),
            (Some(client), Some(server)) => batch.push(Origin::Client(FiveTuple {
                transport: Transport::Udp,
                client: ClientAddr(client),
                server,
            })),
            _ => self.tally.lose(Loss::NoAddress),
        }
        true
    }

    fn receive_from_stream(&mut self, slot: u32, batch: &mut Batch) -> bool {
        if self.taken == 0 {
            self.connections.flush(slot, &mut self.tally);
        }
        let Some(packet) = batch.vacant() else { return false };
        let client = self.connections.receive(slot, packet, &mut self.tally);
        client.map(|five_tuple| batch.push(Origin::Client(five_tuple))).is_some()
    }

    /// What has its turn now.
    fn token(&self) -> Option<u64> {
        let resumed = || {
            let slot = self.resumed.get(self.turn.checked_sub(self.ready.len())?)?;
            Some(STREAM | u64::from(*slot))
        };
        self.ready.token(self.turn).or_else(resumed)
    }

    fn receive_from_peer(&mut self, slot: usize, batch: &mut Batch) -> bool {
        if self.ready.has_error(self.turn) && self.receive_error(slot, batch) {
            return true;
        }
        let Some(Some(relay)) = self.relays.get(slot) else { return false };
        let Some(arrival) = receive(relay.as_fd(), batch, &mut self.tally) else { return false };
        self.tally.kernel_drops += relay.overflow_seen.newly(&arrival.ancillary);
        match arrival.from {
            _ if arrival.truncated => self.tally.lose(Loss::Truncated),
            Some(from) => batch.push(Origin::Peer { at: relay.at, from: PeerAddr(from) }),
            None => self.tally.lose(Loss::NoAddress),
        }
        true
    }

    /// Receives one ICMP error, which the kernel tells with the datagram that it is about.
    fn receive_error(&self, slot: usize, batch: &mut Batch) -> bool {
        let Some(Some(relay)) = self.relays.get(slot) else { return false };
        let Some(packet) = batch.vacant() else { return false };
        let Ok(sent) = message::receive_error(relay.as_fd(), packet.receive_area()) else {
            return false;
        };
        packet.set_received(sent.len);
        // What this host found by itself was told to whoever sent the datagram.
        if let (Some(to), Some(icmp)) = (sent.from, sent.ancillary.icmp) {
            batch.push(Origin::Icmp { at: relay.at, error: IcmpError { to: PeerAddr(to), icmp } });
        }
        true
    }

    fn send_to_client(&self, five_tuple: FiveTuple, datagram: &[u8]) -> Result<(), Loss> {
        let mut listeners = self.wakeable.listeners.iter();
        let listener = listeners.find(|listener| listener.serves(five_tuple.server));
        let listener = listener.ok_or(Loss::SocketGone)?;
        let source = listener.source(five_tuple.server);
        transmit(listener.as_fd(), datagram, five_tuple.client.0, source)
    }

    /// RFC 8656 §12.5: over a stream, ChannelData is padded. STUN messages are by themselves.
    fn send_on_stream(&mut self, five_tuple: &FiveTuple, packet: &mut PacketBuf) {
        let sent = match packet.pad(padding_len(packet.len())) {
            true => self.connections.send(five_tuple, packet.bytes(), &mut self.tally),
            false => Err(Loss::MessageSize),
        };
        if let Err(why) = sent {
            self.tally.lose(why);
        }
    }

    fn send_to_peer(
        &mut self,
        slot: u32,
        to: PeerAddr,
        dont_fragment: bool,
        datagram: &[u8],
    ) -> Result<(), Loss> {
        let Some(Some(relay)) = self.relays.get_mut(slot as usize) else {
            return Err(Loss::SocketGone);
        };
        relay.set_dont_fragment(dont_fragment).map_err(|_| Loss::SendRefused)?;
        transmit(relay.as_fd(), datagram, to.0, None)
    }
}

impl Driver for UdpDriver<'_> {
    fn open(&mut self, at: RelayedAddr, bound: SocketAddr) -> io::Result<u32> {
        let relay = RelaySocket::open(at, bound)?;
        let slot = self.vacant.last().copied().unwrap_or(self.relays.len() as u32);
        self.wakeable.epoll.add(relay.as_fd(), RELAY | u64::from(slot))?;
        match self.relays.get_mut(slot as usize) {
            Some(place) => *place = Some(relay),
            None => self.relays.push(Some(relay)),
        }
        self.vacant.pop();
        Ok(slot)
    }

    fn close(&mut self, slot: u32) {
        // Closing the descriptor takes it out of the epoll set.
        if let Some(place) = self.relays.get_mut(slot as usize)
            && place.take().is_some()
        {
            self.vacated.push(slot);
        }
    }

    fn adopt(&mut self, stream: Stream, lease: DescriptorLease) {
        self.connections.adopt(stream, lease, &mut self.tally);
    }

    fn take_in(&mut self, connection: Connection) {
        self.connections.take_in(connection, &mut self.tally);
    }

    fn leaving(&mut self) -> Option<(u16, Connection)> {
        self.connections.leaving()
    }

    fn part_with(&mut self, client: &FiveTuple) -> Option<Connection> {
        self.connections.part_with(client, &mut self.tally)
    }

    fn due(&mut self, now: Instant) -> Option<FiveTuple> {
        self.connections.due(now, &mut self.tally)
    }

    fn judge(&mut self, now: Instant, client: &FiveTuple, until: Option<Instant>) {
        self.connections.judge(now, client, until, &mut self.tally);
    }

    fn unprove(&mut self, client: &FiveTuple) {
        self.connections.unprove(client);
    }

    fn disconnected(&mut self) -> Option<FiveTuple> {
        self.connections.ended()
    }

    fn wait(&mut self, until: Option<Instant>) -> bool {
        self.vacant.append(&mut self.vacated);
        self.resumed.clear();
        self.resumed.append(self.connections.unfinished());
        let until = until.into_iter().chain(self.connections.next_timeout()).min();
        let timeout = match self.resumed.is_empty() {
            true => until.map(|until| until.saturating_duration_since(Instant::now())),
            false => Some(Duration::ZERO),
        };
        self.wakeable.epoll.wait(&mut self.ready, timeout).expect("the epoll set is valid");
        (self.turn, self.taken) = (0, 0);
        self.ready.contains(BELL)
    }

    fn recv(&mut self, batch: &mut Batch) {
        while batch.vacant().is_some() {
            let Some(token) = self.token() else { return };
            if self.taken < TURN_MAX && self.receive_one(token, batch) {
                self.taken += 1;
            } else {
                // What a socket still has wakes again by itself; what a buffer has does not.
                if self.taken == TURN_MAX && token & STREAM != 0 {
                    self.connections.resume_later(token as u32);
                }
                self.turn += 1;
                self.taken = 0;
            }
        }
    }

    fn send(&mut self, batch: &mut Batch) {
        for datagram in batch.iter_mut() {
            if let Departure::Client(five_tuple) = datagram.departure
                && five_tuple.transport != Transport::Udp
            {
                self.send_on_stream(&five_tuple, &mut datagram.packet);
                continue;
            }
            let bytes = datagram.packet.bytes();
            let sent = match datagram.departure {
                Departure::Stays => Ok(()),
                Departure::Client(five_tuple) => self.send_to_client(five_tuple, bytes),
                Departure::Peer { slot, to, dont_fragment } => {
                    self.send_to_peer(slot, to, dont_fragment, bytes)
                }
            };
            if let Err(why) = sent {
                self.tally.lose(why);
            }
        }
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

/// Receives one datagram into the vacant buffer of `batch`; `None` when there is none.
///
/// A pending error is the echo of an earlier send to somebody: taking it cleared it.
fn receive(
    socket: BorrowedFd<'_>,
    batch: &mut Batch,
    tally: &mut Tally,
) -> Option<message::Received> {
    let packet = batch.vacant()?;
    for _ in 0..PENDING_MAX {
        match message::receive(socket, packet.receive_area()) {
            Ok(received) => {
                packet.set_received(received.len);
                return Some(received);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
    tally.lose(Loss::Unreachable);
    None
}

/// Sends one datagram.
///
/// The socket may have an error pending that the destination of an earlier datagram caused; the
/// kernel then reports it in place of sending this one, and has cleared it thereby. So what looks
/// like such an error is tried once more, and only then believed.
fn transmit(
    socket: BorrowedFd<'_>,
    datagram: &[u8],
    to: SocketAddr,
    source: Option<(IpAddr, u32)>,
) -> Result<(), Loss> {
    let send = || message::send(socket, datagram, to, source);
    send().or_else(|error| if may_be_pending(&error) { send() } else { Err(error) }).map_err(loss)
}

/// What ICMP errors become when they are reported on a socket, and interrupted calls.
fn may_be_pending(error: &io::Error) -> bool {
    const PENDING: [i32; 9] = [
        libc::EINTR,
        libc::ECONNREFUSED,
        libc::ENETUNREACH,
        libc::EHOSTUNREACH,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::ENOPROTOOPT,
        libc::EPROTO,
        libc::EOPNOTSUPP,
    ];
    error.raw_os_error().is_some_and(|code| PENDING.contains(&code))
}

fn loss(error: io::Error) -> Loss {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Loss::SendBufferFull,
        Some(libc::EMSGSIZE) => Loss::MessageSize,
        Some(libc::ENETDOWN) => Loss::Unreachable,
        _ if may_be_pending(&error) => Loss::Unreachable,
        _ => Loss::SendRefused,
    }
}

const BELL: u64 = u64::MAX;
const PEERS: u64 = u64::MAX - 1;
const RELAY: u64 = 1 << 32;
/// Datagrams a socket may deliver in one turn. With the bound on ready sockets this bounds the time
/// until timers, the inbox and the control plane have theirs.
const TURN_MAX: usize = 32;
/// Pending errors that are taken from a socket before its next datagram.
const PENDING_MAX: usize = 4;

#[cfg(test)]
mod tests;
