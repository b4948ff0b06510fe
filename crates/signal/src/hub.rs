//! The hub: everything that happens between clients passes through these few functions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use kopru_stun::time::Now;

use crate::answered::Done;
use crate::claims::Claims;
use crate::connection::{Connection, Phase, Session};
use crate::deadlines::Deadlines;
use crate::ice_servers::IceSettings;
use crate::ids::{Ids, SessionId};
use crate::leave::LeaveReason;
use crate::limits::Limits;
use crate::names::RoomName;
use crate::outbox::{CloseReason, ConnId, Outbox};
use crate::places::Places;
use crate::protocol::{Body, ClientMessage, Request, ServerMessage};
use crate::rejection::Rejection;
use crate::room::Room;
use crate::stats::Stats;

/// How a [`Hub`] behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How much of everything.
    pub limits: Limits,
    /// Which ICE servers it hands out.
    pub ice: IceSettings,
}

/// Rooms, sessions and members. It has one owner, who has the sockets and the clock.
///
/// All tables are ordered maps: the same seed and the same calls give the same frames, and nobody
/// can choose names that collide.
pub struct Hub {
    pub(crate) settings: Settings,
    pub(crate) ids: Ids,
    pub(crate) connections: Connections,
    pub(crate) sessions: BTreeMap<SessionId, ConnId>,
    /// The places that each identity's sessions have.
    pub(crate) identities: BTreeMap<Arc<str>, Places>,
    pub(crate) rooms: BTreeMap<RoomName, Room>,
    /// In all rooms together.
    pub(crate) members: usize,
    pub(crate) deadlines: Deadlines,
    pub(crate) counts: Stats,
}

