//! A token bucket in one instant: the generic cell rate algorithm.

use std::time::{Duration, Instant};

use crate::limits::Rate;

/// How far something, as one kind of message of one session, is ahead of its [`Rate`].
///
/// Stored as the instant at which the bucket will be full again, so an idle session costs nothing
/// and no clock has to fill it.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// Nothing was taken lately.
    #[must_use]
    pub fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// When it will be, or was.
    pub(crate) fn full_at(&self) -> Instant {
        self.full_at
    }

    /// Takes one token.
    ///
    /// # Errors
    /// When there is none: the whole seconds, at least 1, until there will be one.
    pub fn take(&mut self, now: Instant, rate: Rate) -> Result<(), u32> {
        if rate.per_second == 0 {
            return Ok(());
        }
        let interval = Duration::from_secs(1) / rate.per_second;
        let full_at = self.full_at.max(now) + interval;
        let excess = (full_at - now).saturating_sub(interval * rate.burst.max(1));
        if excess.is_zero() {
            self.full_at = full_at;
            return Ok(());
        }
        Err(u32::try_from(excess.as_secs()).map_or(u32::MAX, |whole| whole.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods, reason = "any instant will do as the beginning of time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (start, rate) = (start(), Rate { per_second: 10, burst: 3 });
        let mut bucket = Bucket::full(start);
        for _ in 0..3 {
            assert_eq!(bucket.take(start, rate), Ok(()));
        }
        assert_eq!(bucket.take(start, rate), Err(1));
        let later = start + Duration::from_millis(99);
        assert_eq!(bucket.take(later, rate), Err(1));
        let later = start + Duration::from_millis(100);
        assert_eq!(bucket.take(later, rate), Ok(()));
        assert_eq!(bucket.take(later, rate), Err(1));
    }

    #[test]
    fn a_pause_fills_it_no_higher_than_the_burst() {
        let (start, rate) = (start(), Rate { per_second: 10, burst: 3 });
        let mut bucket = Bucket::full(start);
        let later = start + Duration::from_secs(3600);
        let taken = (0..10).filter(|_| bucket.take(later, rate).is_ok()).count();
        assert_eq!(taken, 3);
    }

    #[test]
    fn zero_means_no_limit() {
        let start = start();
        let mut bucket = Bucket::full(start);
        let rate = Rate { per_second: 0, burst: 0 };
        assert!((0..10_000).all(|_| bucket.take(start, rate).is_ok()));
    }
}
