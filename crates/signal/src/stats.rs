//! What a hub holds and has done, for metrics.

use std::collections::BTreeMap;

/// Counted since the hub was made, but for the first eight, which are as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Open connections, with and without a session.
    pub connections: usize,
    /// Sessions, with and without a connection.
    pub sessions: usize,
    /// Identities that have a session.
    pub identities: usize,
    /// Rooms.
    pub rooms: usize,
    /// Members in all rooms together.
    pub members: usize,
    /// Bytes that are held for all clients together, in queues too.
    pub memory_bytes: usize,
    /// How many there may be.
    pub memory_bytes_max: usize,
    /// Calls, by the state they are in.
    pub calls: BTreeMap<&'static str, usize>,
    /// Sessions that were taken up again without a frame lost.
    pub resumed: u64,
    /// Sessions that were taken up again, but too late for some frames.
    pub resumed_with_loss: u64,
    /// `description` messages delivered.
    pub descriptions: u64,
    /// `candidate` messages delivered.
    pub candidates: u64,
    /// `message` messages delivered, one for each receiver.
    pub messages: u64,
    /// Calls that are over, by the reason why.
    pub calls_ended: BTreeMap<&'static str, u64>,
    /// Errors sent, by [`Rejection::code`](crate::Rejection::code).
    pub refused: BTreeMap<&'static str, u64>,
    /// Connections the hub closed, by [`CloseReason::reason`](crate::CloseReason::reason).
    pub closed: BTreeMap<&'static str, u64>,
}
