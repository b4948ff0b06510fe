//! RFC 8656 §6: Allocations

use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::TransactionId;
use kopru_stun::attribute::{AddressErrorCode, ReservationToken};
use kopru_stun::credentials::LongTermKey;

use crate::channel::Channels;
use crate::counters::Traffic;
use crate::event::{EndReason, Ended};
use crate::five_tuple::{FiveTuple, PeerIp, RelayTransport, RelayedAddr};
use crate::limits::Limits;
use crate::permission::{Full, Permissions};
use crate::rate::{Bucket, Direction, RelayBuckets, RelayRate, UserRate, since};
use crate::relay_sockets::AddressFamily;
use crate::timers::Slot;
use crate::verdict::DropReason;

/// "An allocation conceptually consists of the following state data": §6.
///
/// A dual allocation is two of these, one for each family, with one five-tuple: each has its own
/// relayed transport address, time-to-expiry, permissions and channels.
///
/// ```text
/// cache line  0        1                2                3                    4        5
///            │ five-tuple, expiry,     │ flow of each    │ channels,          │ who it belongs to,
///            │ relayed address         │ direction       │ permissions, rate  │ what was asked
///             └────────────── what a datagram touches ──────────────────────┘
/// ```
#[derive(Debug)]
#[repr(C, align(64))] // the order that is drawn above, which the compiler would not keep
pub(crate) struct Allocation {
    pub(crate) five_tuple: FiveTuple,
    /// The other half of a dual allocation.
    pub(crate) sibling: Option<Slot>,
    pub(crate) transport: RelayTransport,
    pub(crate) expires_at: Instant,
    pub(crate) relayed: RelayedAddr,
    /// By direction.
    flows: [Flow; 2],
    pub(crate) channels: Channels,
    pub(crate) permissions: Permissions,
    user_rate: Option<Arc<UserRate>>,
    created_at: Instant,
    pub(crate) username: Arc<str>,
    new_peers_bucket: Bucket,
    /// Permissions that were installed, and Connect requests that were let through.
    peers: u32,
    /// Authenticates every later request, also when the credential has expired since.
    pub(crate) key: LongTermKey,
    /// Of the Allocate request, to know its retransmissions by (§7.2).
    pub(crate) transaction_id: TransactionId,
    /// What was told with its address, to be told again.
    pub(crate) supplement: Option<Supplement>,
}

/// What is relayed in one direction.
#[derive(Debug, Default)]
struct Flow {
    traffic: Traffic,
    buckets: RelayBuckets,
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
    /// Without permissions and channels.
    pub(crate) fn new(now: Instant, new: NewAllocation, lifetime: Duration) -> Self {
        Self {
            five_tuple: new.five_tuple,
            sibling: None,
            transport: new.transport,
            expires_at: now + lifetime,
            relayed: new.relayed,
            flows: Default::default(),
            channels: Channels::default(),
            permissions: Permissions::default(),
            user_rate: new.user_rate,
            created_at: now,
            username: new.username,
            new_peers_bucket: Bucket::default(),
            peers: 0,
            key: new.key,
            transaction_id: new.transaction_id,
            supplement: new.supplement,
        }
    }

    /// Counts a datagram, unless it is more than may be relayed.
    pub(crate) fn relay_datagram(
        &mut self,
        now: Instant,
        rate: RelayRate,
        direction: Direction,
        payload_len: usize,
    ) -> Result<(), DropReason> {
        let flow = &mut self.flows[direction as usize];
        if rate.is_limit() && !flow.buckets.take(since(self.created_at, now), rate, payload_len) {
            return Err(DropReason::AllocationRate);
        }
        let user = self.user_rate.as_ref();
        if user.is_some_and(|user| !user.take(now, direction, payload_len)) {
            return Err(DropReason::UserRate);
        }
        flow.traffic.count(payload_len);
        Ok(())
    }

    /// How long a piece of a stream has to wait before it may be relayed; zero: not at all.
    pub(crate) fn piece_wait(&self, now: Instant, direction: Direction) -> Duration {
        let buckets = &self.flows[direction as usize].buckets;
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
        let flow = &mut self.flows[direction as usize];
        flow.buckets.pay(since(self.created_at, now), rate, len);
        flow.traffic.count(len);
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
        self.peers = self.peers.saturating_add(1);
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
        self.peers = self.peers.saturating_add(new as u32);
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

    pub(crate) fn is_live(&self, now: Instant) -> bool {
        self.expires_at > now
    }

    /// The record that remains of it.
    pub(crate) fn record(self, now: Instant, reason: EndReason) -> Ended {
        let age = self.age(now);
        let [to_peers, to_client] = self.flows.map(|flow| flow.traffic);
        Ended {
            age,
            five_tuple: self.five_tuple,
            relayed: self.relayed,
            relay_transport: self.transport,
            username: self.username,
            reason,
            to_peers,
            to_client,
            peers: self.peers,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn what_a_datagram_touches_lies_in_four_cache_lines() {
        let line = |offset: usize| offset / 64;
        assert_eq!(line(offset_of!(Allocation, relayed) + size_of::<RelayedAddr>() - 1), 1);
        assert_eq!(line(offset_of!(Allocation, flows)), 2);
        assert_eq!(line(offset_of!(Allocation, flows) + size_of::<[Flow; 2]>() - 1), 2);
        assert_eq!(line(offset_of!(Allocation, channels)), 3);
        assert_eq!(line(offset_of!(Allocation, permissions)), 3);
        assert_eq!(line(offset_of!(Allocation, user_rate)), 3);
        assert_eq!((size_of::<Option<Allocation>>(), align_of::<Allocation>()), (6 * 64, 64));
    }
}
