//! RFC 8656 §6: Allocations

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::TransactionId;
use kopru_stun::attribute::ReservationToken;
use kopru_stun::credentials::LongTermKey;

use crate::auth::Authenticated;
use crate::channel::Channels;
use crate::counters::Traffic;
use crate::event::{EndReason, Ended};
use crate::five_tuple::{FiveTuple, RelayedAddr};
use crate::hashing::KeyedHash;
use crate::permission::Permissions;
use crate::reject::Reject;
use crate::timers::{Slot, Timers};

/// "An allocation conceptually consists of the following state data": §6.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) five_tuple: FiveTuple,
    pub(crate) relayed: RelayedAddr,
    pub(crate) username: Arc<str>,
    /// Authenticates every later request, also when the credential has expired since.
    pub(crate) key: LongTermKey,
    /// Of the Allocate request, to know its retransmissions by (§7.2).
    pub(crate) transaction_id: TransactionId,
    /// The token that was told with it, to be told again.
    pub(crate) reserved: Option<ReservationToken>,
    created_at: Instant,
    expires_at: Instant,
    /// When the timer looks at it next: never later than `expires_at`.
    timer_at: Instant,
    pub(crate) permissions: Permissions,
    pub(crate) channels: Channels,
    pub(crate) to_peers: Traffic,
    pub(crate) to_client: Traffic,
}

/// What an allocation is created from.
pub(crate) struct NewAllocation {
    pub(crate) five_tuple: FiveTuple,
    pub(crate) relayed: RelayedAddr,
    pub(crate) username: Arc<str>,
    pub(crate) key: LongTermKey,
    pub(crate) transaction_id: TransactionId,
    pub(crate) reserved: Option<ReservationToken>,
}

impl Allocation {
    /// Time-to-expiry, as LIFETIME tells it.
    pub(crate) fn time_to_expiry(&self, now: Instant) -> Duration {
        self.expires_at.saturating_duration_since(now)
    }

    /// How long it has lived.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.created_at)
    }

    fn is_live(&self, now: Instant) -> bool {
        self.expires_at > now
    }

    /// The record that remains of it.
    pub(crate) fn record(self, now: Instant, reason: EndReason) -> Ended {
        Ended {
            age: self.age(now),
            five_tuple: self.five_tuple,
            relayed: self.relayed,
            username: self.username,
            reason,
            to_peers: self.to_peers,
            to_client: self.to_client,
            peers: self.permissions.installed(),
        }
    }
}

/// The allocations of one server: one owner, two indexes, one timer each.
///
/// ```text
/// by_five_tuple ──▶ slot ◀── by_relayed
///                    │
///                 Allocation ◀── timers
/// ```
///
/// An allocation that has expired is not found any more, whether or not the timer came by.
pub(crate) struct Allocations {
    slots: Vec<Option<Allocation>>,
    free: Vec<Slot>,
    by_five_tuple: HashMap<FiveTuple, Slot, KeyedHash>,
    by_relayed: HashMap<RelayedAddr, Slot, KeyedHash>,
    timers: Timers,
}

