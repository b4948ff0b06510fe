//! A session outlives its connection: what happens when that is lost, and when the client is back.
//!
//! ```text
//!              connection lost                   grace is over
//!   line up ──────────────────▶ line down ────────────────────────▶ ended: members leave
//!      ▲ │                          │           (or its place is
//!      │ └─ hello with resume ◀─────┘            needed)
//!      └── on another connection: the former one is closed
//! ```
//!
//! While the line is down everything for the session is kept, within bounds, and everybody sees
//! its members as `reconnecting`.

use std::sync::Arc;

use kopru_stun::time::Now;

use crate::claims::Claims;
use crate::hello::How;
use crate::hub::{Hub, Origin};
use crate::leave::LeaveReason;
use crate::outbox::{CloseReason, ConnId, Outbox};
use crate::presence::{Announcement, Change};
use crate::protocol::{Body, Frame as _, ServerMessage};
use crate::rejection::Rejection;
use crate::session::{Line, SessionKey};
use crate::sessions::Fate;

/// How a client's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The client closed it: it does not come back.
    Goodbye,
    /// In any other way: it may come back.
    Lost,
}

impl Hub {
    /// A connection is gone, and its session waits for another one.
    pub(crate) fn lose(&mut self, now: Now, conn: ConnId, reason: LeaveReason, out: &mut Outbox) {
        let Some(key) = self.forget(conn) else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let ends_at = now.instant + self.settings.limits.grace;
        session.line = Line::Down { ends_at, reason };
        self.waiting.insert(ends_at, key);
        self.whole.register().wait(key, ends_at);
        self.tell_reconnecting(key, true, out);
    }

    /// A client is back.
    pub(crate) fn resume(
        &mut self,
        origin: Origin<'_>,
        key: SessionKey,
        (generation, ack): (u64, Option<u64>),
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let fresh = self.fresh_claims(origin);
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        if ack.is_some_and(|ack| ack > session.replay.sent()) {
            return Err(Rejection::BadAck);
        }
        // Whoever has a resume token has read the `welcome` that brought it.
        let ack = ack.unwrap_or(session.replay.acked()).max(1);
        let arrived = session.replay.acknowledge(ack);
        // The same as before where that `welcome` was lost: then this token stays good.
        session.generation = generation.saturating_add(1);
        if let Some(claims) = fresh {
            session.allow(claims);
        }
        let relay = session.claims.relay;
        let complete = session.replay.last_forgotten() <= ack;
        // The end of a story is of no use: how things are now comes in its place.
        let sent = session.replay.sent();
        let lost = if complete { Vec::new() } else { session.replay.acknowledge(sent) };
        self.free_line(key, out);
        let renew_after = self.ice_for(relay).renew_after();
        if let Some(session) = self.sessions.get_mut(key) {
            session.renew_at = renew_after.map(|after| origin.now.instant + after);
        }
        self.note_minted(origin.now, key);
        self.attach(key, origin.conn);
        self.count_where_it_is(key, origin.conn);
        self.catch_up(origin, key, complete, out);
        // After `welcome`: a receipt may cost its receiver a frame of which this client hears.
        self.sessions.tell(arrived, Fate::Delivered, out);
        self.sessions.tell(lost, Fate::Expired, out);
        self.leave_what_is_not_allowed(key, out);
        self.hide_nat(key, out);
        self.release_candidates(key, out);
        self.tell_reconnecting(key, false, out);
        let counts = &mut self.counts;
        *if complete { &mut counts.resumed } else { &mut counts.resumed_with_loss } += 1;
        Ok(())
    }

    /// Takes a session from the connection that it has, or from those that wait for one.
    pub(crate) fn free_line(&mut self, key: SessionKey, out: &mut Outbox) {
        match self.sessions.get(key).map(|session| session.line) {
            Some(Line::Up(former)) => {
                self.forget(former);
                self.close(former, CloseReason::Replaced, out);
            }
            Some(Line::Down { ends_at, .. }) => {
                self.waiting.remove(ends_at, key);
                self.whole.register().wait_no_longer(key);
            }
            None => {}
        }
    }

    /// Sends `welcome`, and what was not acknowledged, or, if some of that is lost, what the rooms
    /// look like now.
    fn catch_up(&mut self, origin: Origin<'_>, key: SessionKey, complete: bool, out: &mut Outbox) {
        let welcome = self.welcome(key, origin.now, How::Resumed { complete });
        let (Some(welcome), Some(session)) = (welcome, self.sessions.get(key)) else { return };
        // Not a frame of its own in the sequence: it says where that goes on.
        let before = session.replay.last_forgotten();
        out.frame(origin.conn, welcome.frame(Some(before), origin.id).into());
        for frame in session.replay.kept() {
            out.frame(origin.conn, Arc::clone(frame));
        }
        if complete {
            return;
        }
        for (name, member) in session.rooms.clone() {
            let room = self.rooms.get(&name);
            let Some((room, member)) =
                room.and_then(|room| Some((room, room.members.get(&member)?)))
            else {
                continue;
            };
            let body =
                Body::of(&ServerMessage::Joined(room.joined(name.as_str(), member, &self.calls)));
            self.sessions.send(key, None, &body, out);
        }
    }

    /// The claims of a token that came along, if it is still good.
    fn fresh_claims(&self, origin: Origin<'_>) -> Option<Claims> {
        let connection = self.connections.get(&origin.conn)?;
        let claims = connection.verdict.as_deref()?.as_ref().ok()?;
        (!claims.is_expired(origin.now.unix)).then(|| claims.clone())
    }

    /// Ends a session whose client did not come back.
    pub(crate) fn give_up(&mut self, key: SessionKey, out: &mut Outbox) {
        if let Some(Line::Down { ends_at, reason }) = self.sessions.get(key).map(|one| one.line) {
            self.waiting.remove(ends_at, key);
            self.end_session(key, reason, out);
        }
    }

    fn tell_reconnecting(&mut self, key: SessionKey, reconnecting: bool, out: &mut Outbox) {
        let Some(session) = self.sessions.get(key) else { return };
        for (name, id) in session.rooms.clone() {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            let Some(member) = room.members.get_mut(&id) else { continue };
            if std::mem::replace(&mut member.reconnecting, reconnecting) == reconnecting {
                continue;
            }
            // No change of the version: the member itself is not told, and could not count it.
            if let Some(member) = room.members.get(&id) {
                Announcement { name: name.as_str(), room, member, change: Change::Updated }
                    .tell(&mut self.sessions, out);
            }
            self.tell_away(&name, &id, reconnecting);
            self.tell_calls_reconnecting(&name, &id, reconnecting, out);
        }
    }
}
