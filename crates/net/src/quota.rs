//! RFC 8656 §7.2: "the server should ... check that the user's allocation quota is not exceeded".
//! Shared by all workers; what is taken is owned, so every way an allocation ends gives it back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many allocations each quota key has, and all together.
///
/// The lock is held for one map access when an allocation begins or ends, never on the relay path.
/// A key without allocations has no entry, so the map is no longer than there are allocations.
pub(crate) struct Quota {
    per_key: u32,
    total: u32,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    by_key: HashMap<Arc<str>, u32>,
    all: u32,
}

impl Quota {
    /// At most `per_key` for one quota key and `total` for all together; 0 means no limit.
    pub(crate) fn new(per_key: u32, total: u32) -> Arc<Self> {
        Arc::new(Self { per_key, total, counts: Mutex::default() })
    }

    /// Counts one more allocation for `key`; `None` when it, or everybody, has enough.
    pub(crate) fn take(self: &Arc<Self>, key: &str) -> Option<QuotaLease> {
        let mut counts = self.counts();
        if reached(counts.all, self.total) {
            return None;
        }
        let key = match counts.by_key.get_key_value(key) {
            Some((_, &count)) if reached(count, self.per_key) => return None,
            Some((key, _)) => Arc::clone(key),
            None => Arc::from(key),
        };
        *counts.by_key.entry(Arc::clone(&key)).or_default() += 1;
        counts.all += 1;
        Some(QuotaLease { quota: Arc::clone(self), key })
    }

    fn give_back(&self, key: &Arc<str>) {
        let mut counts = self.counts();
        counts.all -= 1;
        if let Entry::Occupied(mut entry) = counts.by_key.entry(Arc::clone(key)) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing between lock and unlock can panic half-way, so a poisoned lock is still right.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One counted allocation.
pub(crate) struct QuotaLease {
    quota: Arc<Quota>,
    key: Arc<str>,
}

impl Drop for QuotaLease {
    fn drop(&mut self) {
        self.quota.give_back(&self.key);
    }
}

/// How many descriptors relay sockets and clients' connections may have open, so that accept(2)
/// never meets EMFILE.
pub(crate) struct DescriptorBudget {
    limit: u32,
    taken: AtomicU32,
}

impl DescriptorBudget {
    /// Of the `open_files` this process may have, a part is kept for everything that is not a
    /// relay socket.
    pub(crate) fn new(open_files: u64) -> Arc<Self> {
        let reserve = (open_files / RESERVE_SHARE).max(RESERVE_MIN);
        let limit = u32::try_from(open_files.saturating_sub(reserve)).unwrap_or(u32::MAX);
        Arc::new(Self { limit, taken: AtomicU32::new(0) })
    }

    /// Counts one more; `None` when the rest is reserved.
    pub(crate) fn take(self: &Arc<Self>) -> Option<DescriptorLease> {
        let below = |taken| (taken < self.limit).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok()?;
        Some(DescriptorLease(Arc::clone(self)))
    }
}

/// One counted descriptor.
pub(crate) struct DescriptorLease(Arc<DescriptorBudget>);

impl Drop for DescriptorLease {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

fn reached(count: u32, limit: u32) -> bool {
    limit != 0 && count >= limit
}

/// A quarter of all descriptors is not for relaying: signaling connections, files, listeners.
const RESERVE_SHARE: u64 = 4;
/// What the program needs with no client at all, and some.
const RESERVE_MIN: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gets_its_limit_and_not_one_more() {
        let quota = Quota::new(2, 0);
        let first = quota.take("ada");
        let second = quota.take("ada");
        assert!(first.is_some() && second.is_some() && quota.take("ada").is_none());
        assert!(quota.take("bob").is_some(), "another key has its own");
        drop(first);
        assert!(quota.take("ada").is_some(), "what is dropped can be taken again");
    }

    #[test]
    fn all_together_get_the_total() {
        let quota = Quota::new(0, 2);
        let leases = [quota.take("ada"), quota.take("bob")];
        assert!(leases.iter().all(Option::is_some) && quota.take("cyd").is_none());
        drop(leases);
        assert!(quota.take("cyd").is_some());
    }

    #[test]
    fn a_key_without_allocations_leaves_nothing_behind() {
        let quota = Quota::new(2, 2);
        for user in 0..100 {
            assert!(quota.take(&user.to_string()).is_some());
        }
        let counts = quota.counts();
        assert_eq!((counts.by_key.len(), counts.all), (0, 0));
    }

    #[test]
    fn descriptors_are_kept_back() {
        for (open_files, relays) in [(0, 0), (64, 0), (65, 1), (1024, 768), (u64::MAX, u32::MAX)] {
            assert_eq!(DescriptorBudget::new(open_files).limit, relays, "{open_files}");
        }
        let budget = DescriptorBudget::new(66);
        let leases = [budget.take(), budget.take()];
        assert!(leases.iter().all(Option::is_some) && budget.take().is_none());
        drop(leases);
        assert!(budget.take().is_some());
    }
}
