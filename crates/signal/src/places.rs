//! The sessions of each identity and of each network, as many as it may have.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use crate::session::SessionKey;

/// Who has a place, by what it is counted under.
#[derive(Debug)]
pub(crate) struct Places<K> {
    /// In the order of their keys. No set: most have one, for which a node would have room for
    /// eleven.
    taken: BTreeMap<K, Vec<SessionKey>>,
}

impl<K: Ord> Places<K> {
    pub(crate) fn take(&mut self, under: K, whose: SessionKey) {
        let sessions = self.taken.entry(under).or_default();
        if sessions.is_empty() {
            sessions.reserve_exact(1);
        }
        if let Err(place) = sessions.binary_search(&whose) {
            sessions.insert(place, whose);
        }
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
        if let Ok(place) = sessions.binary_search(&whose) {
            sessions.remove(place);
        }
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