impl Allocations {
    pub(crate) fn new(hash: KeyedHash) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_five_tuple: HashMap::with_hasher(hash),
            by_relayed: HashMap::with_hasher(hash),
            timers: Timers::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_five_tuple.len()
    }

    /// Where the live allocation of this five-tuple lies.
    pub(crate) fn slot_of_client(&self, now: Instant, from: &FiveTuple) -> Option<Slot> {
        let slot = *self.by_five_tuple.get(from)?;
        self.at(slot).filter(|allocation| allocation.is_live(now)).map(|_| slot)
    }

    /// The live allocation of this five-tuple.
    pub(crate) fn of_client(&self, now: Instant, from: &FiveTuple) -> Option<&Allocation> {
        self.at(self.slot_of_client(now, from)?)
    }

    /// The live allocation with this relayed transport address.
    pub(crate) fn at_relayed(&mut self, now: Instant, at: RelayedAddr) -> Option<&mut Allocation> {
        let slot = *self.by_relayed.get(&at)?;
        self.at_mut(slot).filter(|allocation| allocation.is_live(now))
    }

    /// §5: General Behavior. The allocation that a request other than Allocate is about.
    pub(crate) fn of_request(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        request: &Authenticated<'_>,
    ) -> Result<&mut Allocation, Reject> {
        let slot = self.slot_of_client(now, from).ok_or(Reject::AllocationMismatch)?;
        let allocation = self.at_mut(slot).ok_or(Reject::AllocationMismatch)?;
        if *allocation.username != *request.username {
            return Err(Reject::WrongCredentials);
        }
        Ok(allocation)
    }

    /// The allocation that lies there.
    pub(crate) fn at(&self, slot: Slot) -> Option<&Allocation> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub(crate) fn at_mut(&mut self, slot: Slot) -> Option<&mut Allocation> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Creates an allocation. Five-tuple and relayed transport address are in no use.
    pub(crate) fn create(&mut self, now: Instant, new: NewAllocation, lifetime: Duration) {
        let expires_at = now + lifetime;
        let slot = self.free.pop().unwrap_or(self.slots.len() as Slot);
        self.timers.set(expires_at, slot);
        let former = [
            self.by_five_tuple.insert(new.five_tuple, slot),
            self.by_relayed.insert(new.relayed, slot),
        ];
        debug_assert_eq!(former, [None, None], "an address is in use twice");
        let allocation = Allocation {
            five_tuple: new.five_tuple,
            relayed: new.relayed,
            username: new.username,
            key: new.key,
            transaction_id: new.transaction_id,
            reserved: new.reserved,
            created_at: now,
            expires_at,
            timer_at: expires_at,
            permissions: Permissions::default(),
            channels: Channels::default(),
            to_peers: Traffic::default(),
            to_client: Traffic::default(),
        };
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = Some(allocation),
            None => self.slots.push(Some(allocation)),
        }
    }

    /// Sets the time-to-expiry of the allocation of this five-tuple.
    pub(crate) fn refresh(&mut self, now: Instant, from: &FiveTuple, lifetime: Duration) {
        let Some(&slot) = self.by_five_tuple.get(from) else { return };
        let Some(Some(allocation)) = self.slots.get_mut(slot as usize) else { return };
        allocation.expires_at = now + lifetime;
        if allocation.expires_at < allocation.timer_at {
            self.timers.cancel(allocation.timer_at, slot);
            allocation.timer_at = allocation.expires_at;
            self.timers.set(allocation.timer_at, slot);
        }
    }

    /// Takes the allocation of this five-tuple out, live or not.
    pub(crate) fn remove(&mut self, from: &FiveTuple) -> Option<Allocation> {
        let slot = self.by_five_tuple.remove(from)?;
        let allocation = self.slots.get_mut(slot as usize).and_then(Option::take)?;
        self.by_relayed.remove(&allocation.relayed);
        self.timers.cancel(allocation.timer_at, slot);
        self.free.push(slot);
        Some(allocation)
    }

    /// Takes the allocation of this five-tuple out if it has expired.
    pub(crate) fn remove_if_expired(
        &mut self,
        now: Instant,
        from: &FiveTuple,
    ) -> Option<Allocation> {
        if self.slot_of_client(now, from).is_some() {
            return None;
        }
        self.remove(from)
    }

    /// Takes out one allocation that has expired, if there is one.
    pub(crate) fn remove_expired(&mut self, now: Instant) -> Option<Allocation> {
        while let Some(slot) = self.timers.pop(now) {
            let Some(Some(allocation)) = self.slots.get_mut(slot as usize) else { continue };
            if !allocation.is_live(now) {
                let five_tuple = allocation.five_tuple;
                return self.remove(&five_tuple);
            }
            allocation.timer_at = allocation.expires_at;
            self.timers.set(allocation.timer_at, slot);
        }
        None
    }

    /// When to look for expired allocations again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_allocation_is_small() {
        // Table growth doubles: in the worst case half of each table is empty.
        let slot = 2 * size_of::<Option<Allocation>>();
        let indexes = 2 * (size_of::<(FiveTuple, Slot)>() + size_of::<(RelayedAddr, Slot)>() + 2);
        let timer = 2 * size_of::<(Instant, Slot)>();
        let username = 64;
        assert!(slot + indexes + timer + username <= 1536, "{slot} {indexes} {timer}");
    }
}
