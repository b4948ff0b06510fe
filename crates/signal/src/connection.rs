//! One connection to a client, before and after its `hello`.

use std::net::IpAddr;
use std::time::Instant;

use crate::bucket::Bucket;
use crate::claims::Claims;
use crate::memory::Share;
use crate::rejection::Rejection;
use crate::session::SessionKey;

/// What the hub knows of one connection.
pub(crate) struct Connection {
    /// When it was last heard of, or opened.
    pub(crate) heard_at: Instant,
    /// Its entry in the deadlines.
    pub(crate) due_at: Instant,
    /// Where it comes from, where that is counted.
    pub(crate) network: Option<IpAddr>,
    pub(crate) refusals: Bucket,
    /// What a check of the token said that came with the frame to be handled next. Boxed: nearly
    /// always there is none.
    pub(crate) verdict: Option<Box<Result<Claims, Rejection>>>,
    pub(crate) phase: Phase,
    /// What it takes.
    _share: Share,
}

/// A connection carries a session from `hello` on.
pub(crate) enum Phase {
    /// Waits for `hello`.
    Greeting,
    Open(SessionKey),
}

impl Connection {
    pub(crate) fn opened(now: Instant, due_at: Instant, share: Share) -> Self {
        Self {
            heard_at: now,
            due_at,
            network: None,
            refusals: Bucket::full(now),
            verdict: None,
            phase: Phase::Greeting,
            _share: share,
        }
    }

    pub(crate) fn session(&self) -> Option<SessionKey> {
        match self.phase {
            Phase::Greeting => None,
            Phase::Open(session) => Some(session),
        }
    }
}
