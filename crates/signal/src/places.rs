//! The places that the sessions of one identity take.
//!
//! TURN quotas are counted by place. Whoever says `hello` again and again gets the places back that
//! it gave up, and so no quota beyond that of the sessions which it may have at once.

use std::collections::BTreeSet;

/// The places that are taken, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: BTreeSet<usize>,
}

impl Places {
    /// Takes the first free one of `max` places, if there is one.
    pub(crate) fn take(&mut self, max: usize) -> Option<usize> {
        let gap = (0..).zip(&self.taken).find(|&(place, &taken)| place != taken);
        let first = gap.map_or(self.taken.len(), |(place, _)| place);
        (first < max).then(|| {
            self.taken.insert(first);
            first
        })
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
        let mut places = Places::default();
        assert_eq!([(); 4].map(|()| places.take(3)), [Some(0), Some(1), Some(2), None]);
        places.give_back(1);
        assert_eq!((places.take(3), places.take(3)), (Some(1), None));
        (0..3).for_each(|place| places.give_back(place));
        assert!(places.are_free());
    }
}
