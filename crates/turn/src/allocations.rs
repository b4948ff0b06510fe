//! RFC 8656 §6: "The relayed transport address MUST be unique across all allocations so it can be
//! used to uniquely identify the allocation", and so does the 5-tuple. Where allocations are found:
//! by either, and by their end.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::allocation::{Allocation, NewAllocation};
use crate::auth::Authenticated;
use crate::event::EndReason;
use crate::five_tuple::{FiveTuple, RelayTransport, RelayedAddr};
use crate::hashing::KeyedHash;
use crate::index::Index;
use crate::reject::Reject;
use crate::relay_sockets::AddressFamily;
use crate::slab::Slab;
use crate::timers::{Slot, Timers};

/// The allocations of one server: one owner, two indexes, one timer each.
///
/// ```text
/// by_five_tuple ──▶ slot ◀── by_relayed
///                    │
///                 Allocation ◀── timers
///                    ▲
///                    ▼ sibling
///                 Allocation
/// ```
///
/// An allocation that has expired is not found any more, whether or not the timer came by.
pub(crate) struct Allocations {
    slots: Slab<Allocation>,
    hash: KeyedHash,
    by_five_tuple: Index,
    by_relayed: Index,
    timers: Timers,
}

impl Allocations {
    pub(crate) fn new(hash: KeyedHash) -> Self {
        Self {
            slots: Slab::new(),
            hash,
            by_five_tuple: Index::new(),
            by_relayed: Index::new(),
            timers: Timers::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_relayed.len()
    }

    /// Where the live allocations of this five-tuple lie: none, one, or two of different families.
    pub(crate) fn slots_of_client(&self, now: Instant, from: &FiveTuple) -> ClientSlots {
        self.all_slots_of_client(from).map(|slot| slot.filter(|slot| self.is_live(now, *slot)))
    }

    /// A live allocation of this five-tuple.
    pub(crate) fn of_client(&self, now: Instant, from: &FiveTuple) -> Option<&Allocation> {
        let [first, second] = self.slots_of_client(now, from);
        self.at(first.or(second)?)
    }

    /// The one of `slots` that can reach `ip`.
    pub(crate) fn slot_towards(&self, slots: ClientSlots, ip: IpAddr) -> Option<Slot> {
        let family = AddressFamily::of(ip);
        let mut slots = slots.into_iter().flatten();
        slots.find(|slot| self.at(*slot).is_some_and(|found| found.family() == family))
    }

    /// The live allocation with this relayed transport address, if that is one of `transport`.
    pub(crate) fn find_relayed(
        &self,
        now: Instant,
        transport: RelayTransport,
        at: RelayedAddr,
    ) -> Option<&Allocation> {
        let allocation = self.at(self.slot_of_relayed(at)?)?;
        (allocation.transport == transport && allocation.is_live(now)).then_some(allocation)
    }

    /// The same, to be changed.
    pub(crate) fn at_relayed(
        &mut self,
        now: Instant,
        transport: RelayTransport,
        at: RelayedAddr,
    ) -> Option<&mut Allocation> {
        let slot = self.slot_of_relayed(at)?;
        let allocation = self.at_mut(slot)?;
        (allocation.transport == transport && allocation.is_live(now)).then_some(allocation)
    }

    /// §5: General Behavior. The allocations that a request other than Allocate is about.
    pub(crate) fn of_request(
        &self,
        now: Instant,
        from: &FiveTuple,
        request: &Authenticated<'_>,
    ) -> Result<ClientSlots, Reject> {
        let allocation = self.of_client(now, from).ok_or(Reject::AllocationMismatch)?;
        if *allocation.username != *request.username {
            return Err(Reject::WrongCredentials);
        }
        Ok(self.slots_of_client(now, from))
    }

    /// The allocation that lies there.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Allocation> {
        self.slots.get(slot)
    }

    /// The same, to be changed.
    pub(crate) fn at_mut(&mut self, slot: Slot) -> Option<&mut Allocation> {
        self.slots.get_mut(slot)
    }

