//! `hello`: a connection becomes a session.

use std::sync::Arc;

use kopru_stun::time::Now;

use crate::answered::Answered;
use crate::claims::{Claims, Subject};
use crate::connection::{Phase, Rates, Session};
use crate::hub::{Hub, Origin, send_body};
use crate::leave::LeaveReason;
use crate::outbox::{CloseReason, ConnId, Outbox};
use crate::protocol::{Body, Hello, IceServersPush, ServerMessage, VERSION, Welcome};
use crate::rejection::Rejection;

impl Hub {
    pub(crate) fn hello(
        &mut self,
        origin: Origin<'_>,
        hello: &Hello<'_>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let claims = self.admitted(origin)?;
        let former = hello.resume.as_deref().and_then(|resume| self.former(resume, &claims));
        let identity = match (&claims.subject, &former) {
            (Some(subject), _) => subject.to_identity(),
            (None, Some((_, identity))) => Arc::clone(identity),
            (None, None) => self.ids.anonymous(),
        };
        if let Some((conn, _)) = former {
            self.end(conn, LeaveReason::Replaced, out);
            self.close(conn, CloseReason::Replaced, out);
        }
        let places = self.identities.entry(Arc::clone(&identity)).or_default();
        let place = places.take(self.settings.limits.sessions_per_identity_max);
        let place = place.ok_or(Rejection::TooManySessions)?;
        let session = self.new_session(origin.now, (identity, place), claims, hello);
        self.sessions.insert(session.id.clone(), origin.conn);
        let Some(connection) = self.connections.get_mut(&origin.conn) else { return Ok(()) };
        connection.phase = Phase::Open(Box::new(session));
        self.schedule(origin.conn);
        self.welcome(origin, hello.resume.is_some(), out);
        Ok(())
    }

    /// What the token allows, if it allows a session at all.
    fn admitted(&self, origin: Origin<'_>) -> Result<Claims, Rejection> {
        let claims = match self.connections.get(&origin.conn).map(|connection| &connection.phase) {
            Some(Phase::Greeting(Some(Ok(claims)))) => claims.clone(),
            Some(Phase::Greeting(Some(Err(rejection)))) => return Err(*rejection),
            _ => return Err(Rejection::Unauthorized),
        };
        if claims.is_expired(origin.now.unix) {
            return Err(Rejection::TokenExpired);
        }
        Ok(claims)
    }

    /// The connection and identity of the session that `resume` names, if whoever has `claims` may
    /// end it: their subject is its identity, or both have none and the secret is proof enough.
    fn former(&mut self, resume: &str, claims: &Claims) -> Option<(ConnId, Arc<str>)> {
        let session = self.ids.session_of(resume)?;
        let conn = *self.sessions.get(&session)?;
        let session = self.session_mut(conn)?;
        let subject = claims.subject.as_ref().map(Subject::as_str);
        let is_same = subject == session.claims.subject.as_ref().map(Subject::as_str);
        is_same.then(|| (conn, Arc::clone(&session.identity)))
    }

    fn new_session(
        &mut self,
        now: Now,
        (identity, place): (Arc<str>, usize),
        claims: Claims,
        hello: &Hello<'_>,
    ) -> Session {
        Session {
            id: self.ids.session(),
            credential_id: self.ids.credential(&identity, place),
            identity,
            place,
            claims,
            rollback: hello.rollback,
            sent: 0,
            answered: Answered::default(),
            rates: Rates::full(now.instant),
            rooms: Vec::new(),
            renew_at: self.settings.ice.renew_after().map(|after| now.instant + after),
        }
    }

    fn welcome(&mut self, origin: Origin<'_>, has_resume: bool, out: &mut Outbox) {
        let Some(connection) = self.connections.get_mut(&origin.conn) else { return };
        let Some(session) = connection.session() else { return };
        let ice = &self.settings.ice;
        let ice_servers = &ice.servers(origin.now, &session.credential_id);
        let body = Body::of(&ServerMessage::Welcome(Welcome {
            v: VERSION,
            session: session.id.as_str(),
            identity: &session.identity,
            resume: self.ids.resume(&session.id),
            resumed: false,
            complete: !has_resume,
            heartbeat_s: self.settings.limits.heartbeat.as_secs(),
            ice: IceServersPush { ice_servers, ice_ttl_s: ice.ttl_s() },
            ice_transport_policy: if session.claims.relay_only { "relay" } else { "all" },
        }));
        send_body(&mut self.connections, origin.conn, origin.id, &body, out);
    }
}
