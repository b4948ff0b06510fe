//! When the next allocation may have to end.
//!
//! One entry for each allocation. A Refresh that prolongs leaves the entry alone; when it comes
//! due too early, it is put where it belongs by then. So a refresh costs nothing, and a server
//! without allocations waits for nothing. Permissions and channels have no timers at all: what
//! reads them compares instants.

use std::collections::BTreeSet;
use std::time::Instant;

/// Where an allocation lies in its table.
pub(crate) type Slot = u32;

/// Deadlines, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Instant, Slot)>,
}

impl Timers {
    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|entry| entry.0)
    }

    /// How much memory the entries take.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.due.len() * size_of::<(Instant, Slot)>()
    }

    pub(crate) fn set(&mut self, at: Instant, slot: Slot) {
        self.due.insert((at, slot));
    }

    pub(crate) fn cancel(&mut self, at: Instant, slot: Slot) {
        self.due.remove(&(at, slot));
    }

    /// Takes out the earliest entry if it is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Slot> {
        self.due.first().filter(|entry| entry.0 <= now)?;
        self.due.pop_first().map(|entry| entry.1)
    }
}
