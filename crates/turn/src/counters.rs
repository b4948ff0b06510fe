//! What a server has counted: plain numbers that only grow, but for the one gauge.

use std::ops::AddAssign;

use kopru_stun::Method;
use kopru_stun::attribute::ErrorCode;
use kopru_stun::run::Run;

use crate::tcp::PeerConnectionEnd;
use crate::verdict::DropReason;

/// Packets and bytes in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams, and pieces of TCP streams as they were read.
    pub packets: u64,
    /// Their payload, headers of TURN not counted.
    pub bytes: u64,
}

impl Traffic {
    pub(crate) fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    pub(crate) fn count_run(&mut self, run: Run) {
        self.packets += run.count() as u64;
        self.bytes += run.total_len() as u64;
    }
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// The counters of one [`Server`](crate::Server); add those of several workers with `+=`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Allocations that live now.
    pub allocations: u64,
    /// Relayed from clients to peers.
    pub to_peers: Traffic,
    /// Relayed from peers to clients.
    pub to_clients: Traffic,
    /// Connections with peers (RFC 6062) that are open now, or about to be.
    pub peer_connections: u64,
    /// Events that were lost because nobody fetched them in time.
    pub events_lost: u64,
    /// Refusals that were not told ([`Event::Refused`](crate::Event::Refused)) because there were
    /// too many, of one network or in all.
    pub refusals_untold: u64,
    drops: [u64; DropReason::ALL.len()],
    peer_connection_ends: [u64; PeerConnectionEnd::ALL.len()],
    replies: [[u64; CODES.len()]; RequestMethod::ALL.len()],
}

impl Counters {
    /// Packets silently discarded, for every reason.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().zip(self.drops.iter().copied())
    }

    /// Packets silently discarded for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).copied().unwrap_or_default()
    }

    /// Connections with peers that ended, or were refused, for every reason.
    pub fn peer_connection_ends(&self) -> impl Iterator<Item = (PeerConnectionEnd, u64)> + '_ {
        PeerConnectionEnd::ALL.into_iter().zip(self.peer_connection_ends.iter().copied())
    }

    /// Replies by method and code, those that occurred. The code is that of the error response, or
    /// 0 for a success response.
    pub fn replies(&self) -> impl Iterator<Item = (RequestMethod, u16, u64)> + '_ {
        RequestMethod::ALL.into_iter().zip(&self.replies).flat_map(|(method, counts)| {
            let counted = CODES.into_iter().zip(counts.iter().copied());
            counted.filter(|(_, count)| *count > 0).map(move |(code, count)| (method, code, count))
        })
    }

    /// Replies to this method with this code (0: success).
    pub fn replied(&self, method: RequestMethod, code: u16) -> u64 {
        let mut replies = self.replies();
        replies.find(|reply| (reply.0, reply.1) == (method, code)).map_or(0, |reply| reply.2)
    }

    pub(crate) fn count_drop(&mut self, reason: DropReason) {
        if let Some(count) = self.drops.get_mut(reason as usize) {
            *count += 1;
        }
    }

    pub(crate) fn count_peer_connection_end(&mut self, why: PeerConnectionEnd) {
        if let Some(count) = self.peer_connection_ends.get_mut(why as usize) {
            *count += 1;
        }
    }

    /// `error` is `None` for a success response.
    pub(crate) fn count_reply(&mut self, method: RequestMethod, error: Option<ErrorCode>) {
        let code = error.map_or(0, ErrorCode::number);
        let place = CODES.iter().position(|known| *known == code);
        let row = self.replies.get_mut(method as usize);
        if let Some(count) = row.zip(place).and_then(|(row, place)| row.get_mut(place)) {
            *count += 1;
        }
    }
}

impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        self.allocations += other.allocations;
        self.to_peers += other.to_peers;
        self.to_clients += other.to_clients;
        self.peer_connections += other.peer_connections;
        self.events_lost += other.events_lost;
        self.refusals_untold += other.refusals_untold;
        let ends = self.peer_connection_ends.iter_mut().zip(&other.peer_connection_ends);
        let replies = self.replies.iter_mut().flatten().zip(other.replies.iter().flatten());
        let drops = self.drops.iter_mut().zip(&other.drops);
        replies.chain(drops).chain(ends).for_each(|(sum, count)| *sum += count);
    }
}

/// The methods that are requests (RFC 8489 §18.2, RFC 8656 §17, RFC 6062 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestMethod {
    /// RFC 8489 §12.
    Binding,
    /// RFC 8656 §7.
    Allocate,
    /// RFC 8656 §8.
    Refresh,
    /// RFC 8656 §10.
    CreatePermission,
    /// RFC 8656 §12.
    ChannelBind,
    /// RFC 6062 §5.2.
    Connect,
    /// RFC 6062 §5.4.
    ConnectionBind,
}

impl RequestMethod {
    /// Every method, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Binding,
        Self::Allocate,
        Self::Refresh,
        Self::CreatePermission,
        Self::ChannelBind,
        Self::Connect,
        Self::ConnectionBind,
    ];

    /// The method of this number, if requests may have it here.
    pub(crate) fn of(method: Method, tcp_relay: bool) -> Option<Self> {
        match method {
            Method::BINDING => Some(Self::Binding),
            Method::ALLOCATE => Some(Self::Allocate),
            Method::REFRESH => Some(Self::Refresh),
            Method::CREATE_PERMISSION => Some(Self::CreatePermission),
            Method::CHANNEL_BIND => Some(Self::ChannelBind),
            Method::CONNECT if tcp_relay => Some(Self::Connect),
            Method::CONNECTION_BIND if tcp_relay => Some(Self::ConnectionBind),
            _ => None,
        }
    }

    /// The value of a `method` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binding => "binding",
            Self::Allocate => "allocate",
            Self::Refresh => "refresh",
            Self::CreatePermission => "create_permission",
            Self::ChannelBind => "channel_bind",
            Self::Connect => "connect",
            Self::ConnectionBind => "connection_bind",
        }
    }
}

/// What replies are counted by: success, then every error code this server gives.
const CODES: [u16; 15] = [0, 400, 401, 403, 420, 437, 438, 440, 441, 442, 443, 446, 447, 486, 508];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_workers_add_up() {
        let mut one = Counters { allocations: 2, events_lost: 3, ..Counters::default() };
        one.count_drop(DropReason::TooLarge);
        one.count_reply(RequestMethod::ChannelBind, Some(ErrorCode::INSUFFICIENT_CAPACITY));
        one.count_reply(RequestMethod::Binding, None);
        one.to_peers.count(7);
        let mut sum = one.clone();
        sum += &one;
        assert_eq!((sum.allocations, sum.dropped(DropReason::TooLarge)), (4, 2));
        assert_eq!(sum.to_peers, Traffic { packets: 2, bytes: 14 });
        assert_eq!((sum.to_clients, sum.events_lost), (Traffic::default(), 6));
        let replies: Vec<_> = sum.replies().collect();
        assert_eq!(replies, [(RequestMethod::Binding, 0, 2), (RequestMethod::ChannelBind, 508, 2)]);
    }
}
