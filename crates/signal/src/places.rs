//! The sessions of one identity, as many as it may have.

use std::collections::BTreeSet;

use crate::session::SessionKey;

/// Who has a place.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: BTreeSet<SessionKey>,
}

impl Places {
    pub(crate) fn take(&mut self, whose: SessionKey) {
        self.taken.insert(whose);
    }

    pub(crate) fn are_taken(&self, max: usize) -> bool {
        self.taken.len() >= max
    }

    /// Everybody who has a place.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionKey> {
        self.taken.iter().copied()
    }

    pub(crate) fn give_back(&mut self, whose: SessionKey) {
        self.taken.remove(&whose);
    }

    pub(crate) fn are_free(&self) -> bool {
        self.taken.is_empty()
    }
}
