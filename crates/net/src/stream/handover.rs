//! How a connection comes from the control plane to a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Stream;
use crate::inbox::Inbox;

/// Gives connections to the workers, in turn.
#[derive(Clone)]
pub struct Handover {
    inboxes: Arc<[Inbox]>,
    next: Arc<AtomicUsize>,
}

impl Handover {
    pub(crate) fn new(inboxes: Arc<[Inbox]>) -> Self {
        Self { inboxes, next: Arc::default() }
    }

    /// Gives `stream` to the next worker. When that has too many waiting already, the connection
    /// is closed, and counted as [`StreamEnd::Capacity`](super::StreamEnd::Capacity).
    pub fn give(&self, stream: Stream) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.inboxes[turn % self.inboxes.len()].hand_over(stream);
    }
}
