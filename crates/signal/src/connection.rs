//! One connection to a client, before and after its `hello`.

use std::sync::Arc;
use std::time::Instant;

use kopru_stun::time::Now;

use crate::answered::Answered;
use crate::bucket::Bucket;
use crate::claims::Claims;
use crate::ids::{MemberId, SessionId};
use crate::limits::Limits;
use crate::names::RoomName;
use crate::protocol::ClientMessage;
use crate::rejection::Rejection;

/// What the hub knows of one connection.
pub(crate) struct Connection {
    /// When it was last heard of, or opened.
    pub(crate) heard_at: Instant,
    /// Its entry in the deadlines.
    pub(crate) due_at: Instant,
    pub(crate) refusals: Bucket,
    pub(crate) phase: Phase,
}

/// A session exists from `hello` on.
pub(crate) enum Phase {
    /// Waits for `hello`. What a check of its token said, as far as there was one.
    Greeting(Option<Result<Claims, Rejection>>),
    Open(Box<Session>),
}

impl Connection {
    pub(crate) fn opened(now: Instant, due_at: Instant) -> Self {
        let refusals = Bucket::full(now);
        Self { heard_at: now, due_at, refusals, phase: Phase::Greeting(None) }
    }

    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        match &mut self.phase {
            Phase::Greeting(_) => None,
            Phase::Open(session) => Some(session),
        }
    }
}

/// What one `hello` opened.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) identity: Arc<str>,
    /// Its place among the sessions of its identity.
    pub(crate) place: usize,
    pub(crate) claims: Claims,
    /// Whether the client can take back its own offer.
    pub(crate) rollback: bool,
    /// The `seq` of the last frame sent.
    pub(crate) sent: u64,
    pub(crate) answered: Answered,
    pub(crate) rates: Rates,
    /// Its memberships, at most `rooms_per_session_max`.
    pub(crate) rooms: Vec<(RoomName, MemberId)>,
    pub(crate) credential_id: String,
    /// When its ICE servers have to be renewed.
    pub(crate) renew_at: Option<Instant>,
}

impl Session {
    /// The room and this session's own member id in it.
    pub(crate) fn membership(&self, room: &str) -> Result<&(RoomName, MemberId), Rejection> {
        self.rooms.iter().find(|(name, _)| name.as_str() == room).ok_or(Rejection::NotInRoom)
    }

    /// Whether it may have fresh ICE servers: an expired token keeps what runs, and starts nothing.
    pub(crate) fn may_renew(&self, now: Now) -> bool {
        !self.rooms.is_empty() || !self.claims.is_expired(now.unix)
    }
}

/// How much of each kind of message a session may send at the moment.
#[derive(Debug)]
pub(crate) struct Rates {
    descriptions: Bucket,
    candidates: Bucket,
    messages: Bucket,
    requests: Bucket,
}

impl Rates {
    pub(crate) fn full(now: Instant) -> Self {
        let full = Bucket::full(now);
        Self { descriptions: full, candidates: full, messages: full, requests: full }
    }

    pub(crate) fn take(
        &mut self,
        now: Instant,
        message: &ClientMessage<'_>,
        limits: &Limits,
    ) -> Result<(), Rejection> {
        let (bucket, rate) = match message {
            ClientMessage::Description(_) => (&mut self.descriptions, limits.descriptions),
            ClientMessage::Candidate(_) => (&mut self.candidates, limits.candidates),
            ClientMessage::Message(_) => (&mut self.messages, limits.messages),
            _ => (&mut self.requests, limits.requests),
        };
        bucket.take(now, rate).map_err(|retry_after_s| Rejection::RateLimited { retry_after_s })
    }
}
