//! What becomes of a packet: the core's only answer.

use kopru_stun::ParseError;

use crate::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};

/// What to do with the packet, whose bytes are as the core left them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing leaves. The reason has a counter.
    Drop(DropReason),
    /// Nothing leaves yet: a Connect request, which is answered when its outcome is known
    /// ([`Server::poll_message`](crate::Server::poll_message)).
    Later,
    /// Send it to the client of this five-tuple, from the five-tuple's server address. Those are
    /// not always the ones that a Binding request travelled between (RFC 5780 §6.1).
    ToClient(FiveTuple),
    /// Send it from the relayed transport address `via` to a peer outside.
    ToPeer {
        /// The relayed transport address it leaves from.
        via: RelayedAddr,
        /// Where it goes.
        to: PeerAddr,
        /// The Send indication carried DONT-FRAGMENT, where that counts (RFC 8656 §14, §15): this
        /// one datagram leaves with the DF bit set, or over IPv6 unfragmented, or not at all.
        /// Allocate requests with the attribute succeed, which promises exactly this.
        dont_fragment: bool,
    },
    /// The peer is another allocation of this server: hand it over in memory, as a datagram that
    /// arrives at `to` from the peer `via`.
    ToRelayed {
        /// The relayed transport address it leaves from: what the other side sees as its peer.
        via: RelayedAddr,
        /// The relayed transport address it arrives at.
        to: RelayedAddr,
    },
}

/// Why a packet was silently discarded. Every reason is a label value of one counter, so the names
/// are part of the surface: `kopru_dropped_packets_total{reason="no_permission"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// Neither STUN nor ChannelData by its first byte (RFC 8656 §12, Table 3).
    NotStun,
    /// Looked like STUN or ChannelData, but the bytes are not what they claim.
    Malformed,
    /// FINGERPRINT is present and wrong (RFC 8489 §6.3).
    BadFingerprint,
    /// A STUN method this server does not have (RFC 8489 §6.3).
    UnknownMethod,
    /// A response, or an indication that no server expects (RFC 8489 §6.3).
    UnexpectedClass,
    /// A Binding indication: a keep-alive, to which nothing is answered (RFC 8489 §6.3.2).
    KeepAlive,
    /// An indication with a comprehension-required attribute that is unknown (RFC 8489 §6.3.2).
    UnknownAttribute,
    /// The error response would be more than four times as long as the request, and whoever sent
    /// the request may have borrowed its source address.
    Amplification,
    /// An unproven source, whose prefix has had its replies for now: it has to echo a nonce.
    ReplyBudget,
    /// No allocation has this five-tuple or this relayed transport address (RFC 8656 §5).
    NoAllocation,
    /// No permission for the peer's IP address (RFC 8656 §9).
    NoPermission,
    /// The channel is not bound (RFC 8656 §12.6).
    NoChannel,
    /// A Send indication for an allocation that relays TCP (RFC 6062 §4.5).
    TcpAllocation,
    /// The peer policy keeps this address out of reach (RFC 8656 §11.2).
    PeerForbidden,
    /// The allocation has relayed as much in this direction as it may in this second.
    AllocationRate,
    /// The user's allocations together have.
    UserRate,
    /// With its TURN header the datagram would be longer than UDP carries.
    TooLarge,
    /// An ICMP packet of a type that is not relayed (RFC 8656 §11.5).
    IcmpType,
}

impl From<ParseError> for DropReason {
    fn from(_: ParseError) -> Self {
        Self::Malformed
    }
}

impl DropReason {
    /// Every reason, in the order of declaration: `ALL[reason as usize] == reason`.
    pub const ALL: [Self; 18] = [
        Self::NotStun,
        Self::Malformed,
        Self::BadFingerprint,
        Self::UnknownMethod,
        Self::UnexpectedClass,
        Self::KeepAlive,
        Self::UnknownAttribute,
        Self::Amplification,
        Self::ReplyBudget,
        Self::NoAllocation,
        Self::NoPermission,
        Self::NoChannel,
        Self::TcpAllocation,
        Self::PeerForbidden,
        Self::AllocationRate,
        Self::UserRate,
        Self::TooLarge,
        Self::IcmpType,
    ];

    /// The value of the `reason` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotStun => "not_stun",
            Self::Malformed => "malformed",
            Self::BadFingerprint => "bad_fingerprint",
            Self::UnknownMethod => "unknown_method",
            Self::UnexpectedClass => "unexpected_class",
            Self::KeepAlive => "keep_alive",
            Self::UnknownAttribute => "unknown_attribute",
            Self::Amplification => "amplification",
            Self::ReplyBudget => "reply_budget",
            Self::NoAllocation => "no_allocation",
            Self::NoPermission => "no_permission",
            Self::NoChannel => "no_channel",
            Self::TcpAllocation => "tcp_allocation",
            Self::PeerForbidden => "peer_forbidden",
            Self::AllocationRate => "allocation_rate",
            Self::UserRate => "user_rate",
            Self::TooLarge => "too_large",
            Self::IcmpType => "icmp_type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place_and_a_name_of_its_own() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
            let namesakes = DropReason::ALL.iter().filter(|other| other.name() == reason.name());
            assert_eq!(namesakes.count(), 1, "{}", reason.name());
        }
    }
}
