//! What one `hello` opened. A session outlives its connection for a while: see `resume.rs`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use kopru_stun::credentials::limited_id;
use kopru_stun::time::Now;

use crate::answered::Answered;
use crate::bucket::Bucket;
use crate::claims::Claims;
use crate::ids::{MemberId, ResumeToken, SessionId};
use crate::leave::LeaveReason;
use crate::limits::Limits;
use crate::memory::Share;
use crate::names::RoomName;
use crate::outbox::ConnId;
use crate::protocol::{Capabilities, ClientMessage};
use crate::rejection::Rejection;
use crate::replay::Replay;

/// A session's place in the hub's table. No number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey(pub(crate) u64);

pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) identity: Arc<str>,
    /// Where its client was last, where that is counted.
    pub(crate) network: Option<IpAddr>,
    /// Changed by [`allow`](Self::allow) alone.
    pub(crate) claims: Claims,
    /// What it takes, but for what is sent to it.
    pub(crate) share: Share,
    pub(crate) capabilities: Capabilities,
    pub(crate) line: Line,
    /// Of the resume token given out last. The one before is good until that is used.
    pub(crate) generation: u64,
    /// Of the resume token that it got its id by, as after a restart; 0 if it has an id of its own.
    pub(crate) begun_with: u64,
    pub(crate) replay: Replay,
    pub(crate) answered: Answered,
    pub(crate) rates: Rates,
    /// Its memberships, at most `rooms_per_session_max`.
    pub(crate) rooms: Vec<(RoomName, MemberId)>,
    /// Of its identity, in the names of its TURN credentials.
    pub(crate) credential_id: Arc<str>,
    /// When its ICE servers have to be renewed.
    pub(crate) renew_at: Option<Instant>,
}

/// How a session's client is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Up(ConnId),
    /// Lost. If nobody comes back until `ends_at`, its members leave for `reason`.
    Down {
        ends_at: Instant,
        reason: LeaveReason,
    },
}

impl Session {
    /// Whether whoever has this token has read a `welcome` of this session. Else it is one of
    /// the session that had this id before.
    pub(crate) fn is_known_by(&self, token: &ResumeToken) -> bool {
        self.begun_with < token.generation && token.generation <= self.generation
    }

    /// Whether it has the id of a session that is over, to which its client would have come back.
    pub(crate) fn has_come_back(&self) -> bool {
        self.begun_with > 0
    }

    /// Its connection, while it has one.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.line {
            Line::Up(conn) => Some(conn),
            Line::Down { .. } => None,
        }
    }

    /// The room and this session's own member id in it.
    pub(crate) fn membership(&self, room: &str) -> Result<&(RoomName, MemberId), Rejection> {
        self.rooms.iter().find(|(name, _)| name.as_str() == room).ok_or(Rejection::NotInRoom)
    }

    /// What stands behind the expiry in its TURN user names.
    pub(crate) fn credential_name(&self) -> String {
        limited_id(&self.credential_id, self.claims.bits_per_second)
    }

    /// From now on these claims hold.
    pub(crate) fn allow(&mut self, claims: Claims) {
        self.share.set(Self::weight(&claims));
        self.claims = claims;
    }

    /// The bytes of a session with these claims, but for what is sent to it.
    pub(crate) fn weight(claims: &Claims) -> usize {
        SESSION_BYTES + claims.weight()
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
    calls: Bucket,
    reports: Bucket,
    requests: Bucket,
}

impl Rates {
    pub(crate) fn full(now: Instant) -> Self {
        let full = Bucket::full(now);
        Self {
            descriptions: full,
            candidates: full,
            messages: full,
            calls: full,
            reports: full,
            requests: full,
        }
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
            ClientMessage::Call(_) => (&mut self.calls, limits.calls),
            ClientMessage::Report(_) | ClientMessage::Why(_) => (&mut self.reports, limits.reports),
            _ => (&mut self.requests, limits.requests),
        };
        bucket.take(now, rate).map_err(|retry_after_s| Rejection::RateLimited { retry_after_s })
    }
}

/// A session in the tables of a hub, with the names and ids that are its own.
const SESSION_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::member::Member;

    /// Ten thousand of each are idle: what grows here should be worth it, or be boxed.
    #[test]
    fn what_an_idle_member_takes_in_the_tables() {
        let sizes = [size_of::<Session>(), size_of::<Connection>(), size_of::<Member>()];
        let bounds = [448, 112, 152];
        assert!(sizes.iter().zip(bounds).all(|(size, bound)| *size <= bound), "{sizes:?}");
    }
}
