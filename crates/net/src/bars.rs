//! Users and credentials whose allocations end before their time, on every worker: those that were
//! taken back are barred, and open no other; those whose owners left may open others.
//!
//! ```text
//!               generation 5     6          7
//!   table   ────────┼────────────┼──────────┼────▶   ada: barred, 5 · bo: left, 6 · cy: left, 7
//!   worker          └── looked here: of bo and cy it ends what there is
//! ```
//!
//! A bar stands until the credential has expired by itself, and an ending until each worker has
//! looked, so the table forgets what it need not know. It belongs to the process and not to a
//! worker: one that is restarted bars the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kopru_turn::EndReason;

/// Whose allocations end, by quota key: the name of a listed user, or the id behind the colon of a
/// time-limited user name.
///
/// The lock is held for one map access when an allocation begins, never on the relay path.
#[derive(Default)]
pub(crate) struct Bars {
    entries: Mutex<HashMap<Box<str>, Entry>>,
    generation: Generation,
}

/// On cache lines of its own: it is read for what workers hand each other, while the lock beside is
/// taken for each allocation.
#[derive(Default)]
#[repr(align(128))]
struct Generation(AtomicU64);

#[derive(Clone, Copy)]
struct Entry {
    /// Its allocations that were there before this generation end.
    generation: u64,
    /// It opens none before this; in the past where it left.
    barred_until: Instant,
    /// Nobody needs the entry any more.
    forgotten_at: Instant,
}

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
        self.enter(now, quota_key, life)
    }

    /// Ends what `quota_key` has, and bars it no longer than it is barred already.
    pub(crate) fn end(&self, now: Instant, quota_key: &str) -> Result<(), BarsFull> {
        self.enter(now, quota_key, Duration::ZERO)
    }

    fn enter(&self, now: Instant, quota_key: &str, life: Duration) -> Result<(), BarsFull> {
        let mut entries = self.lock();
        let mut barred_until = now + life.min(LIFE_MAX);
        if let Some(former) = entries.get(quota_key) {
            barred_until = barred_until.max(former.barred_until);
        } else if entries.len() >= BARS_MAX {
            entries.retain(|_, entry| entry.forgotten_at > now);
            if entries.len() >= BARS_MAX {
                return Err(BarsFull);
            }
        }
        let generation = self.generation.0.load(Ordering::Relaxed) + 1;
        let forgotten_at = barred_until.max(now + SEEN_AFTER);
        entries.insert(quota_key.into(), Entry { generation, barred_until, forgotten_at });
        // Release: who sees the new number sees the entry.
        self.generation.0.store(generation, Ordering::Release);
        Ok(())
    }

    /// Whether it is barred.
    pub(crate) fn is_barred(&self, now: Instant, quota_key: &str) -> bool {
        self.lock().get(quota_key).is_some_and(|entry| entry.barred_until > now)
    }

    /// Why its allocations end, for who has last looked at this generation.
    pub(crate) fn ended_since(
        &self,
        now: Instant,
        quota_key: &str,
        seen: u64,
    ) -> Option<EndReason> {
        let entry = self.lock().get(quota_key).copied().filter(|entry| entry.generation > seen)?;
        let is_barred = entry.barred_until > now;
        Some(if is_barred { EndReason::Revoked } else { EndReason::Left })
    }

    /// A number that is a higher one after each new entry.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.0.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Entry>> {
        // Nothing between lock and unlock can panic half-way, so a poisoned lock is still right.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each is at most as long as a user name: 33 MiB if somebody takes back everything at once.
const BARS_MAX: usize = 65_536;
/// Within this time every worker has looked: each looks as soon as it is woken.
const SEEN_AFTER: Duration = Duration::from_secs(60);
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
        let [read, lock] = [&raw const bars.generation as usize, &raw const bars.entries as usize];
        assert_eq!((read % 128, lock / 128 == read / 128), (0, false));
    }

    #[test]
    fn who_left_loses_what_there_was_once_and_is_not_barred() {
        let (bars, now) = (Bars::new(), Instant::now());
        let before = bars.generation();
        bars.end(now, "ada").unwrap();
        let after = bars.generation();
        assert!(!bars.is_barred(now, "ada"));
        assert_eq!(bars.ended_since(now, "ada", before), Some(EndReason::Left));
        assert_eq!(bars.ended_since(now, "ada", after), None, "what it has opened since goes on");
        assert_eq!(bars.ended_since(now, "bob", before), None);
        bars.end(now, "ada").unwrap();
        assert_eq!(bars.ended_since(now, "ada", after), Some(EndReason::Left));
    }

    #[test]
    fn who_is_barred_stays_so_when_it_leaves() {
        let (bars, now) = (Bars::new(), Instant::now());
        bars.bar(now, "ada", MINUTE).unwrap();
        let seen = bars.generation();
        bars.end(now, "ada").unwrap();
        assert!(bars.is_barred(now, "ada"));
        assert_eq!(bars.ended_since(now, "ada", seen), Some(EndReason::Revoked));
        assert_eq!(bars.ended_since(now + MINUTE, "ada", seen), Some(EndReason::Left));
    }

    #[test]
    fn the_table_has_an_end_and_makes_room_of_what_has_expired() {
        let (bars, now) = (Bars::new(), Instant::now());
        for number in 0..BARS_MAX {
            bars.bar(now, &number.to_string(), MINUTE).unwrap();
        }
        assert_eq!(bars.bar(now, "ada", MINUTE), Err(BarsFull));
        assert_eq!(bars.end(now, "ada"), Err(BarsFull));
        bars.bar(now, "7", 2 * MINUTE).expect("who is barred can be barred for longer");
        bars.bar(now + MINUTE, "ada", MINUTE).expect("the others have expired");
        assert_eq!(bars.lock().len(), 2);
    }
}