impl Hub {
    /// A hub without anybody. All its ids and secrets follow from `seed`: it must be random, and
    /// secret.
    #[must_use]
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        Self {
            settings,
            ids: Ids::new(seed),
            connections: BTreeMap::new(),
            sessions: BTreeMap::new(),
            identities: BTreeMap::new(),
            rooms: BTreeMap::new(),
            members: 0,
            deadlines: Deadlines::default(),
            counts: Stats::default(),
        }
    }

    /// A client has connected. `conn` must be new.
    pub fn connect(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        if self.connections.len() >= self.settings.limits.connections_max {
            self.close(conn, CloseReason::ServerFull, out);
            return;
        }
        let due_at = now.instant + self.settings.limits.hello_timeout;
        self.connections.insert(conn, Connection::opened(now.instant, due_at));
        self.deadlines.insert(due_at, conn);
    }

    /// Says who is at the other end of `conn`, or why its token is no good; before its `hello` is
    /// [`handle`](Self::handle)d. Without it, `hello` is refused as [`Rejection::Unauthorized`].
    ///
    /// A token may come in `hello` itself: see [`protocol::token_of`](crate::protocol::token_of).
    pub fn admit(&mut self, conn: ConnId, verdict: Result<Claims, Rejection>) {
        if let Some(Connection { phase: Phase::Greeting(admission), .. }) =
            self.connections.get_mut(&conn)
        {
            *admission = Some(verdict);
        }
    }

    /// A client has sent one frame. A connection that is not known, as after a close, is ignored.
    pub fn handle(&mut self, now: Now, conn: ConnId, text: &str, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.heard_at = now.instant;
        match Request::parse(text, &self.settings.limits) {
            Err(unreadable) => {
                let origin = Origin { now, conn, id: unreadable.id.as_deref() };
                self.refuse(origin, unreadable.rejection, out);
            }
            Ok(request) => {
                let origin = Origin { now, conn, id: request.id.as_deref() };
                if let Err(rejection) = self.obey(origin, &request, out) {
                    self.refuse(origin, rejection, out);
                }
            }
        }
    }

    /// A client's connection has ended. One that the hub itself closed needs no such call, and
    /// bears it.
    pub fn disconnect(&mut self, conn: ConnId, out: &mut Outbox) {
        self.end(conn, LeaveReason::Disconnected, out);
    }

    /// Does what is due: see [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        while let Some(conn) = self.deadlines.pop_due(now.instant) {
            self.connection_due(now, conn, out);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// What it holds and has done.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.connections.len(),
            sessions: self.sessions.len(),
            identities: self.identities.len(),
            rooms: self.rooms.len(),
            members: self.members,
            ..self.counts.clone()
        }
    }

    fn obey(
        &mut self,
        origin: Origin<'_>,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let Some(connection) = self.connections.get_mut(&origin.conn) else { return Ok(()) };
        let Some(session) = connection.session() else {
            let ClientMessage::Hello(hello) = &request.message else {
                return Err(Rejection::HelloFirst);
            };
            return self.hello(origin, hello, out);
        };
        // Only `hello` may lack an id.
        let id = origin.id.ok_or(Rejection::AlreadyGreeted)?;
        if request.ack.is_some_and(|ack| ack > session.sent) {
            return Err(Rejection::BadAck);
        }
        session.rates.take(origin.now.instant, &request.message, &self.settings.limits)?;
        if let Some(done) = session.answered.find(id).cloned() {
            return self.answer(origin, &done, out);
        }
        let Some(done) = self.act(origin, &request.message, out)? else { return Ok(()) };
        self.answer(origin, &done, out)?;
        if let Some(session) = self.session_mut(origin.conn) {
            session.answered.remember(id, done);
        }
        Ok(())
    }

    /// `None`: the answer has been sent, and asking again does no harm.
    fn act(
        &mut self,
        origin: Origin<'_>,
        message: &ClientMessage<'_>,
        out: &mut Outbox,
    ) -> Result<Option<Done>, Rejection> {
        let conn = origin.conn;
        let done = match message {
            ClientMessage::Hello(_) => return Err(Rejection::AlreadyGreeted),
            ClientMessage::Join(join) => self.join(origin, join, out)?,
            ClientMessage::Update(update) => self.update(conn, update, out)?,
            ClientMessage::Leave(leave) => self.leave(conn, &leave.room, out)?,
            ClientMessage::Description(description) => {
                self.relay_description(conn, description, out)?
            }
            ClientMessage::Candidate(candidate) => self.relay_candidate(conn, candidate, out)?,
            ClientMessage::Message(message) => self.relay_message(conn, message, out)?,
            ClientMessage::IceServers => return self.renew(origin, out).map(|()| None),
            ClientMessage::Ping => {
                self.send(conn, origin.id, &ServerMessage::Pong {}, out);
                return Ok(None);
            }
        };
        Ok(Some(done))
    }

    fn answer(
        &mut self,
        origin: Origin<'_>,
        done: &Done,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let body = match done {
            Done::Ok { version } => Body::of(&ServerMessage::Ok { version: *version }),
            Done::Joined { room: name, member } => {
                let room = self.rooms.get(name).ok_or(Rejection::NotInRoom)?;
                let member = room.members.get(member).ok_or(Rejection::NotInRoom)?;
                Body::of(&ServerMessage::Joined(room.joined(name.as_str(), member)))
            }
        };
        send_body(&mut self.connections, origin.conn, origin.id, &body, out);
        Ok(())
    }

    fn refuse(&mut self, origin: Origin<'_>, rejection: Rejection, out: &mut Outbox) {
        *self.counts.refused.entry(rejection.code()).or_default() += 1;
        self.send(origin.conn, origin.id, &ServerMessage::Error(rejection.into()), out);
        let rate = self.settings.limits.refusals;
        let Some(connection) = self.connections.get_mut(&origin.conn) else { return };
        let is_greeting = connection.session().is_none();
        let reason = match rejection.closes_greeting() {
            Some(reason) if is_greeting => reason,
            _ if connection.refusals.take(origin.now.instant, rate).is_err() => {
                CloseReason::TooManyRefusals
            }
            _ => return,
        };
        self.end(origin.conn, LeaveReason::Disconnected, out);
        self.close(origin.conn, reason, out);
    }

    /// Closes a connection that is forgotten already, or never was taken.
    pub(crate) fn close(&mut self, conn: ConnId, reason: CloseReason, out: &mut Outbox) {
        *self.counts.closed.entry(reason.reason()).or_default() += 1;
        out.close(conn, reason);
    }

    pub(crate) fn session_mut(&mut self, conn: ConnId) -> Option<&mut Session> {
        self.connections.get_mut(&conn)?.session()
    }

    pub(crate) fn send(
        &mut self,
        conn: ConnId,
        re: Option<&str>,
        message: &ServerMessage<'_>,
        out: &mut Outbox,
    ) {
        send_body(&mut self.connections, conn, re, &Body::of(message), out);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// When a frame came, on which connection, and its `id`.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) now: Now,
    pub(crate) conn: ConnId,
    pub(crate) id: Option<&'a str>,
}

pub(crate) type Connections = BTreeMap<ConnId, Connection>;

/// Sends a message to one receiver, as the next frame of its session.
pub(crate) fn send_body(
    connections: &mut Connections,
    conn: ConnId,
    re: Option<&str>,
    body: &Body,
    out: &mut Outbox,
) {
    let Some(connection) = connections.get_mut(&conn) else { return };
    let seq = connection.session().map(|session| {
        session.sent += 1;
        session.sent
    });
    out.frame(conn, body.frame(seq, re));
}
