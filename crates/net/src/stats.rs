//! What the workers have counted. Plain numbers, each owned by one worker: nothing is written by
//! two threads, and a snapshot is asked for, not watched.

use std::ops::AddAssign;

use kopru_turn::Counters;
use kopru_turn::five_tuple::Transport;

use crate::stream::StreamEnd;

/// Why a datagram that the core wanted to have sent, or to see, was lost in between. With
/// [`DropReason`](kopru_turn::DropReason) these are all the values of the `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// The socket's send buffer, or the interface's queue, was full.
    SendBufferFull,
    /// Longer than the path or the protocol allows.
    MessageSize,
    /// No way to the destination, twice in a row.
    Unreachable,
    /// The system refused to send it: a firewall, or an address that can't be sent to.
    SendRefused,
    /// The worker of the relayed transport address had its inbox full.
    InboxFull,
    /// It was longer than any datagram may be.
    Truncated,
    /// Its relay socket was closed in the meantime.
    SocketGone,
    /// It came from, or was sent to, an address that is none of UDP.
    NoAddress,
    /// The client reads its connection too slowly: the oldest messages go.
    StreamBacklog,
    /// It came to a relayed transport address where no peer was ever permitted to send before.
    BeforePermission,
}

impl Loss {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::SendBufferFull,
        Self::MessageSize,
        Self::Unreachable,
        Self::SendRefused,
        Self::InboxFull,
        Self::Truncated,
        Self::SocketGone,
        Self::NoAddress,
        Self::StreamBacklog,
        Self::BeforePermission,
    ];

    /// The value of the `reason` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendBufferFull => "send_buffer_full",
            Self::MessageSize => "message_size",
            Self::Unreachable => "unreachable",
            Self::SendRefused => "send_refused",
            Self::InboxFull => "inbox_full",
            Self::Truncated => "truncated",
            Self::SocketGone => "socket_gone",
            Self::NoAddress => "no_address",
            Self::StreamBacklog => "stream_backlog",
            Self::BeforePermission => "before_permission",
        }
    }
}

/// What a worker's sockets and thread count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    losses: [u64; Loss::ALL.len()],
    stream_ends: [u64; StreamEnd::ALL.len()],
    streams: Streams,
    pub(crate) kernel_drops: u64,
    pub(crate) events_lost: u64,
    restarts: u64,
}

impl Tally {
    /// Counts a lost datagram.
    pub(crate) fn lose(&mut self, why: Loss) {
        self.lose_all(why, 1);
    }

    /// Counts so many of them.
    pub(crate) fn lose_all(&mut self, why: Loss, count: usize) {
        self.losses[why as usize] += count as u64;
    }

    /// Counts a connection that ended.
    pub(crate) fn end_stream(&mut self, why: StreamEnd) {
        self.stream_ends[why as usize] += 1;
    }

    /// Where the open connections of this transport are counted.
    pub(crate) fn open_streams(&mut self, transport: Transport) -> &mut u64 {
        match transport {
            Transport::Tls => &mut self.streams.tls,
            Transport::Tcp | Transport::Udp => &mut self.streams.tcp,
        }
    }
}

impl AddAssign<&Self> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.losses.iter_mut().zip(other.losses).for_each(|(sum, count)| *sum += count);
        let ends = self.stream_ends.iter_mut().zip(other.stream_ends);
        ends.for_each(|(sum, count)| *sum += count);
        self.streams.tcp += other.streams.tcp;
        self.streams.tls += other.streams.tls;
        self.kernel_drops += other.kernel_drops;
        self.events_lost += other.events_lost;
        self.restarts += other.restarts;
    }
}

/// Connections of clients that are open now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Over TCP.
    pub tcp: u64,
    /// Over TLS.
    pub tls: u64,
}

/// What one worker has counted, or several of them together.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What the protocol counted: drops, replies, relayed traffic, live allocations.
    pub turn: Counters,
    pub(crate) tally: Tally,
}

impl Snapshot {
    /// Datagrams lost between core and network, for every reason.
    pub fn losses(&self) -> impl Iterator<Item = (Loss, u64)> + '_ {
        Loss::ALL.into_iter().zip(self.tally.losses)
    }

    /// Datagrams lost for this reason.
    pub fn lost(&self, why: Loss) -> u64 {
        self.tally.losses[why as usize]
    }

    /// Connections of clients that are open now.
    pub fn streams(&self) -> Streams {
        self.tally.streams
    }

    /// Connections of clients that ended, for every reason.
    pub fn stream_ends(&self) -> impl Iterator<Item = (StreamEnd, u64)> + '_ {
        StreamEnd::ALL.into_iter().zip(self.tally.stream_ends)
    }

    /// Datagrams the kernel dropped because a socket's receive buffer was full. Of those that came
    /// together it counts one.
    pub fn kernel_drops(&self) -> u64 {
        self.tally.kernel_drops
    }

    /// Events that nobody fetched in time.
    pub fn events_lost(&self) -> u64 {
        self.tally.events_lost + self.turn.events_lost
    }

    pub(crate) fn count_restart(&mut self) {
        self.tally.restarts += 1;
        self.tally.streams = Streams::default();
        self.turn.peer_connections = 0;
    }

    /// How often a worker was restarted after a panic.
    pub fn worker_restarts(&self) -> u64 {
        self.tally.restarts
    }
}

impl AddAssign<&Self> for Snapshot {
    fn add_assign(&mut self, other: &Self) {
        self.turn += &other.turn;
        self.tally += &other.tally;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loss_has_its_place_and_a_name_of_its_own() {
        for (index, why) in Loss::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
            let namesakes = Loss::ALL.iter().filter(|other| other.name() == why.name());
            assert_eq!(namesakes.count(), 1, "{}", why.name());
        }
        for (index, why) in StreamEnd::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
            let namesakes = StreamEnd::ALL.iter().filter(|other| other.name() == why.name());
            assert_eq!(namesakes.count(), 1, "{}", why.name());
        }
    }

    #[test]
    fn snapshots_of_workers_add_up() {
        let mut one = Snapshot::default();
        one.tally.lose(Loss::Truncated);
        one.tally.kernel_drops = 3;
        let mut sum = one.clone();
        sum += &one;
        assert_eq!((sum.lost(Loss::Truncated), sum.kernel_drops()), (2, 6));
        assert_eq!(sum.losses().map(|(_, count)| count).sum::<u64>(), 2);
    }
}
