//! Who is gone, what is due, and how a session ends.

use std::sync::Arc;

use kopru_stun::time::Now;

use crate::connection::Phase;
use crate::hub::{Asked, Hub};
use crate::leave::LeaveReason;
use crate::outbox::{CloseReason, ConnId, Outbox};
use crate::protocol::{Body, IceServersPush, ServerMessage};
use crate::rejection::Rejection;
use crate::session::SessionKey;
use crate::sessions::Fate;

impl Hub {
    /// Does what is due for one connection, and enters when it is due next.
    pub(crate) fn connection_due(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let silent_at = connection.heard_at + self.settings.limits.silence_max();
        let Phase::Open(key) = connection.phase else {
            self.end(conn, LeaveReason::Disconnected, out);
            self.close(conn, CloseReason::HelloTimeout, out);
            return;
        };
        if silent_at <= now.instant {
            self.lose(now, conn, LeaveReason::TimedOut, out);
            self.close(conn, CloseReason::Silent, out);
            return;
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.renew_at.is_some_and(|at| at <= now.instant) {
            if session.may_renew(now) {
                self.push_ice_servers(now, key, None, out);
            } else {
                // For good: the token stays expired, and without it no room can be joined.
                session.renew_at = None;
            }
        }
        self.schedule(conn);
    }

    /// A client asks for fresh ICE servers.
    pub(crate) fn renew(&mut self, asked: Asked<'_>, out: &mut Outbox) -> Result<(), Rejection> {
        let session = self.sessions.get(asked.session).ok_or(Rejection::HelloFirst)?;
        if !session.may_renew(asked.now) {
            return Err(Rejection::TokenExpired);
        }
        self.push_ice_servers(asked.now, asked.session, Some(asked.id), out);
        Ok(())
    }

    pub(crate) fn push_ice_servers(
        &mut self,
        now: Now,
        key: SessionKey,
        re: Option<&str>,
        out: &mut Outbox,
    ) {
        self.note_minted(now, key);
        let Some(session) = self.sessions.get(key) else { return };
        let ice = self.ice_for(session.claims.relay);
        let body = Body::of(&ServerMessage::IceServers(IceServersPush {
            ice_servers: &ice.servers(now, &session.credential_name()),
            ice_ttl_s: ice.ttl_s(),
            ice_transport_policy: session.claims.relay.transport_policy(),
            nat_probe: ice.nat_probe(session.claims.relay),
        }));
        let renew_at = ice.renew_after().map(|after| now.instant + after);
        if let Some(session) = self.sessions.get_mut(key) {
            session.renew_at = renew_at;
        }
        self.sessions.send(key, re, &body, out);
    }

    /// Enters when a session is due next.
    pub(crate) fn schedule(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let silent_at = connection.heard_at + self.settings.limits.silence_max();
        let session = connection.session().and_then(|key| self.sessions.get(key));
        let renew_at = session.and_then(|session| session.renew_at);
        let due_at = renew_at.map_or(silent_at, |at| at.min(silent_at));
        self.deadlines.remove(connection.due_at, conn);
        connection.due_at = due_at;
        self.deadlines.insert(due_at, conn);
    }

    /// Forgets a connection, and says which session it carried.
    pub(crate) fn forget(&mut self, conn: ConnId) -> Option<SessionKey> {
        let connection = self.connections.remove(&conn)?;
        self.deadlines.remove(connection.due_at, conn);
        self.whole.register().disconnect();
        connection.session()
    }

    /// Forgets a connection and everything that was its own.
    pub(crate) fn end(&mut self, conn: ConnId, reason: LeaveReason, out: &mut Outbox) {
        if let Some(session) = self.forget(conn) {
            self.end_session(session, reason, out);
        }
    }

    /// Forgets a session, and lets its members leave.
    pub(crate) fn end_session(&mut self, key: SessionKey, reason: LeaveReason, out: &mut Outbox) {
        let Some(session) = self.sessions.remove(key) else { return };
        self.whole.register().end(key, &session);
        let was_last = self.whole.watches().end(&session.credential_id);
        if was_last {
            self.await_return(Arc::clone(&session.credential_id), out);
        }
        for (room, member) in &session.rooms {
            self.depart(room, member, reason, out);
        }
        let mut replay = session.replay;
        let undelivered = replay.acknowledge(replay.sent());
        self.sessions.tell(undelivered, Fate::Expired, out);
    }
}
