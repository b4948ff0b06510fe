//! RFC 8656 §6: Allocations

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::TransactionId;
use kopru_stun::attribute::{AddressErrorCode, ReservationToken};
use kopru_stun::credentials::LongTermKey;

use crate::auth::Authenticated;
use crate::channel::Channels;
use crate::counters::Traffic;
use crate::event::{EndReason, Ended};
use crate::five_tuple::{FiveTuple, PeerIp, RelayTransport, RelayedAddr};
use crate::hashing::KeyedHash;
use crate::limits::Limits;
use crate::permission::{Full, Permissions};
use crate::rate::{Bucket, Direction, RelayBuckets, RelayRate, UserRate, since};
use crate::reject::Reject;
use crate::relay_sockets::AddressFamily;
use crate::timers::{Slot, Timers};
use crate::verdict::DropReason;

/// "An allocation conceptually consists of the following state data": §6.
///
/// A dual allocation is two of these, one for each family, with one five-tuple: each has its own
/// relayed transport address, time-to-expiry, permissions and channels.
#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) five_tuple: FiveTuple,
    pub(crate) relayed: RelayedAddr,
    pub(crate) transport: RelayTransport,
    pub(crate) username: Arc<str>,
    /// Authenticates every later request, also when the credential has expired since.
    pub(crate) key: LongTermKey,
    /// Of the Allocate request, to know its retransmissions by (§7.2).
    pub(crate) transaction_id: TransactionId,
    /// What was told with its address, to be told again.
    pub(crate) supplement: Option<Supplement>,
    /// The other half of a dual allocation.
    sibling: Option<Slot>,
    created_at: Instant,
    expires_at: Instant,
    /// When the timer looks at it next: never later than `expires_at`.
    timer_at: Instant,
    pub(crate) permissions: Permissions,
    pub(crate) channels: Channels,
    to_peers: Traffic,
    to_client: Traffic,
    to_peers_buckets: RelayBuckets,
    to_client_buckets: RelayBuckets,
    new_peers_bucket: Bucket,
    /// Connect requests that were let through.
    connects: u32,
    user_rate: Option<Arc<UserRate>>,
}

/// What an allocation is created from.
pub(crate) struct NewAllocation {
    pub(crate) five_tuple: FiveTuple,
    pub(crate) relayed: RelayedAddr,
    pub(crate) transport: RelayTransport,
    pub(crate) username: Arc<str>,
    pub(crate) key: LongTermKey,
    pub(crate) transaction_id: TransactionId,
    pub(crate) supplement: Option<Supplement>,
    /// What it shares with the other allocations of its user.
    pub(crate) user_rate: Option<Arc<UserRate>>,
}

/// What an Allocate response may say beside addresses and lifetime (§7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supplement {
    /// The next-higher port is held.
    Reserved(ReservationToken),
    /// One of two families could not be had.
    Refused(AddressErrorCode),
}

impl Allocation {
    /// Counts a datagram, unless it is more than may be relayed.
    pub(crate) fn relay_datagram(
        &mut self,
        now: Instant,
        rate: RelayRate,
        direction: Direction,
        payload_len: usize,
    ) -> Result<(), DropReason> {
        let age = since(self.created_at, now);
        let (buckets, traffic) = match direction {
            Direction::ToPeer => (&mut self.to_peers_buckets, &mut self.to_peers),
            Direction::ToClient => (&mut self.to_client_buckets, &mut self.to_client),
        };
        if rate.is_limit() && !buckets.take(age, rate, payload_len) {
            return Err(DropReason::AllocationRate);
        }
        let user = self.user_rate.as_ref();
        if user.is_some_and(|user| !user.take(now, direction, payload_len)) {
            return Err(DropReason::UserRate);
        }
        traffic.count(payload_len);
        Ok(())
    }

    /// How long a piece of a stream has to wait before it may be relayed; zero: not at all.
    pub(crate) fn piece_wait(&self, now: Instant, direction: Direction) -> Duration {
        let buckets = match direction {
            Direction::ToPeer => &self.to_peers_buckets,
            Direction::ToClient => &self.to_client_buckets,
        };
        let of_user = self.user_rate.as_ref().map_or(0, |user| user.wait_ns(now, direction));
        Duration::from_nanos(of_user.max(buckets.wait_ns(since(self.created_at, now))))
    }

