//! The hub: everything that happens between clients passes through these few functions.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

use kopru_stun::time::Now;

use crate::answered::Done;
use crate::beside::Need;
use crate::calls::Calls;
use crate::claims::{Claims, Relay};
use crate::connection::Connection;
use crate::deadlines::Deadlines;
use crate::ice_servers::IceSettings;
use crate::ids::{Ids, ResumeKey};
use crate::leave::LeaveReason;
use crate::memory::Memory;
use crate::names::RoomName;
use crate::outbox::{CloseReason, ConnId, Outbox};
use crate::protocol::{Answer, Body, ClientMessage, Frame as _, Refused, Request, ServerMessage};
use crate::rejection::{Rejection, Setback};
use crate::resume::Parting;
use crate::room::Room;
use crate::session::SessionKey;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::stories::Stories;
use crate::whole::{HubNumber, Whole};

/// Rooms, sessions and members. It has one owner, who has the sockets and the clock.
///
/// A server may have [`several`](Self::several), one for each core: see `component.rs`.
///
/// All tables are ordered maps: the same seed and the same calls give the same frames, and nobody
/// can choose names that collide.
pub struct Hub {
    pub(crate) number: HubNumber,
    pub(crate) whole: Whole,
    pub(crate) settings: Settings,
    /// For whom no relay is granted.
    without_relay: IceSettings,
    pub(crate) ids: Ids,
    /// Boxed: numbers that rise leave half of each node empty.
    pub(crate) connections: BTreeMap<ConnId, Box<Connection>>,
    pub(crate) sessions: Sessions,
    pub(crate) rooms: BTreeMap<RoomName, Room>,
    /// In all rooms together.
    pub(crate) members: usize,
    pub(crate) calls: Calls,
    /// The stories of connections.
    pub(crate) stories: Stories,
    /// When those may be due whose last session was here.
    pub(crate) farewell_due: Option<Instant>,
    /// When each connection is due.
    pub(crate) deadlines: Deadlines<ConnId>,
    /// When each session without a connection ends.
    pub(crate) waiting: Deadlines<SessionKey>,
    pub(crate) memory: Memory,
    /// When each room that nobody has joined yet ends.
    pub(crate) waiting_rooms: Deadlines<RoomName>,
    pub(crate) counts: Stats,
}

impl Hub {
    /// A hub without anybody. All its ids follow from `seed`: it must be random, new after each
    /// start, and secret. `resume_key` proves whose they are.
    #[must_use]
    pub fn new(settings: Settings, seed: [u8; 32], resume_key: &ResumeKey) -> Self {
        let whole = Whole::new(1, settings.limits.memory_bytes_max);
        Self::one_of(&whole, HubNumber(0), settings, (seed, resume_key))
    }

    /// So many hubs, at least one, that together have the rooms of one server and keep its limits.
    /// Any of them answers for all of them where it is not said otherwise.
    #[must_use]
    pub fn several(
        count: u16,
        settings: &Settings,
        seed: [u8; 32],
        resume_key: &ResumeKey,
    ) -> Vec<Self> {
        let count = count.max(1);
        let whole = Whole::new(count, settings.limits.memory_bytes_max);
        let hub =
            |number| Self::one_of(&whole, HubNumber(number), settings.clone(), (seed, resume_key));
        (0..count).map(hub).collect()
    }

    fn one_of(
        whole: &Whole,
        number: HubNumber,
        settings: Settings,
        (seed, resume_key): ([u8; 32], &ResumeKey),
    ) -> Self {
        let memory = whole.memory().clone();
        Self {
            number,
            ids: Ids::new(seed, resume_key, number),
            sessions: Sessions::new(&settings.limits, memory.clone()),
            without_relay: settings.ice.without_relay(),
            settings,
            connections: BTreeMap::new(),
            rooms: BTreeMap::new(),
            members: 0,
            calls: Calls::new(memory.clone()),
            stories: Stories::new(whole.clone(), number),
            farewell_due: None,
            deadlines: Deadlines::default(),
            waiting: Deadlines::default(),
            memory,
            waiting_rooms: Deadlines::default(),
            counts: Stats::default(),
            whole: whole.clone(),
        }
    }

