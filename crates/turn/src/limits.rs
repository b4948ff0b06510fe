//! RFC 8656 §21.3.1: what one client and one worker may use. Every table of this crate has its
//! limit here; each is tested at the limit and just below it.

use std::time::Duration;

use crate::rate::{PerSecond, RelayRate};
use crate::reply_budget::ReplyLimit;

/// The limits that an operator chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Allocations of one [`Server`](crate::Server), beyond which Allocate is answered 508; and
    /// as many ports held in reserve.
    pub allocations: usize,
    /// Allocations of one user on all workers together; 0 means no limit. Kept by
    /// [`RelaySockets::open`](crate::RelaySockets::open), which alone sees all workers: 486.
    pub allocations_per_user: u32,
    /// Allocations of one source prefix ([`SourcePrefix`](crate::SourcePrefix)) on all workers
    /// together; 0 means no limit. Kept where the other is kept: 486.
    pub allocations_per_prefix: u32,
    /// Permissions of one allocation, beyond which CreatePermission and ChannelBind get 508.
    pub permissions: usize,
    /// Channels of one allocation, beyond which ChannelBind is answered 508. A channel that has
    /// expired counts for another [`CHANNEL_HOLD`].
    pub channels: usize,
    /// Peers that one allocation may get permissions for and had none for, and Connect requests,
    /// beyond which CreatePermission, ChannelBind and Connect are answered 508.
    pub new_peers: PerSecond,
    /// Connections with peers of one [`Server`](crate::Server) (RFC 6062), beyond which Connect is
    /// answered 508 and what a peer connects is closed.
    pub peer_connections: usize,
    /// The same for one allocation.
    pub peer_connections_per_allocation: usize,
    /// Those of one allocation that wait for their peer, or for ConnectionBind.
    pub unbound_connections_per_allocation: usize,
    /// What one allocation relays, in each direction by itself; what comes on top is dropped.
    pub allocation_rate: RelayRate,
    /// What all allocations of one user relay together, on all workers, in each direction by
    /// itself; what comes on top is dropped.
    pub user_rate: RelayRate,
    /// Replies to those who have proven nothing, for each source prefix.
    pub replies: ReplyLimit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            allocations: 65_536,
            allocations_per_user: 100,
            allocations_per_prefix: 0,
            permissions: 256,
            channels: 256,
            new_peers: PerSecond(100),
            peer_connections: 16_384,
            peer_connections_per_allocation: 64,
            unbound_connections_per_allocation: 16,
            allocation_rate: RelayRate::default(),
            user_rate: RelayRate::default(),
            replies: ReplyLimit { packets: PerSecond(5000), bytes: PerSecond(500_000) },
        }
    }
}

/// How much of a second's worth of anything that has a rate may come at once.
pub(crate) const BURST: Duration = Duration::from_secs(1);

/// RFC 8656 §3.2: the lifetime of an allocation unless the client asks for more.
pub const DEFAULT_LIFETIME: Duration = Duration::from_secs(600);

/// RFC 8656 §7.2: "a maximum allowed lifetime value of no more than 3600 seconds".
pub const MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// RFC 8656 §9: "the Permission Lifetime MUST be 300 seconds".
pub const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);

/// RFC 8656 §12: "a channel binding lasts for 10 minutes unless refreshed".
pub const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

/// RFC 8656 §12: for 5 minutes after it expires, a channel is bound to nothing but the same peer.
pub const CHANNEL_HOLD: Duration = Duration::from_secs(300);

/// RFC 8656 §7.2: "The server MUST hold this reservation for at least 30 seconds".
pub const RESERVATION_LIFETIME: Duration = Duration::from_secs(30);

/// RFC 6062 §5.2: "The timeout value MUST be at least 30 seconds."
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// RFC 6062 §5.2, §5.3: "If no ConnectionBind request … is received after 30 seconds, the peer data
/// connection MUST be closed."
pub const CONNECTION_BIND_TIMEOUT: Duration = Duration::from_secs(30);

/// RFC 8656 §5: a nonce expires "at least once every hour".
pub(crate) const NONCE_LIFETIME_S: u64 = 1800;

/// How far ahead another server's clock may be whose nonce is accepted here.
pub(crate) const NONCE_SKEW_S: u64 = 60;

/// Keys of time-limited user names that one server keeps to hand. Each is some 60 bytes and its
/// user name: 100 KiB when all are taken by names of usual length.
pub(crate) const KNOWN_KEYS: usize = 1024;

/// An error response is at most this many times as long as the request: who sent a request over
/// UDP may have borrowed its source address.
pub(crate) const AMPLIFICATION_MAX: usize = 4;

/// The longest PADDING of a response. RFC 5780 §7.6: "PADDING MUST NOT be longer than the length
/// that brings the total IP datagram size to 64K". The longest response has four IPv6 addresses and
/// FINGERPRINT besides.
pub(crate) const PADDING_MAX: usize = DATAGRAM_MAX_V4 - (20 + 4 * 24 + 4 + 8);

/// Events that wait for [`poll_event`](crate::Server::poll_event); what comes on top is counted.
pub(crate) const EVENTS_MAX: usize = 4096;

/// Refusals wait there too, but take no place from what ends: so many of them at most.
pub(crate) const REFUSALS_MAX: usize = EVENTS_MAX / 4;

/// Refusals that are told of one source prefix.
pub(crate) const REFUSALS_OF_PREFIX: PerSecond = PerSecond(20);

/// Refusals that one server tells.
pub(crate) const REFUSALS_IN_ALL: PerSecond = PerSecond(500);

/// Allocations ended by one [`handle_timeout`](crate::Server::handle_timeout) or
/// [`end_of_users`](crate::Server::end_of_users), so that a thousand clients that vanished together
/// don't stop the packets of the others.
pub(crate) const ENDS_AT_ONCE: usize = 256;

/// The longest payload of a UDP datagram over IPv4.
pub(crate) const DATAGRAM_MAX_V4: usize = 65_507;

/// The longest payload of a UDP datagram over IPv6: its length does not count the IP header.
pub(crate) const DATAGRAM_MAX_V6: usize = 65_527;
