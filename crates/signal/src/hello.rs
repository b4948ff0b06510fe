//! `hello`: a connection opens a session, or takes up one that was lost.

use std::net::IpAddr;
use std::sync::Arc;

use kopru_stun::time::Now;

use crate::answered::Answered;
use crate::beside::{Need, What};
use crate::claims::Claims;
use crate::connection::Phase;
use crate::hub::{Hub, Origin};
use crate::ids::{ResumeToken, SessionId};
use crate::leave::LeaveReason;
use crate::memory::Pressure;
use crate::outbox::{ConnId, Outbox};
use crate::protocol::{Body, Capabilities, Hello, IceServersPush, ServerMessage, VERSION, Welcome};
use crate::register::{Newcomer, NoPlace};
use crate::rejection::{Rejection, Setback};
use crate::replay::Replay;
use crate::session::{Line, Rates, Session, SessionKey};

impl Hub {
    pub(crate) fn hello(
        &mut self,
        origin: Origin<'_>,
        hello: &Hello<'_>,
        ack: Option<u64>,
        out: &mut Outbox,
    ) -> Result<(), Setback> {
        let token = hello.resume.as_deref().and_then(ResumeToken::read);
        let seat = token.as_ref().and_then(|it| self.whole.register().session_of(&it.session));
        if let Some((_, hub)) = seat.filter(|(_, hub)| *hub != self.number) {
            return Err(Setback::Needs(Need { hub, what: What::Session }));
        }
        let former = token.as_ref().and_then(|token| self.session_to_resume(origin.conn, token));
        if let (Some(key), Some(token)) = (former, &token)
            && self.sessions.get(key).is_some_and(|session| session.is_known_by(token))
        {
            return Ok(self.resume(origin, key, (token.generation, ack), out)?);
        }
        let claims = self.admitted(origin)?;
        if let Some(unheard_of) = former {
            // It has the id that this client asks for, and its `welcome` was lost.
            self.free_line(unheard_of, out);
            self.end_session(unheard_of, LeaveReason::Disconnected, out);
        }
        let who = self.who(&claims, token.as_ref());
        let key = self.whole.register().draw_key();
        let network = self.network_of(origin.conn);
        let Who { id, identity, .. } = &who;
        let (hub, now) = (self.number, origin.now.instant);
        self.take_place(&Newcomer { hub, key, id, identity, network, now }, out)?;
        let session = self.new_session(origin, who, claims, hello.capabilities);
        self.whole.watches().begin(&session.credential_id);
        self.whole.farewells().call_off(&session.credential_id);
        self.sessions.insert(key, Box::new(session));
        self.note_minted(origin.now, key);
        self.attach(key, origin.conn);
        let welcome =
            self.welcome(key, origin.now, How::Anew { had_another: hello.resume.is_some() });
        if let Some(body) = welcome {
            self.sessions.send(key, origin.id, &body, out);
        }
        Ok(())
    }

    /// What the token allows, if it allows a session at all.
    fn admitted(&self, origin: Origin<'_>) -> Result<Claims, Rejection> {
        let connection = self.connections.get(&origin.conn);
        let verdict = connection.and_then(|connection| connection.verdict.as_deref().cloned());
        let claims = verdict.unwrap_or(Err(Rejection::Unauthorized))?;
        if claims.is_expired(origin.now.unix) {
            return Err(Rejection::TokenExpired);
        }
        Ok(claims)
    }

    /// The id and identity of a new session. One that is gone, as after a restart of this server,
    /// lends its id to the client that can prove to have had it.
    fn who(&mut self, claims: &Claims, former: Option<&ResumeToken>) -> Who {
        let identity = |id: &SessionId| match &claims.subject {
            Some(subject) => subject.to_identity(),
            None => id.anonymous(),
        };
        if let Some(token) = former {
            let again = identity(&token.session);
            let is_free = self.whole.register().session_of(&token.session).is_none();
            if is_free && self.ids.is_good(token, &again) {
                let (id, begun_with) = (token.session.clone(), token.generation);
                return Who { id, identity: again, begun_with };
            }
        }
        let id = self.ids.session();
        let identity = identity(&id);
        Who { id, identity, begun_with: 0 }
    }

