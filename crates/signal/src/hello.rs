//! `hello`: a connection opens a session, or takes up one that was lost.

use std::net::IpAddr;
use std::sync::Arc;

use kopru_stun::time::Now;

use crate::answered::Answered;
use crate::claims::Claims;
use crate::connection::Phase;
use crate::hub::{Hub, Origin};
use crate::ids::{ResumeToken, SessionId};
use crate::memory::Pressure;
use crate::outbox::{ConnId, Outbox};
use crate::protocol::{Body, Capabilities, Hello, IceServersPush, ServerMessage, VERSION, Welcome};
use crate::rejection::Rejection;
use crate::replay::Replay;
use crate::session::{Line, Rates, Session, SessionKey};

impl Hub {
    pub(crate) fn hello(
        &mut self,
        origin: Origin<'_>,
        hello: &Hello<'_>,
        ack: Option<u64>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let token = hello.resume.as_deref().and_then(ResumeToken::read);
        let former = token.as_ref().and_then(|token| self.session_to_resume(origin.conn, token));
        if let Some(key) = former {
            return self.resume(origin, key, ack, out);
        }
        let claims = self.admitted(origin)?;
        let (id, identity) = self.who(&claims, token.as_ref());
        let key = self.sessions.draw_key();
        let network = self.network_of(origin.conn);
        self.take_place(&identity, network, key, out)?;
        let session = self.new_session(origin, (id, identity), claims, hello.capabilities);
        self.sessions.insert(key, session);
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
        let verdict = connection.and_then(|connection| connection.verdict.clone());
        let claims = verdict.unwrap_or(Err(Rejection::Unauthorized))?;
        if claims.is_expired(origin.now.unix) {
            return Err(Rejection::TokenExpired);
        }
        Ok(claims)
    }

    /// The id and identity of a new session. One that is gone, as after a restart of this server,
    /// lends its id to the client that can prove to have had it.
    fn who(&mut self, claims: &Claims, former: Option<&ResumeToken>) -> (SessionId, Arc<str>) {
        let identity = |id: &SessionId| match &claims.subject {
            Some(subject) => subject.to_identity(),
            None => id.anonymous(),
        };
        if let Some(token) = former {
            let again = identity(&token.session);
            if self.ids.is_good(token, &again) && self.sessions.key_of(&token.session).is_none() {
                return (token.session.clone(), again);
            }
        }
        let id = self.ids.session();
        let identity = identity(&id);
        (id, identity)
    }

    /// A place among all sessions, those of an identity and of a network, for which another one
    /// that has lost its client may have to go.
    fn take_place(
        &mut self,
        identity: &Arc<str>,
        network: Option<IpAddr>,
        key: SessionKey,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        if self.memory.pressure() >= Pressure::Tight {
            return Err(Rejection::ServerFull);
        }
        // Nobody goes for somebody who is refused all the same.
        for going in self.who_goes_for(identity, network)?.into_iter().flatten() {
            self.give_up(going, out);
        }
        self.identities.take(Arc::clone(identity), key);
        if let Some(network) = network {
            self.networks.take(network, key);
        }
        Ok(())
    }

    /// Who has to go for another session, if anybody: of all, of the identity, of the network.
    fn who_goes_for(
        &self,
        identity: &Arc<str>,
        network: Option<IpAddr>,
    ) -> Result<[Option<SessionKey>; 3], Rejection> {
        let limits = &self.settings.limits;
        let mut going = [None; 3];
        if self.sessions.len() >= limits.connections_max {
            let (_, longest) = self.waiting.first().ok_or(Rejection::ServerFull)?;
            going[0] = Some(longest);
        }
        if self.identities.are_taken(identity, limits.sessions_per_identity_max) {
            let waiting = self.longest_waiting_of(self.identities.sessions(identity));
            going[1] = Some(waiting.ok_or(Rejection::TooManySessions)?);
        }
        let of_network = limits.sessions_per_network_max;
        if let Some(network) = network.filter(|it| self.networks.are_taken(it, of_network)) {
            let waiting = self.longest_waiting_of(self.networks.sessions(&network));
            going[2] = Some(waiting.ok_or(Rejection::TooManySessions)?);
        }
        Ok(going)
    }

    fn network_of(&self, conn: ConnId) -> Option<IpAddr> {
        self.connections.get(&conn)?.network
    }

    /// A session has come to this connection: it counts in the network of that one, which may be
    /// beyond its number by those who moved there.
    pub(crate) fn count_where_it_is(&mut self, key: SessionKey, conn: ConnId) {
        let network = self.network_of(conn);
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(former) = std::mem::replace(&mut session.network, network) {
            self.networks.give_back(&former, key);
        }
        if let Some(network) = network {
            self.networks.take(network, key);
        }
    }

    fn new_session(
        &mut self,
        origin: Origin<'_>,
        (id, identity): (SessionId, Arc<str>),
        claims: Claims,
        capabilities: Capabilities,
    ) -> Session {
        let renew_after = self.ice_for(claims.relay).renew_after();
        Session {
            id,
            credential_id: self.ids.credentials.of(&identity),
            identity,
            network: self.network_of(origin.conn),
            share: self.memory.share(Session::weight(&claims)),
            claims,
            capabilities,
            line: Line::Up(origin.conn),
            generation: 1,
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
            },
        })))
    }

    /// The session that `token` names, if whoever has it and is at the other end of `conn` may take
    /// it up.
    fn session_to_resume(&self, conn: ConnId, token: &ResumeToken) -> Option<SessionKey> {
        let key = self.sessions.key_of(&token.session)?;
        let session = self.sessions.get(key)?;
        let is_current =
            (session.generation.saturating_sub(1)..=session.generation).contains(&token.generation);
        if !is_current || !self.ids.is_good(token, &session.identity) {
            return None;
        }
        let may = match &self.connections.get(&conn)?.verdict {
            // What runs goes on without a token, or when its time is over.
            None | Some(Err(Rejection::TokenExpired)) => true,
            Some(Err(_)) => false,
            Some(Ok(claims)) => claims.subject == session.claims.subject,
        };
        may.then_some(key)
    }
}

/// How a session came to its connection.
#[derive(Clone, Copy)]
pub(crate) enum How {
    /// Begun, whether or not the client had another one before.
    Anew { had_another: bool },
    /// Taken up again, with all frames since or not.
    Resumed { complete: bool },
}
