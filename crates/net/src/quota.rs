//! RFC 8656 §7.2: "the server should ... check that the user's allocation quota is not exceeded".
//! Shared by all workers; what is taken is owned, so every way an allocation ends gives it back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kopru_turn::relay_sockets::Owner;
use kopru_turn::{PerSecond, RelayRate, SourcePrefix, UserRate};

/// How many allocations each quota key has, each source prefix, and all together.
///
/// The lock is held for two map accesses when an allocation begins or ends, never on the relay
/// path. Who has no allocation has no entry, so the maps are no longer than there are allocations;
/// a user who ends all of them and comes back begins with full buckets.
pub(crate) struct Quota {
    limits: QuotaLimits,
    counts: Mutex<Counts>,
}

/// What is allowed; 0 means no limit.
#[derive(Clone, Copy, Default)]
pub(crate) struct QuotaLimits {
    pub(crate) per_key: u32,
    pub(crate) per_prefix: u32,
    pub(crate) total: u32,
    /// What all allocations of one quota key relay together.
    pub(crate) user_rate: RelayRate,
}

#[derive(Default)]
struct Counts {
    by_key: HashMap<Arc<str>, User>,
    by_prefix: HashMap<SourcePrefix, u32>,
    all: u32,
}

#[derive(Default)]
struct User {
    allocations: u32,
    rate: Option<Arc<UserRate>>,
}

impl User {
    /// Takes a limit into account. What allocations share is replaced by something tighter only:
    /// else two credentials in turn would get buckets of their own for each allocation.
    fn tighten(&mut self, all: RelayRate, granted_bits: PerSecond) {
        let now = self.rate.as_ref().map_or(RelayRate::default(), |rate| rate.rate());
        let bits = now.bits.and(all.bits).and(granted_bits);
        let wanted = RelayRate { bits, packets: all.packets };
        if wanted != now {
            self.rate = Some(Arc::new(UserRate::new(wanted, Instant::now())));
        }
    }
}

impl Quota {
    /// Nobody has any yet.
    pub(crate) fn new(limits: QuotaLimits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// Counts one more allocation for its owner; `None` when the user, the prefix, or everybody has
    /// enough.
    pub(crate) fn take(self: &Arc<Self>, owner: Owner<'_>) -> Option<QuotaLease> {
        let (limits, mut counts) = (&self.limits, self.counts());
        let of_prefix = counts.by_prefix.get(&owner.prefix).copied().unwrap_or_default();
        if reached(counts.all, limits.total) || reached(of_prefix, limits.per_prefix) {
            return None;
        }
        let key = match counts.by_key.get_key_value(owner.quota_key) {
            Some((_, user)) if reached(user.allocations, limits.per_key) => return None,
            Some((key, _)) => Arc::clone(key),
            None => Arc::from(owner.quota_key),
        };
        let user = counts.by_key.entry(Arc::clone(&key)).or_default();
        user.allocations += 1;
        user.tighten(limits.user_rate, owner.granted_bits);
        let rate = user.rate.clone();
        *counts.by_prefix.entry(owner.prefix).or_default() += 1;
        counts.all += 1;
        Some(QuotaLease { quota: Arc::clone(self), key, prefix: owner.prefix, rate })
    }

    /// Whether this user has an allocation, or a reservation.
    pub(crate) fn is_used_by(&self, quota_key: &str) -> bool {
        self.counts().by_key.contains_key(quota_key)
    }

    fn give_back(&self, lease: &QuotaLease) {
        let mut counts = self.counts();
        counts.all -= 1;
        if let Entry::Occupied(mut entry) = counts.by_key.entry(Arc::clone(&lease.key)) {
            entry.get_mut().allocations -= 1;
            if entry.get().allocations == 0 {
                entry.remove();
            }
        }
        if let Entry::Occupied(mut entry) = counts.by_prefix.entry(lease.prefix) {
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
    prefix: SourcePrefix,
    rate: Option<Arc<UserRate>>,
}

impl QuotaLease {
    /// What the owner may relay with all that it has.
    pub(crate) fn user_rate(&self) -> Option<Arc<UserRate>> {
        self.rate.clone()
    }
}

impl Drop for QuotaLease {
    fn drop(&mut self) {
        self.quota.give_back(self);
    }
}

/// How many descriptors relay sockets and clients' connections may have open, so that socket(2)
/// and accept(2) never meet EMFILE.
pub(crate) struct DescriptorBudget {
    limit: u32,
    taken: AtomicU32,
}

impl DescriptorBudget {
    /// So many.
    pub(crate) fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicU32::new(0) })
    }

    /// Counts one more; `None` when there are as many as there may be.
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

#[cfg(test)]
mod tests {
    use kopru_turn::five_tuple::ClientAddr;

    use super::*;

    const HOME: [u8; 4] = [192, 0, 2, 1];
    const AWAY: [u8; 4] = [198, 51, 100, 1];

    fn owner(quota_key: &str, at: [u8; 4]) -> Owner<'_> {
        granted(quota_key, at, 0)
    }