    /// A place among all sessions, those of an identity and of a network, for which another one
    /// that has lost its client may have to go.
    fn take_place(&mut self, newcomer: &Newcomer<'_>, out: &mut Outbox) -> Result<(), Setback> {
        if self.memory.pressure() >= Pressure::Tight {
            return Err(Rejection::ServerFull.into());
        }
        loop {
            let taken = self.whole.register().begin(&self.settings.limits, newcomer);
            match taken {
                Ok(()) => return Ok(()),
                Err(NoPlace::Refused(rejection)) => return Err(rejection.into()),
                Err(NoPlace::Elsewhere(need)) => return Err(Setback::Needs(need)),
                // Another hub may be faster to take the place that becomes free.
                Err(NoPlace::Goes(going)) => {
                    going.into_iter().for_each(|key| self.give_up(key, out));
                }
            }
        }
    }

    fn network_of(&self, conn: ConnId) -> Option<IpAddr> {
        self.connections.get(&conn)?.network
    }

    /// A session has come to this connection: it counts in the network of that one, which may be
    /// beyond its number by those who moved there.
    pub(crate) fn count_where_it_is(&mut self, key: SessionKey, conn: ConnId) {
        let network = self.network_of(conn);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let former = std::mem::replace(&mut session.network, network);
        self.whole.register().relocate(key, former, network);
    }

    fn new_session(
        &mut self,
        origin: Origin<'_>,
        Who { id, identity, begun_with }: Who,
        claims: Claims,
        capabilities: Capabilities,
    ) -> Session {
        let renew_after = self.ice_for(claims.relay).renew_after();
        Session {
            id,
            credential_id: self.ids.credentials.of(&identity).into(),
            identity,
            network: self.network_of(origin.conn),
            share: self.memory.share(Session::weight(&claims)),
            claims,
            capabilities,
            line: Line::Up(origin.conn),
            generation: begun_with.saturating_add(1),
            begun_with,
            replay: Replay::new(self.memory.share(0)),
            answered: Answered::new(self.memory.share(0)),
            rates: Rates::full(origin.now.instant),
            rooms: Vec::new(),
            renew_at: renew_after.map(|after| origin.now.instant + after),
        }
    }

    /// Lets a connection carry a session.
    pub(crate) fn attach(&mut self, key: SessionKey, conn: ConnId) {
        if let Some(session) = self.sessions.get_mut(key) {
            session.line = Line::Up(conn);
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.phase = Phase::Open(key);
            // Used up: a `token` brings its own.
            connection.verdict = None;
        }
        self.schedule(conn);
    }

    pub(crate) fn welcome(&self, key: SessionKey, now: Now, how: How) -> Option<Body> {
        let session = self.sessions.get(key)?;
        let ice = self.ice_for(session.claims.relay);
        let (resumed, complete) = match how {
            How::Anew { had_another } => (false, !had_another),
            How::Resumed { complete } => (true, complete),
        };
        Some(Body::of(&ServerMessage::Welcome(Welcome {
            v: VERSION,
            session: session.id.as_str(),
            identity: &session.identity,
            resume: self.ids.resume(&session.id, session.generation, &session.identity),
            resumed,
            complete,
            heartbeat_s: self.settings.limits.heartbeat.as_secs(),
            token_ttl_s: session.claims.ttl_s(now.unix),
            ice: IceServersPush {
                ice_servers: &ice.servers(now, &session.credential_name()),
                ice_ttl_s: ice.ttl_s(),
                ice_transport_policy: session.claims.relay.transport_policy(),
                nat_probe: ice.nat_probe(session.claims.relay),
            },
        })))
    }

    /// The session that `token` names, if whoever has it and is at the other end of `conn` may take
    /// it up.
    fn session_to_resume(&self, conn: ConnId, token: &ResumeToken) -> Option<SessionKey> {
        let (key, _) = self.whole.register().session_of(&token.session)?;
        let session = self.sessions.get(key)?;
        let is_used_up = token.generation.saturating_add(1) < session.generation;
        if is_used_up || !self.ids.is_good(token, &session.identity) {
            return None;
        }
        let may = match self.connections.get(&conn)?.verdict.as_deref() {
            // What runs goes on without a token, or when its time is over.
            None | Some(Err(Rejection::TokenExpired)) => true,
            Some(Err(_)) => false,
            Some(Ok(claims)) => claims.subject == session.claims.subject,
        };
        may.then_some(key)
    }
}

/// The id and identity of a session to be, and the resume token that proved the id.
struct Who {
    id: SessionId,
    identity: Arc<str>,
    begun_with: u64,
}

/// How a session came to its connection.
#[derive(Clone, Copy)]
pub(crate) enum How {
    /// Begun, whether or not the client had another one before.
    Anew { had_another: bool },
    /// Taken up again, with all frames since or not.
    Resumed { complete: bool },
}
