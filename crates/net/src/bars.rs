//! Users and credentials that were taken back: who is barred opens no allocation, on any worker.
//!
//! A bar stands until the credential has expired by itself, so the table forgets what it need not
//! know. It belongs to the process and not to a worker: one that is restarted bars the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who is barred, by quota key: the name of a listed user, or the id behind the colon of a
/// time-limited user name.
///
/// The lock is held for one map access when an allocation begins, never on the relay path.
#[derive(Default)]
pub(crate) struct Bars {
    until: Mutex<HashMap<Box<str>, Instant>>,
    generation: Generation,
}

/// On cache lines of its own: it is read for what workers hand each other, while the lock beside is
/// taken for each allocation.
#[derive(Default)]
#[repr(align(128))]
struct Generation(AtomicU64);

/// As many users are barred as there is room for; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarsFull;

impl fmt::Display for BarsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BARS_MAX} users are barred already, and no bar has expired")
    }
}

impl std::error::Error for BarsFull {}

impl Bars {
    /// Nobody yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Bars `quota_key` from `now` for `life`, or longer if it is barred for longer already.
    pub(crate) fn bar(
        &self,
        now: Instant,
        quota_key: &str,
        life: Duration,
    ) -> Result<(), BarsFull> {
        let until = now + life.min(LIFE_MAX);
        let mut bars = self.lock();
        match bars.get_mut(quota_key) {
            Some(bar) => *bar = until.max(*bar),
            None => {
                if bars.len() >= BARS_MAX {
                    bars.retain(|_, until| *until > now);
                }
                if bars.len() >= BARS_MAX {
                    return Err(BarsFull);
                }
                bars.insert(quota_key.into(), until);
            }
        }
        drop(bars);
        // Release: who sees the new number sees the bar.
        self.generation.0.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether it is barred.
    pub(crate) fn is_barred(&self, now: Instant, quota_key: &str) -> bool {
        self.lock().get(quota_key).is_some_and(|until| *until > now)
    }

    /// A number that is another one after each new bar.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.0.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Instant>> {
        // Nothing between lock and unlock can panic half-way, so a poisoned lock is still right.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each is at most as long as a user name: 33 MiB if somebody takes back everything at once.
const BARS_MAX: usize = 65_536;
/// Longer than any credential lives; an instant that far away can be told on every system.
const LIFE_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_bar_stands_for_its_time_and_is_only_prolonged() {
        let (bars, now) = (Bars::new(), Instant::now());
        let before = bars.generation();
        bars.bar(now, "ada", 2 * MINUTE).unwrap();
        bars.bar(now, "ada", MINUTE).unwrap();
        assert_ne!(bars.generation(), before);
        let just_before = now + 2 * MINUTE - Duration::from_nanos(1);
        assert!(bars.is_barred(now, "ada") && bars.is_barred(just_before, "ada"));
        assert!(!bars.is_barred(now + 2 * MINUTE, "ada") && !bars.is_barred(now, "bob"));
        bars.bar(now, "bob", Duration::MAX).unwrap();
        assert!(bars.is_barred(now + 100_000 * MINUTE, "bob"));
    }

    #[test]
    fn what_is_read_shares_no_cache_line_with_the_lock() {
        let bars = Bars::new();
        let [read, lock] = [&raw const bars.generation as usize, &raw const bars.until as usize];
        assert_eq!((read % 128, lock / 128 == read / 128), (0, false));
    }

    #[test]
    fn the_table_has_an_end_and_makes_room_of_what_has_expired() {
        let (bars, now) = (Bars::new(), Instant::now());
        for number in 0..BARS_MAX {
            bars.bar(now, &number.to_string(), MINUTE).unwrap();
        }
        assert_eq!(bars.bar(now, "ada", MINUTE), Err(BarsFull));
        bars.bar(now, "7", 2 * MINUTE).expect("who is barred can be barred for longer");
        bars.bar(now + MINUTE, "ada", MINUTE).expect("the others have expired");
        assert_eq!(bars.lock().len(), 2);
    }
}
