//! RFC 8656 §19: STUN Error Response Codes; RFC 6062 §6.3: New STUN Error Codes; RFC 8489 §14.8:
//! ERROR-CODE. Understood and refused.

use kopru_stun::attribute::{ErrorCode, UnknownAttributes};

use crate::five_tuple::PeerAddr;
use crate::permission::Full;
use crate::relay_sockets::{ConnectRefusal, Refusal};

/// Why a request is answered with an error response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    /// 400: an attribute is missing, malformed, or contradicts what is in place.
    BadRequest,
    /// 401: no credentials, or none of this server's. Comes with REALM and NONCE.
    Unauthenticated,
    /// 401: not the password of this user name. Looks the same to the client.
    WrongPassword,
    /// 401: the right one, of a time-limited user name whose time was over so long ago. Looks the
    /// same to the client.
    Expired { ago_s: u64 },
    /// 403: the user, or relaying altogether, is not allowed.
    Forbidden,
    /// 403: this peer is not allowed.
    PeerForbidden(PeerAddr),
    /// 420: comprehension-required attributes that this server does not know, listed.
    UnknownAttribute(UnknownAttributes),
    /// 437: there is no allocation where there should be one, or the other way round.
    AllocationMismatch,
    /// 438: the nonce is not valid any more. Comes with REALM and NONCE.
    StaleNonce,
    /// 440: no relay address of the requested family.
    AddressFamilyNotSupported,
    /// 441: somebody else's allocation.
    WrongCredentials,
    /// 442: a protocol towards the peer that this server does not relay.
    UnsupportedTransportProtocol,
    /// 443: a peer of another family than the relayed transport address.
    PeerAddressFamilyMismatch,
    /// 446: there is a connection to that peer, or there is about to be one.
    ConnectionAlreadyExists,
    /// 447: there is no way to the peer, or it refused, or it did not answer in time.
    ConnectionTimeoutOrFailure,
    /// 486: the user has as many allocations as allowed.
    AllocationQuotaReached,
    /// 508: a limit of this server is reached.
    InsufficientCapacity,
}

impl Reject {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::BadRequest => ErrorCode::BAD_REQUEST,
            Self::Unauthenticated | Self::WrongPassword | Self::Expired { .. } => {
                ErrorCode::UNAUTHENTICATED
            }
            Self::Forbidden | Self::PeerForbidden(_) => ErrorCode::FORBIDDEN,
            Self::UnknownAttribute(_) => ErrorCode::UNKNOWN_ATTRIBUTE,
            Self::AllocationMismatch => ErrorCode::ALLOCATION_MISMATCH,
            Self::StaleNonce => ErrorCode::STALE_NONCE,
            Self::AddressFamilyNotSupported => ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED,
            Self::WrongCredentials => ErrorCode::WRONG_CREDENTIALS,
            Self::UnsupportedTransportProtocol => ErrorCode::UNSUPPORTED_TRANSPORT_PROTOCOL,
            Self::PeerAddressFamilyMismatch => ErrorCode::PEER_ADDRESS_FAMILY_MISMATCH,
            Self::ConnectionAlreadyExists => ErrorCode::CONNECTION_ALREADY_EXISTS,
            Self::ConnectionTimeoutOrFailure => ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE,
            Self::AllocationQuotaReached => ErrorCode::ALLOCATION_QUOTA_REACHED,
            Self::InsufficientCapacity => ErrorCode::INSUFFICIENT_CAPACITY,
        }
    }

    /// Whether the client is told what to authenticate with (RFC 8489 §9.2.4).
    pub(crate) fn is_challenge(&self) -> bool {
        matches!(self.code(), ErrorCode::UNAUTHENTICATED | ErrorCode::STALE_NONCE)
    }
}

impl From<Refusal> for Reject {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Family => Self::AddressFamilyNotSupported,
            Refusal::Barred => Self::Forbidden,
            Refusal::Quota => Self::AllocationQuotaReached,
            Refusal::Capacity => Self::InsufficientCapacity,
        }
    }
}

impl From<ConnectRefusal> for Reject {
    fn from(refusal: ConnectRefusal) -> Self {
        match refusal {
            ConnectRefusal::Capacity => Self::InsufficientCapacity,
            ConnectRefusal::Failed => Self::ConnectionTimeoutOrFailure,
        }
    }
}

impl From<Full> for Reject {
    fn from(_: Full) -> Self {
        Self::InsufficientCapacity
    }
}

impl From<kopru_stun::ParseError> for Reject {
    fn from(_: kopru_stun::ParseError) -> Self {
        Self::BadRequest
    }
}