    /// Counts a piece of a stream that was relayed: its size is known only when it was read.
    pub(crate) fn relay_piece(
        &mut self,
        now: Instant,
        rate: RelayRate,
        direction: Direction,
        len: usize,
    ) {
        let age = since(self.created_at, now);
        let (buckets, traffic) = match direction {
            Direction::ToPeer => (&mut self.to_peers_buckets, &mut self.to_peers),
            Direction::ToClient => (&mut self.to_client_buckets, &mut self.to_client),
        };
        buckets.pay(age, rate, len);
        traffic.count(len);
        if let Some(user) = &self.user_rate {
            user.pay(now, direction, len);
        }
    }

    /// Counts a Connect request, unless there were too many: it can look for open ports, as new
    /// permissions can look for hosts.
    pub(crate) fn count_connect(&mut self, now: Instant, limits: &Limits) -> Result<(), Full> {
        let age = since(self.created_at, now);
        if !self.new_peers_bucket.has_room(age) {
            return Err(Full);
        }
        self.new_peers_bucket.pay(age, limits.new_peers, 1);
        self.connects = self.connects.saturating_add(1);
        Ok(())
    }

    /// Installs or refreshes permissions for all of `ips`, or else none. `ips` is sorted and names
    /// no address twice.
    pub(crate) fn permit(
        &mut self,
        now: Instant,
        ips: &[PeerIp],
        limits: &Limits,
    ) -> Result<(), Full> {
        let new = self.has_room_for(now, ips, limits)?;
        self.permissions.install(now, ips, limits.permissions)?;
        let age = since(self.created_at, now);
        self.new_peers_bucket.pay(age, limits.new_peers, new as u64);
        Ok(())
    }

    /// Whether [`permit`](Self::permit) would succeed, and for how many there is no permission yet.
    pub(crate) fn has_room_for(
        &mut self,
        now: Instant,
        ips: &[PeerIp],
        limits: &Limits,
    ) -> Result<usize, Full> {
        let new = self.permissions.make_room(now, ips, limits.permissions)?;
        let age = since(self.created_at, now);
        if new > 0 && !self.new_peers_bucket.has_room(age) { Err(Full) } else { Ok(new) }
    }

    /// Time-to-expiry, as LIFETIME tells it.
    pub(crate) fn time_to_expiry(&self, now: Instant) -> Duration {
        self.expires_at.saturating_duration_since(now)
    }