    /// Which of them it is.
    #[must_use]
    pub fn number(&self) -> HubNumber {
        self.number
    }

    /// What it holds is counted here. Whoever owns the sockets adds what waits in their queues.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// A client has connected. `conn` must be new.
    pub fn connect(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        self.stories.tick(now);
        let mut register = self.whole.register();
        if !register.connect(&self.settings.limits) {
            let retry_after_s = register.retry_after_s();
            drop(register);
            self.close(conn, CloseReason::ServerFull { retry_after_s }, out);
            return;
        }
        drop(register);
        let due_at = now.instant + self.settings.limits.hello_timeout;
        let share = self.memory.share(CONNECTION_BYTES);
        let connection = Connection::opened(now.instant, due_at, share);
        self.connections.insert(conn, Box::new(connection));
        self.deadlines.insert(due_at, conn);
    }

    /// Says from which network `conn` comes, before its `hello` is [`handle`](Self::handle)d: a
    /// session counts where its client was last. Without it, it counts nowhere.
    pub fn locate(&mut self, conn: ConnId, network: IpAddr) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.network = Some(network);
        }
    }

    /// Says who is at the other end of `conn`, or why its token is no good; before the `hello` or
    /// the `token` that it came in is [`handle`](Self::handle)d. Without it, they are refused as
    /// [`Rejection::Unauthorized`].
    ///
    /// Which token that is says [`protocol::token_of`](crate::protocol::token_of).
    pub fn admit(&mut self, conn: ConnId, verdict: Result<Claims, Rejection>) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.verdict = Some(Box::new(verdict));
        }
    }

    /// A client has sent one frame. A connection that is not known, as after a close, is ignored.
    pub fn handle(&mut self, now: Now, conn: ConnId, text: &str, out: &mut Outbox) -> Handled {
        self.take((now, conn), text, Take::First, out)
    }

    pub(crate) fn take(
        &mut self,
        (now, conn): (Now, ConnId),
        text: &str,
        take: Take,
        out: &mut Outbox,
    ) -> Handled {
        let Some(connection) = self.connections.get_mut(&conn) else { return Handled::Done };
        connection.heard_at = now.instant;
        self.stories.tick(now);
        let request = match Request::parse(text, &self.settings.limits) {
            Ok(request) => request,
            Err(unreadable) => {
                let origin = Origin { now, conn, id: unreadable.id.as_deref() };
                self.refuse(origin, unreadable.rejection, out);
                return Handled::Done;
            }
        };
        let origin = Origin { now, conn, id: request.id.as_deref() };
        match self.obey(origin, &request, take, out) {
            Ok(()) => {}
            Err(Setback::Refused(rejection)) => self.refuse(origin, rejection, out),
            Err(Setback::Needs(need)) => return Handled::Needs(need),
        }
        Handled::Done
    }

    /// A client's connection has ended. One that the hub itself closed needs no such call, and
    /// bears it.
    pub fn disconnect(&mut self, now: Now, conn: ConnId, parting: Parting, out: &mut Outbox) {
        self.stories.tick(now);
        match parting {
            Parting::Goodbye => self.end(conn, LeaveReason::Left, out),
            Parting::Lost => self.lose(now, conn, LeaveReason::Disconnected, out),
        }
    }

    /// Does what is due: see [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        self.stories.tick(now);
        while let Some(conn) = self.deadlines.pop_due(now.instant) {
            self.connection_due(now, conn, out);
        }
        while let Some(session) = self.waiting.pop_due(now.instant) {
            self.give_up(session, out);
        }
        while let Some(room) = self.waiting_rooms.pop_due(now.instant) {
            self.end_room(&room);
        }
        while let Some(call) = self.calls.pop_due(now.instant) {
            self.call_due(now, call, out);
        }
        self.end_farewells(now.instant, out);
        self.stories.expire(now.instant);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.deadlines.first().map(|(at, _)| at);
        let session = self.waiting.first().map(|(at, _)| at);
        let room = self.waiting_rooms.first().map(|(at, _)| at);
        let [call, story] = [self.calls.first_due(), self.stories.first_due()];
        [connection, session, room, call, story, self.farewell_due].into_iter().flatten().min()
    }

    /// What it holds and has done; what is counted for all hubs together is the same in each.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let identities = self.whole.register().identities();
        let stories = self.whole.stories();
        Stats {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            identities,
            rooms: self.rooms.len(),
            members: self.members,
            memory_bytes: self.memory.held(),
            memory_bytes_max: self.memory.bytes_max(),
            calls: self.calls.by_state(),
            stories: stories.len(),
            stories_displaced: stories.displaced,
            ..self.counts.clone()
        }
    }

    fn obey(
        &mut self,
        origin: Origin<'_>,
        request: &Request<'_>,
        take: Take,
        out: &mut Outbox,
    ) -> Result<(), Setback> {
        let Some(connection) = self.connections.get(&origin.conn) else { return Ok(()) };
        let Some(key) = connection.session() else {
            let ClientMessage::Hello(hello) = &request.message else {
                return Err(Rejection::HelloFirst.into());
            };
            return self.hello(origin, hello, request.ack, out);
        };
        // Only `hello` may lack an id.
        let id = origin.id.ok_or(Rejection::AlreadyGreeted)?;
        let asked = Asked { now: origin.now, session: key, id };
        if take == Take::First && self.knows_answer(asked, request, out)? {
            return Ok(());
        }
        if let ClientMessage::Join(join) = &request.message {
            self.is_at_hand(asked, join, take)?;
        }
        let Some(done) = self.act(asked, &request.message, out)? else { return Ok(()) };
        self.answer(key, id, &done, out)?;
        if let Some(session) = self.sessions.get_mut(key) {
            session.answered.remember(id, done);
        }
        Ok(())
    }

    /// What comes before a message is obeyed: what it acknowledges, and whether there may be one
    /// more of its kind. `true` if it is a repeated one, which has its answer now.
    fn knows_answer(
        &mut self,
        Asked { now, session: key, id }: Asked<'_>,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<bool, Rejection> {
        let session = self.sessions.get_mut(key).ok_or(Rejection::HelloFirst)?;
        if let Some(ack) = request.ack {
            if ack > session.replay.sent() {
                return Err(Rejection::BadAck);
            }
            self.acknowledge(key, ack, out);
        }
        let session = self.sessions.get_mut(key).ok_or(Rejection::HelloFirst)?;
        session.rates.take(now.instant, &request.message, &self.settings.limits)?;
        let Some(done) = session.answered.find(id).cloned() else { return Ok(false) };
        self.answer(key, id, &done, out).map(|()| true)
    }

    /// `None`: the answer has been sent, and asking again does no harm.
    fn act(
        &mut self,
        asked: Asked<'_>,
        message: &ClientMessage<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Done>, Setback> {
        let key = asked.session;
        let done = match message {
            ClientMessage::Hello(_) => return Err(Rejection::AlreadyGreeted.into()),
            ClientMessage::Join(join) => self.join(asked.now, key, join, out)?,
            ClientMessage::Update(update) => self.update(key, update, out)?,
            ClientMessage::Leave(leave) => self.leave(key, &leave.room, out)?,
            ClientMessage::Description(description) => {
                self.relay_description(asked, description, out)?
            }
            ClientMessage::Candidate(candidate) => self.relay_candidate(asked, candidate, out)?,
            ClientMessage::Message(message) => self.relay_message(asked, message, out)?,
            ClientMessage::Call(call) => self.call(asked.now, key, call, out)?,
            ClientMessage::CallStep(step) => self.call_step(asked.now, key, step, out)?,
            ClientMessage::Report(report) => {
                self.report(asked, report, out)?;
                return Ok(None);
            }
            ClientMessage::Why(why) => {
                self.why(asked, why, out)?;
                return Ok(None);
            }
            ClientMessage::Token => self.refresh(asked, out)?,
            ClientMessage::IceServers => {
                self.renew(asked, out)?;
                return Ok(None);
            }
            ClientMessage::Ping => {
                self.sessions.send(key, Some(asked.id), &ServerMessage::Pong {}, out);
                return Ok(None);
            }
        };
        Ok(Some(done))
    }

    fn answer(
        &mut self,
        key: SessionKey,
        id: &str,
        done: &Done,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let message = match done {
            Done::Ok { version } => {
                ServerMessage::Ok(Answer { version: *version, ..Answer::default() })
            }
            Done::Sent { held } => {
                let held = held.then_some(true);
                ServerMessage::Ok(Answer { held, ..Answer::default() })
            }
            Done::Refreshed { token_ttl_s } => {
                let token_ttl_s = *token_ttl_s;
                ServerMessage::Ok(Answer { token_ttl_s, ..Answer::default() })
            }
            Done::Joined { room: name, member } => {
                let room = self.rooms.get(name).ok_or(Rejection::NotInRoom)?;
                let member = room.members.get(member).ok_or(Rejection::NotInRoom)?;
                ServerMessage::Joined(room.joined(name.as_str(), member, &self.calls))
            }
            Done::Calling { call, member } => {
                let call = self.calls.get(*call).filter(|call| call.concerns(member));
                let call = call.ok_or(Rejection::NoSuchCall)?;
                ServerMessage::Call(call.view(call.caller != *member))
            }
        };
        self.sessions.send(key, Some(id), &message, out);
        Ok(())
    }

    pub(crate) fn refuse(&mut self, origin: Origin<'_>, rejection: Rejection, out: &mut Outbox) {
        *self.counts.refused.entry(rejection.code()).or_default() += 1;
        let rate = self.settings.limits.refusals;
        let Some(connection) = self.connections.get_mut(&origin.conn) else { return };
        let is_too_often = connection.refusals.take(origin.now.instant, rate).is_err();
        let retry_after_s = match rejection {
            Rejection::ServerFull => Some(self.whole.register().retry_after_s()),
            _ => rejection.retry_after_s(),
        };
        let body = Body::of(&ServerMessage::Error(Refused::new(rejection, retry_after_s)));
        let closes = match connection.session() {
            Some(session) => {
                self.sessions.send(session, origin.id, &body, out);
                None
            }
            None => {
                out.frame(origin.conn, body.frame(None, origin.id).into());
                rejection.closes_greeting(retry_after_s)
            }
        };
        let reason = closes.or(is_too_often.then_some(CloseReason::TooManyRefusals));
        if let Some(reason) = reason {
            self.end(origin.conn, LeaveReason::Disconnected, out);
            self.close(origin.conn, reason, out);
        }
    }

    /// The ICE servers for somebody who may relay, or may not.
    pub(crate) fn ice_for(&self, relay: Relay) -> &IceSettings {
        if relay == Relay::No { &self.without_relay } else { &self.settings.ice }
    }

    /// Closes a connection that is forgotten already, or never was taken.
    pub(crate) fn close(&mut self, conn: ConnId, reason: CloseReason, out: &mut Outbox) {
        *self.counts.closed.entry(reason.reason()).or_default() += 1;
        out.close(conn, reason);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// What became of a frame.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It is dealt with.
    Done,
    /// It can be dealt with only beside another hub, by [`Hub::handle_beside`]. One that is alone
    /// never says so.
    Needs(Need),
}

/// How often a frame was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// Never.
    First,
    /// What it acknowledges has been taken note of, and it is counted already.
    Again,
}

/// When a frame came, on which connection, and its `id`.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) now: Now,
    pub(crate) conn: ConnId,
    pub(crate) id: Option<&'a str>,
}

/// When a session asked for something, and the `id` of that message.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) now: Now,
    pub(crate) session: SessionKey,
    pub(crate) id: &'a str,
}

/// A connection in the tables of a hub.
const CONNECTION_BYTES: usize = 512;
