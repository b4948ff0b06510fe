//! When something has to be done for a connection of which nothing is heard.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::outbox::ConnId;

/// One entry for each connection, earliest first.
///
/// An entry may be too early (its connection was heard of since), never too late: hearing a client
/// costs nothing here, and what is due is found without looking at anybody else.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    entries: BTreeSet<(Instant, ConnId)>,
}

impl Deadlines {
    pub(crate) fn insert(&mut self, at: Instant, conn: ConnId) {
        self.entries.insert((at, conn));
    }

    pub(crate) fn remove(&mut self, at: Instant, conn: ConnId) {
        self.entries.remove(&(at, conn));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.first().map(|&(at, _)| at)
    }

    /// Takes an entry that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<ConnId> {
        let &(at, _) = self.entries.first()?;
        if at > now {
            return None;
        }
        self.entries.pop_first().map(|(_, conn)| conn)
    }
}
