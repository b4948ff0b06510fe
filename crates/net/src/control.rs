//! What the control plane and the workers say to each other.

use std::sync::mpsc::SyncSender;

use crate::stats::Snapshot;

/// A word from the control plane to a worker.
pub(crate) enum Control {
    /// End.
    Stop,
    /// Say what you have counted.
    Report(SyncSender<Report>),
    /// Panic, as a bug would.
    #[cfg(test)]
    Panic,
}

/// A worker's answer to [`Control::Report`].
pub(crate) struct Report {
    /// The worker.
    pub(crate) worker: u16,
    /// What it has counted since the program started.
    pub(crate) counted: Snapshot,
}

/// What a worker tells the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something happened to an allocation, or a request for one was refused.
    Allocation(kopru_turn::Event),
    /// A worker panicked and was restarted. The allocations it had are gone, without an event each.
    WorkerRestarted {
        /// Number of the worker.
        worker: u16,
        /// How many allocations it had.
        allocations: u64,
    },
}
