//! One connection to a client, before and after its `hello`.

use std::time::Instant;

use crate::bucket::Bucket;
use crate::claims::Claims;
use crate::rejection::Rejection;
use crate::session::SessionKey;

/// What the hub knows of one connection.
pub(crate) struct Connection {
    /// When it was last heard of, or opened.
    pub(crate) heard_at: Instant,
    /// Its entry in the deadlines.
    pub(crate) due_at: Instant,
    pub(crate) refusals: Bucket,
    pub(crate) phase: Phase,
}

/// A connection carries a session from `hello` on.
pub(crate) enum Phase {
    /// Waits for `hello`. What a check of its token said, as far as there was one.
    Greeting(Option<Result<Claims, Rejection>>),
    Open(SessionKey),
}

impl Connection {
    pub(crate) fn opened(now: Instant, due_at: Instant) -> Self {
        let refusals = Bucket::full(now);
        Self { heard_at: now, due_at, refusals, phase: Phase::Greeting(None) }
    }

    pub(crate) fn session(&self) -> Option<SessionKey> {
        match self.phase {
            Phase::Greeting(_) => None,
            Phase::Open(session) => Some(session),
        }
    }
}
