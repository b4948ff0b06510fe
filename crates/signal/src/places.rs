//! The places that the sessions of one identity take.
//!
//! TURN quotas are counted by place. Whoever says `hello` again and again gets the places back that
//! it gave up, and so no quota beyond that of the sessions which it may have at once.

use std::collections::BTreeMap;

use crate::session::SessionKey;

/// Who has which place, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: BTreeMap<usize, SessionKey>,
}

impl Places {
    /// Takes the first free one of `max` places, if there is one.
    pub(crate) fn take(&mut self, max: usize, whose: SessionKey) -> Option<usize> {
        let gap = (0..).zip(self.taken.keys()).find(|&(place, &taken)| place != taken);
        let first = gap.map_or(self.taken.len(), |(place, _)| place);
        (first < max).then(|| {
            self.taken.insert(first, whose);
            first
        })
    }

    pub(crate) fn are_taken(&self, max: usize) -> bool {
        self.taken.len() >= max
    }

    /// Everybody who has a place.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionKey> {
        self.taken.values().copied()
    }

    pub(crate) fn give_back(&mut self, place: usize) {
        self.taken.remove(&place);
    }

    pub(crate) fn are_free(&self) -> bool {
        self.taken.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_place_is_taken_and_none_beyond_the_last() {
        let (mut places, key) = (Places::default(), SessionKey(1));
        assert_eq!([(); 4].map(|()| places.take(3, key)), [Some(0), Some(1), Some(2), None]);
        places.give_back(1);
        assert!(!places.are_taken(3));
        assert_eq!((places.take(3, key), places.take(3, key)), (Some(1), None));
        assert!(places.are_taken(3));
        (0..3).for_each(|place| places.give_back(place));
        assert!(places.are_free());
    }
}