    /// Creates an allocation. Its relayed transport address is in no use, and neither is its
    /// five-tuple, or else by the other half of a dual allocation.
    pub(crate) fn create(&mut self, now: Instant, new: NewAllocation, lifetime: Duration) {
        let (five_tuple, relayed) = (new.five_tuple, new.relayed);
        debug_assert_eq!(self.slot_of_relayed(relayed), None, "an address is in use twice");
        let sibling = self.first_of_client(&five_tuple);
        let mut allocation = Allocation::new(now, new, lifetime);
        allocation.sibling = sibling;
        let slot = self.slots.insert(allocation);
        self.timers.set(now, now + lifetime, slot);
        self.by_relayed.insert(self.hash.relayed(relayed), slot);
        match sibling.and_then(|sibling| self.at_mut(sibling)) {
            Some(sibling) => sibling.sibling = Some(slot),
            None => self.by_five_tuple.insert(self.hash.five_tuple(&five_tuple), slot),
        }
    }

    /// Sets the time-to-expiry of the allocation that lies there.
    pub(crate) fn refresh(&mut self, now: Instant, slot: Slot, lifetime: Duration) {
        let Some(allocation) = self.slots.get_mut(slot) else { return };
        allocation.expires_at = now + lifetime;
        self.timers.set(now, allocation.expires_at, slot);
    }

    /// Takes the allocation that lies there out, live or not.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Allocation> {
        let allocation = self.slots.remove(slot)?;
        let hash = self.hash.five_tuple(&allocation.five_tuple);
        match allocation.sibling.and_then(|sibling| Some((sibling, self.at_mut(sibling)?))) {
            Some((place, sibling)) => {
                sibling.sibling = None;
                self.by_five_tuple.replace(hash, slot, place);
            }
            None => self.by_five_tuple.remove(hash, slot),
        }
        self.by_relayed.remove(self.hash.relayed(allocation.relayed), slot);
        self.timers.cancel(slot);
        Some(allocation)
    }

    /// Takes out one allocation of this five-tuple that has expired, if there is one.
    pub(crate) fn remove_expired_of(
        &mut self,
        now: Instant,
        from: &FiveTuple,
    ) -> Option<Allocation> {
        let mut slots = self.all_slots_of_client(from).into_iter().flatten();
        let expired = slots.find(|slot| !self.is_live(now, *slot))?;
        self.remove(expired)
    }

    /// Takes out the first allocation for whose user name `why` has a reason to end, and says it;
    /// looks from `from` on, and leaves there where to look for the next.
    pub(crate) fn remove_of(
        &mut self,
        from: &mut Slot,
        why: impl Fn(&str) -> Option<EndReason>,
    ) -> Option<(Allocation, EndReason)> {
        let found = |(slot, found): (Slot, &Allocation)| Some((slot, why(&found.username)?));
        let (slot, reason) = self.slots.iter_from(*from).find_map(found)?;
        *from = slot + 1;
        self.remove(slot).map(|allocation| (allocation, reason))
    }

    /// Takes out one allocation that has expired, if there is one.
    pub(crate) fn remove_expired(&mut self, now: Instant) -> Option<Allocation> {
        while let Some(slot) = self.timers.pop(now) {
            let Some(allocation) = self.slots.get(slot) else { continue };
            if !allocation.is_live(now) {
                return self.remove(slot);
            }
            self.timers.set(now, allocation.expires_at, slot);
        }
        None
    }

    /// How much memory the tables take, but for what the allocations hold.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        let indexes = self.by_five_tuple.weight() + self.by_relayed.weight();
        self.slots.weight() + indexes + self.timers.weight()
    }

    /// When to look for expired allocations again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The same, live or not.
    pub(crate) fn all_slots_of_client(&self, from: &FiveTuple) -> ClientSlots {
        let first = self.first_of_client(from);
        [first, first.and_then(|first| self.at(first)?.sibling)]
    }

    fn first_of_client(&self, from: &FiveTuple) -> Option<Slot> {
        let is_it = |slot| self.at(slot).is_some_and(|found| found.five_tuple == *from);
        self.by_five_tuple.find(self.hash.five_tuple(from), is_it)
    }

    fn slot_of_relayed(&self, at: RelayedAddr) -> Option<Slot> {
        let is_it = |slot| self.at(slot).is_some_and(|found| found.relayed == at);
        self.by_relayed.find(self.hash.relayed(at), is_it)
    }

    fn is_live(&self, now: Instant, slot: Slot) -> bool {
        self.at(slot).is_some_and(|allocation| allocation.is_live(now))
    }
}

/// Where the one or two allocations of a five-tuple lie.
pub(crate) type ClientSlots = [Option<Slot>; 2];
