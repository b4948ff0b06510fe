//! How far each of many is ahead of a rate. A bucket is kept while it is not full, and no longer:
//! nothing is remembered of who has taken nothing lately.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::time::Instant;

use crate::bucket::Bucket;
use crate::deadlines::Deadlines;
use crate::limits::{PACES_MAX, Rate};

/// The buckets of those who share a rate and nothing else, [`PACES_MAX`] at most. For another one
/// the one is forgotten that would be full first, which is of who has taken least.
#[derive(Debug)]
pub struct Paces<K> {
    buckets: BTreeMap<K, Bucket>,
    /// When each is full.
    full: Deadlines<K>,
}

impl<K: Clone + Ord> Paces<K> {
    /// Takes one token of somebody.
    ///
    /// # Errors
    /// When there is none: the whole seconds, at least 1, until there will be one.
    pub fn take(&mut self, whose: K, now: Instant, rate: Rate) -> Result<(), u32> {
        let left = self.left(&whose, now, rate)?;
        self.keep(whose, now, left);
        Ok(())
    }

    /// What is left when one token has been taken.
    ///
    /// # Errors
    /// As of [`take`](Self::take).
    pub(crate) fn left<Q>(&self, whose: &Q, now: Instant, rate: Rate) -> Result<Bucket, u32>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let mut bucket = self.buckets.get(whose).copied().unwrap_or(Bucket::full(now));
        bucket.take(now, rate).map(|()| bucket)
    }

    /// From now on this is left.
    pub(crate) fn keep(&mut self, whose: K, now: Instant, left: Bucket) {
        while let Some(full) = self.full.pop_due(now) {
            self.buckets.remove(&full);
        }
        if let Some(former) = self.buckets.remove(&whose) {
            self.full.remove(former.full_at(), whose.clone());
        }
        if left.full_at() <= now {
            return;
        }
        if self.buckets.len() >= PACES_MAX
            && let Some((at, least)) = self.full.first()
        {
            self.buckets.remove(&least);
            self.full.remove(at, least);
        }
        self.full.insert(left.full_at(), whose.clone());
        self.buckets.insert(whose, left);
    }
}

impl<K> Default for Paces<K> {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), full: Deadlines::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate { per_second: 1, burst: 3 };

    #[allow(clippy::disallowed_methods, reason = "any instant will do as the beginning of time")]
    fn start() -> Instant {
        Instant::now()
    }

    fn taken(paces: &mut Paces<u32>, whose: u32, now: Instant) -> usize {
        (0..10).take_while(|_| paces.take(whose, now, RATE).is_ok()).count()
    }

    #[test]
    fn each_has_a_bucket_of_its_own_which_is_forgotten_when_it_is_full() {
        let (mut paces, start) = (Paces::default(), start());
        assert_eq!((taken(&mut paces, 1, start), taken(&mut paces, 2, start)), (3, 3));
        let later = start + Duration::from_secs(2);
        assert_eq!(taken(&mut paces, 1, later), 2);
        assert_eq!(paces.buckets.len(), 2);
        let later = start + Duration::from_secs(3);
        assert_eq!(paces.take(3, later, RATE), Ok(()));
        assert_eq!(paces.buckets.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(paces.full.first().map(|(_, whose)| whose), Some(3));
    }

    #[test]
    fn without_a_rate_nothing_is_kept() {
        let (mut paces, start) = (Paces::default(), start());
        let rate = Rate { per_second: 0, burst: 0 };
        assert!((0..100).all(|_| paces.take(1, start, rate).is_ok()));
        assert!(paces.buckets.is_empty());
    }

    #[test]
    fn for_one_too_many_the_one_goes_that_has_taken_least() {
        let (mut paces, start) = (Paces::default(), start());
        assert_eq!(taken(&mut paces, 0, start), 3);
        let last = PACES_MAX as u32;
        assert!((1..last).all(|whose| paces.take(whose, start, RATE).is_ok()));
        assert_eq!(paces.buckets.len(), PACES_MAX);
        assert_eq!(taken(&mut paces, last, start), 3);
        assert_eq!(paces.buckets.len(), PACES_MAX);
        assert!(!paces.buckets.contains_key(&1));
        assert_eq!((taken(&mut paces, 0, start), taken(&mut paces, last, start)), (0, 0));
    }
}
