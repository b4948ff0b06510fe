//! RFC 8656 §19, RFC 8489 §9.2.4: error responses, told to whoever minted the user name they are
//! about. The client knows a code; only the server knows why.
//!
//! ```text
//!  request ──▶ refused ──▶ a minted user name? ──▶ credentials, or a nonce? ──▶ room? ──▶ event
//!                                 │ no                      │ no                │ no
//!                                 ▼                         ▼                   ▼
//!                               nobody's                 anybody's       refusals_untold
//! ```
//!
//! Who has read a user name on its way can be refused in it. What needs no password for that is
//! told as [unproved](RefusalReason::is_proved); who does it many times is told of a few times.

use std::sync::Arc;
use std::time::Instant;

use kopru_stun::attribute::Username;
use kopru_stun::time::Now;
use kopru_stun::{Message, Method};

use crate::Server;
use crate::auth::minted_name;
use crate::event::Event;
use crate::five_tuple::{FiveTuple, PeerAddr};
use crate::hashing::KeyedHash;
use crate::limits::{REFUSALS_IN_ALL, REFUSALS_OF_PREFIX};
use crate::rate::{Bucket, PerSecond, since};
use crate::reject::Reject;
use crate::reply_budget::{ReplyBudget, ReplyLimit};
use crate::source_prefix::SourcePrefix;

/// A request, or a Send indication, that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Between whom it travelled.
    pub five_tuple: FiveTuple,
    /// USERNAME, complete; the credential id is the part after the colon.
    pub username: Arc<str>,
    /// What was asked for.
    pub method: Method,
    /// Why there was none of it.
    pub reason: RefusalReason,
}

/// Why a user name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// 401: not its password. Nobody has proved to have anything to do with the user name.
    WrongPassword,
    /// 401: the right password, of a user name that expired so many seconds ago.
    Expired {
        /// Seconds since then.
        ago_s: u64,
    },
    /// 403: the user or the credential was taken back.
    Barred,
    /// 403: the peer policy keeps this peer out of reach.
    PeerForbidden(PeerAddr),
    /// 441: the allocation on the five-tuple is another user's.
    WrongCredentials,
    /// 486: the user, or the network, has as many allocations as allowed.
    Quota,
    /// 508: a limit of the server or of the allocation is reached.
    Capacity,
}

impl RefusalReason {
    /// The code of the error response.
    pub const fn code(self) -> u16 {
        match self {
            Self::WrongPassword | Self::Expired { .. } => 401,
            Self::Barred | Self::PeerForbidden(_) => 403,
            Self::WrongCredentials => 441,
            Self::Quota => 486,
            Self::Capacity => 508,
        }
    }

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong_password",
            Self::Expired { .. } => "expired",
            Self::Barred => "barred",
            Self::PeerForbidden(_) => "peer_forbidden",
            Self::WrongCredentials => "wrong_credentials",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
        }
    }

    /// Whether the sender knew the password. Else it may be anybody who has seen the user name.
    pub const fn is_proved(self) -> bool {
        !matches!(self, Self::WrongPassword)
    }

    /// `None` for what says nothing about a credential: a challenge, a message that is malformed
    /// or asks for what this server has not, a client that lost count of its allocations.
    fn of(reject: &Reject) -> Option<Self> {
        match *reject {
            Reject::WrongPassword => Some(Self::WrongPassword),
            Reject::Expired { ago_s } => Some(Self::Expired { ago_s }),
            Reject::Forbidden => Some(Self::Barred),
            Reject::PeerForbidden(peer) => Some(Self::PeerForbidden(peer)),
            Reject::WrongCredentials => Some(Self::WrongCredentials),
            Reject::AllocationQuotaReached => Some(Self::Quota),
            Reject::InsufficientCapacity => Some(Self::Capacity),
            Reject::BadRequest
            | Reject::Unauthenticated
            | Reject::UnknownAttribute(_)
            | Reject::AllocationMismatch
            | Reject::StaleNonce
            | Reject::AddressFamilyNotSupported
            | Reject::UnsupportedTransportProtocol
            | Reject::PeerAddressFamilyMismatch
            | Reject::ConnectionAlreadyExists
            | Reject::ConnectionTimeoutOrFailure => None,
        }
    }
}

impl Server {
    /// Tells that `request`, whose credentials were looked at, is refused.
    pub(crate) fn tell_refusal(
        &mut self,
        now: Now,
        from: &FiveTuple,
        request: &Message<'_>,
        reject: &Reject,
    ) {
        let Some(reason) = RefusalReason::of(reject) else { return };
        // A userhash stands for a listed user.
        let Ok(Some(Username(username))) = request.get() else { return };
        let (five_tuple, method) = (*from, request.method());
        if minted_name(&self.settings, username).is_some()
            && (reason.is_proved() || self.is_proven(now, from, request))
            && self.may_tell_refusal(now.instant, from)
        {
            let refused = Refused { five_tuple, username: username.into(), method, reason };
            self.emit(Event::Refused(Box::new(refused)));
        }
    }

    /// Tells that a Send indication to `peer` was dropped, which nobody answers.
    pub(crate) fn tell_forbidden_send(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        username: Arc<str>,
        peer: PeerAddr,
    ) {
        if minted_name(&self.settings, &username).is_some() && self.may_tell_refusal(now, from) {
            let (five_tuple, reason) = (*from, RefusalReason::PeerForbidden(peer));
            let refused = Refused { five_tuple, username, method: Method::SEND, reason };
            self.emit(Event::Refused(Box::new(refused)));
        }
    }

    /// Whether there is room for one more; if not, it is counted.
    fn may_tell_refusal(&mut self, now: Instant, from: &FiveTuple) -> bool {
        let room = self.refusal_budget.take(now, SourcePrefix::of(from.client));
        self.counters.refusals_untold += u64::from(!room);
        room
    }
}

/// How many refusals are told, of each network and in all. What cries loudest is not heard more
/// often than the others.
pub(crate) struct RefusalBudget {
    /// The table that replies are counted in serves as well here: it has one size.
    of_prefix: ReplyBudget,
    in_all: Bucket,
    began: Option<Instant>,
}

impl RefusalBudget {
    pub(crate) fn new(hash: KeyedHash) -> Self {
        let limit = ReplyLimit { packets: REFUSALS_OF_PREFIX, bytes: PerSecond(0) };
        Self { of_prefix: ReplyBudget::new(limit, hash), in_all: Bucket::default(), began: None }
    }

    /// Whether a refusal of this prefix may be told; if so, it is paid for.
    fn take(&mut self, now: Instant, prefix: SourcePrefix) -> bool {
        let at = since(*self.began.get_or_insert(now), now);
        let room = self.in_all.has_room(at) && self.of_prefix.take(now, prefix, 0);
        if room {
            self.in_all.pay(at, REFUSALS_IN_ALL, 1);
        }
        room
    }

    /// How much memory the table takes, whoever sends.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.of_prefix.weight()
    }
}
