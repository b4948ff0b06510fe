//! What becomes of a packet: the core's only answer.

use crate::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};

/// What to do with the packet, whose bytes are as the core left them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing leaves. The reason has a counter.
    Drop(DropReason),
    /// Send it to the client of this five-tuple.
    ToClient(FiveTuple),
    /// Send it from the relayed transport address `via` to a peer outside.
    ToPeer {
        /// The relayed transport address it leaves from.
        via: RelayedAddr,
        /// Where it goes.
        to: PeerAddr,
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
    /// Neither STUN nor ChannelData by its first byte.
    NotStun,
    /// Looked like STUN or ChannelData, but the bytes are not what they claim.
    Malformed,
}