    fn granted(quota_key: &str, at: [u8; 4], bits: u64) -> Owner<'_> {
        let prefix = SourcePrefix::of(ClientAddr((at, 1).into()));
        Owner { quota_key, granted_bits: PerSecond(bits), prefix }
    }

    #[test]
    fn a_key_gets_its_limit_and_not_one_more() {
        let quota = Quota::new(QuotaLimits { per_key: 2, ..QuotaLimits::default() });
        let first = quota.take(owner("ada", HOME));
        let second = quota.take(owner("ada", AWAY));
        assert!(first.is_some() && second.is_some() && quota.take(owner("ada", HOME)).is_none());
        assert!(quota.take(owner("bob", HOME)).is_some(), "another key has its own");
        drop(first);
        assert!(quota.take(owner("ada", HOME)).is_some(), "what is dropped can be taken again");
        assert!(quota.is_used_by("ada"));
        drop(second);
        assert!(!quota.is_used_by("ada") && !quota.is_used_by("bob"));
    }

    #[test]
    fn a_prefix_gets_its_limit_and_not_one_more() {
        let quota = Quota::new(QuotaLimits { per_prefix: 2, ..QuotaLimits::default() });
        let first = quota.take(owner("ada", HOME));
        let second = quota.take(owner("bob", HOME));
        assert!(first.is_some() && second.is_some() && quota.take(owner("cyd", HOME)).is_none());
        assert!(quota.take(owner("cyd", AWAY)).is_some(), "another prefix has its own");
        drop(first);
        assert!(quota.take(owner("cyd", HOME)).is_some());
    }

    #[test]
    fn all_together_get_the_total() {
        let quota = Quota::new(QuotaLimits { total: 2, ..QuotaLimits::default() });
        let leases = [quota.take(owner("ada", HOME)), quota.take(owner("bob", AWAY))];
        assert!(leases.iter().all(Option::is_some) && quota.take(owner("cyd", HOME)).is_none());
        drop(leases);
        assert!(quota.take(owner("cyd", HOME)).is_some());
    }

    #[test]
    fn a_key_without_allocations_leaves_nothing_behind() {
        let quota = Quota::new(QuotaLimits { per_key: 2, total: 2, ..QuotaLimits::default() });
        for user in 0..100 {
            assert!(quota.take(owner(&user.to_string(), HOME)).is_some());
        }
        let counts = quota.counts();
        assert_eq!((counts.by_key.len(), counts.by_prefix.len(), counts.all), (0, 0, 0));
    }

    #[test]
    fn the_allocations_of_a_user_share_one_rate_and_those_of_another_do_not() {
        let user_rate = RelayRate { packets: PerSecond(1), ..RelayRate::default() };
        let quota = Quota::new(QuotaLimits { user_rate, ..QuotaLimits::default() });
        let leases = [("ada", HOME), ("ada", AWAY), ("bob", HOME)]
            .map(|(key, at)| quota.take(owner(key, at)));
        let [one, two, bob] = leases.each_ref().map(|lease| lease.as_ref()?.user_rate());
        let (one, two, bob) = (one.unwrap(), two.unwrap(), bob.unwrap());
        assert!(Arc::ptr_eq(&one, &two) && !Arc::ptr_eq(&one, &bob));
        let unlimited = Quota::new(QuotaLimits::default());
        assert!(unlimited.take(owner("ada", HOME)).unwrap().user_rate().is_none());
    }

    #[test]
    fn a_granted_rate_holds_beside_that_of_all_users_and_only_becomes_tighter() {
        let user_rate = RelayRate { bits: PerSecond(1000), packets: PerSecond(7) };
        let quota = Quota::new(QuotaLimits { user_rate, ..QuotaLimits::default() });
        let mut leases = Vec::new();
        for (granted_bits, expect) in [(0, 1000), (5000, 1000), (300, 300), (500, 300), (0, 300)] {
            let lease = quota.take(granted("ada", HOME, granted_bits)).unwrap();
            let rate = lease.user_rate().unwrap().rate();
            assert_eq!(rate, RelayRate { bits: PerSecond(expect), packets: PerSecond(7) });
            leases.push(lease);
        }
        let rates = leases.iter().map(|lease| lease.user_rate().unwrap()).collect::<Vec<_>>();
        assert!(Arc::ptr_eq(&rates[0], &rates[1]) && Arc::ptr_eq(&rates[2], &rates[4]));
        leases.clear();
        let anew = quota.take(granted("ada", HOME, 500)).unwrap();
        assert_eq!(anew.user_rate().unwrap().rate().bits, PerSecond(500));
    }

    #[test]
    fn a_grant_limits_one_user_where_nothing_limits_all() {
        let quota = Quota::new(QuotaLimits::default());
        let ada = quota.take(granted("ada", HOME, 300)).unwrap();
        assert_eq!(ada.user_rate().unwrap().rate().bits, PerSecond(300));
        assert!(quota.take(owner("bob", HOME)).unwrap().user_rate().is_none());
    }

    #[test]
    fn a_descriptor_that_is_closed_can_be_taken_again() {
        assert!(DescriptorBudget::new(0).take().is_none());
        let budget = DescriptorBudget::new(2);
        let leases = [budget.take(), budget.take()];
        assert!(leases.iter().all(Option::is_some) && budget.take().is_none());
        drop(leases);
        assert!(budget.take().is_some());
    }
}
