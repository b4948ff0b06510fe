//! When something has to be done for somebody of whom nothing is heard.

use std::collections::BTreeSet;
use std::time::Instant;

/// One entry for each, earliest first.
///
/// An entry may be too early (its connection was heard of since), never too late: hearing a client
/// costs nothing here, and what is due is found without looking at anybody else.
#[derive(Debug)]
pub(crate) struct Deadlines<K> {
    entries: BTreeSet<(Instant, K)>,
}

impl<K: Clone + Ord> Deadlines<K> {
    pub(crate) fn insert(&mut self, at: Instant, whose: K) {
        self.entries.insert((at, whose));
    }

    pub(crate) fn remove(&mut self, at: Instant, whose: K) {
        self.entries.remove(&(at, whose));
    }

    /// The earliest one.
    pub(crate) fn first(&self) -> Option<(Instant, K)> {
        self.entries.first().cloned()
    }

    /// Takes an entry that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, whose) = self.first()?;
        if at > now {
            return None;
        }
        self.entries.pop_first();
        Some(whose)
    }
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { entries: BTreeSet::new() }
    }
}
