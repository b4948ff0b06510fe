//! Who is gone, what is due, and how a session ends.

use kopru_stun::time::Now;

use crate::connection::Phase;
use crate::hub::{Hub, Origin};
use crate::leave::LeaveReason;
use crate::outbox::{CloseReason, ConnId, Outbox};
use crate::protocol::{IceServersPush, ServerMessage};
use crate::rejection::Rejection;

impl Hub {
    /// Does what is due for one connection, and enters when it is due next.
    pub(crate) fn connection_due(&mut self, now: Now, conn: ConnId, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let silent_at = connection.heard_at + self.settings.limits.silence_max();
        let Phase::Open(session) = &mut connection.phase else {
            self.end(conn, LeaveReason::Disconnected, out);
            self.close(conn, CloseReason::HelloTimeout, out);
            return;
        };
        if silent_at <= now.instant {
            self.end(conn, LeaveReason::TimedOut, out);
            self.close(conn, CloseReason::Silent, out);
            return;
        }
        if session.renew_at.is_some_and(|at| at <= now.instant) {
            if session.may_renew(now) {
                self.push_ice_servers(Origin { now, conn, id: None }, out);
            } else {
                // For good: the token stays expired, and without it no room can be joined.
                session.renew_at = None;
            }
        }
        self.schedule(conn);
    }

    /// A client asks for fresh ICE servers.
    pub(crate) fn renew(&mut self, origin: Origin<'_>, out: &mut Outbox) -> Result<(), Rejection> {
        let session = self.session_mut(origin.conn).ok_or(Rejection::HelloFirst)?;
        if !session.may_renew(origin.now) {
            return Err(Rejection::TokenExpired);
        }
        self.push_ice_servers(origin, out);
        Ok(())
    }

    fn push_ice_servers(&mut self, origin: Origin<'_>, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(&origin.conn) else { return };
        let Some(session) = connection.session() else { return };
        let ice = &self.settings.ice;
        session.renew_at = ice.renew_after().map(|after| origin.now.instant + after);
        let ice_servers = &ice.servers(origin.now, &session.credential_id);
        let push = IceServersPush { ice_servers, ice_ttl_s: ice.ttl_s() };
        self.send(origin.conn, origin.id, &ServerMessage::IceServers(push), out);
    }

    /// Enters when a session is due next.
    pub(crate) fn schedule(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        let silent_at = connection.heard_at + self.settings.limits.silence_max();
        let renew_at = connection.session().and_then(|session| session.renew_at);
        let due_at = renew_at.map_or(silent_at, |at| at.min(silent_at));
        self.deadlines.remove(connection.due_at, conn);
        connection.due_at = due_at;
        self.deadlines.insert(due_at, conn);
    }

    /// Forgets a connection and everything that was its own.
    pub(crate) fn end(&mut self, conn: ConnId, reason: LeaveReason, out: &mut Outbox) {
        let Some(connection) = self.connections.remove(&conn) else { return };
        self.deadlines.remove(connection.due_at, conn);
        let Phase::Open(session) = connection.phase else { return };
        self.sessions.remove(&session.id);
        if let Some(places) = self.identities.get_mut(&session.identity) {
            places.give_back(session.place);
            if places.are_free() {
                self.identities.remove(&session.identity);
            }
        }
        for (room, member) in &session.rooms {
            self.depart(room, member, reason, out);
        }
    }
}