    /// Of its relayed transport address.
    pub(crate) fn family(&self) -> AddressFamily {
        AddressFamily::of(self.relayed.0.ip())
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
            relay_transport: self.transport,
            username: self.username,
            reason,
            to_peers: self.to_peers,
            to_client: self.to_client,
            peers: self.permissions.installed().saturating_add(self.connects),
        }
    }
}

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
        let allocation = self.at(*self.by_relayed.get(&at)?)?;
        (allocation.transport == transport && allocation.is_live(now)).then_some(allocation)
    }

    /// The same, to be changed.
    pub(crate) fn at_relayed(
        &mut self,
        now: Instant,
        transport: RelayTransport,
        at: RelayedAddr,
    ) -> Option<&mut Allocation> {
        let slot = *self.by_relayed.get(&at)?;
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
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub(crate) fn at_mut(&mut self, slot: Slot) -> Option<&mut Allocation> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Creates an allocation. Its relayed transport address is in no use, and neither is its
    /// five-tuple, or else by the other half of a dual allocation.
    pub(crate) fn create(&mut self, now: Instant, new: NewAllocation, lifetime: Duration) {
        let expires_at = now + lifetime;
        let slot = self.free.pop().unwrap_or(self.slots.len() as Slot);
        self.timers.set(expires_at, slot);
        let former = self.by_relayed.insert(new.relayed, slot);
        debug_assert_eq!(former, None, "an address is in use twice");
        let sibling = match self.by_five_tuple.entry(new.five_tuple) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(place) => {
                place.insert(slot);
                None
            }
        };
        if let Some(sibling) = sibling.and_then(|sibling| self.at_mut(sibling)) {
            sibling.sibling = Some(slot);
        }
        let allocation = Allocation {
            five_tuple: new.five_tuple,
            relayed: new.relayed,
            transport: new.transport,
            username: new.username,
            key: new.key,
            transaction_id: new.transaction_id,
            supplement: new.supplement,
            sibling,
            created_at: now,
            expires_at,
            timer_at: expires_at,
            permissions: Permissions::default(),
            channels: Channels::default(),
            to_peers: Traffic::default(),
            to_client: Traffic::default(),
            to_peers_buckets: RelayBuckets::default(),
            to_client_buckets: RelayBuckets::default(),
            new_peers_bucket: Bucket::default(),
            connects: 0,
            user_rate: new.user_rate,
        };
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = Some(allocation),
            None => self.slots.push(Some(allocation)),
        }
    }

    /// Sets the time-to-expiry of the allocation that lies there.
    pub(crate) fn refresh(&mut self, now: Instant, slot: Slot, lifetime: Duration) {
        let Some(Some(allocation)) = self.slots.get_mut(slot as usize) else { return };
        allocation.expires_at = now + lifetime;
        if allocation.expires_at < allocation.timer_at {
            self.timers.cancel(allocation.timer_at, slot);
            allocation.timer_at = allocation.expires_at;
            self.timers.set(allocation.timer_at, slot);
        }
    }

    /// Takes the allocation that lies there out, live or not.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Allocation> {
        let allocation = self.slots.get_mut(slot as usize).and_then(Option::take)?;
        match allocation.sibling.and_then(|sibling| Some((sibling, self.at_mut(sibling)?))) {
            Some((place, sibling)) => {
                sibling.sibling = None;
                self.by_five_tuple.insert(allocation.five_tuple, place);
            }
            None => {
                self.by_five_tuple.remove(&allocation.five_tuple);
            }
        }
        self.by_relayed.remove(&allocation.relayed);
        self.timers.cancel(allocation.timer_at, slot);
        self.free.push(slot);
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
        from: &mut usize,
        why: impl Fn(&str) -> Option<EndReason>,
    ) -> Option<(Allocation, EndReason)> {
        let mut rest = self.slots.iter().enumerate().skip(*from);
        let (slot, reason) = rest.find_map(|(slot, allocation)| {
            allocation.as_ref().and_then(|found| why(&found.username)).map(|why| (slot, why))
        })?;
        *from = slot + 1;
        self.remove(slot as Slot).map(|allocation| (allocation, reason))
    }

    /// Takes out one allocation that has expired, if there is one.
    pub(crate) fn remove_expired(&mut self, now: Instant) -> Option<Allocation> {
        while let Some(slot) = self.timers.pop(now) {
            let Some(Some(allocation)) = self.slots.get_mut(slot as usize) else { continue };
            if !allocation.is_live(now) {
                return self.remove(slot);
            }
            allocation.timer_at = allocation.expires_at;
            self.timers.set(allocation.timer_at, slot);
        }
        None
    }

    /// How much memory the tables take, but for what the allocations hold.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Allocation>>()
            + self.free.capacity() * size_of::<Slot>()
            + self.by_five_tuple.capacity() * size_of::<(FiveTuple, Slot)>()
            + self.by_relayed.capacity() * size_of::<(RelayedAddr, Slot)>()
            + self.timers.weight()
    }

    /// When to look for expired allocations again.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The same, live or not.
    pub(crate) fn all_slots_of_client(&self, from: &FiveTuple) -> ClientSlots {
        let first = self.by_five_tuple.get(from).copied();
        [first, first.and_then(|first| self.at(first)?.sibling)]
    }

    fn is_live(&self, now: Instant, slot: Slot) -> bool {
        self.at(slot).is_some_and(|allocation| allocation.is_live(now))
    }
}

/// Where the one or two allocations of a five-tuple lie.
pub(crate) type ClientSlots = [Option<Slot>; 2];

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
