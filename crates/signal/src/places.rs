//! The sessions of each identity and of each network, as many as it may have.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};

use crate::session::SessionKey;

/// Who has a place, by what it is counted under.
#[derive(Debug)]
pub(crate) struct Places<K> {
    taken: BTreeMap<K, BTreeSet<SessionKey>>,
}

impl<K: Ord> Places<K> {
    pub(crate) fn take(&mut self, under: K, whose: SessionKey) {
        self.taken.entry(under).or_default().insert(whose);
    }

    pub(crate) fn are_taken<Q: Ord + ?Sized>(&self, under: &Q, max: usize) -> bool
    where
        K: Borrow<Q>,
    {
        self.taken.get(under).is_some_and(|sessions| sessions.len() >= max)
    }

    /// Everybody who has a place under it.
    pub(crate) fn sessions<Q: Ord + ?Sized>(&self, under: &Q) -> impl Iterator<Item = SessionKey>
    where
        K: Borrow<Q>,
    {
        self.taken.get(under).into_iter().flatten().copied()
    }

    pub(crate) fn give_back<Q: Ord + ?Sized>(&mut self, under: &Q, whose: SessionKey)
    where
        K: Borrow<Q>,
    {
        let Some(sessions) = self.taken.get_mut(under) else { return };
        sessions.remove(&whose);
        if sessions.is_empty() {
            self.taken.remove(under);
        }
    }

    /// Under how many there is somebody.
    pub(crate) fn len(&self) -> usize {
        self.taken.len()
    }
}

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self { taken: BTreeMap::new() }
    }
}
