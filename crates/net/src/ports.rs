//! The ports of the relay addresses: which are open, and by which worker. Shared by all workers.
//!
//! ```text
//! one table a relay address        entry, 64 bits
//! ┌───────────┬───────────┬──┐     0                                        free
//! │ port 49152│ port 49153│ …│     1                                        claimed, being opened
//! └───────────┴───────────┴──┘     1 << 63 │ worker (16) << 32 │ slot (32)  open
//!                                  1 << 62                                 … and relays TCP
//! ```
//!
//! An entry is written when an allocation begins and ends, and read for every datagram that goes
//! to a relayed transport address of ours.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use kopru_turn::five_tuple::{RelayTransport, RelayedAddr};
use kopru_turn::relay_sockets::AddressFamily;

use crate::entropy::Entropy;
use crate::settings::{PortRange, RelayAddress};

/// The ports of every relay address.
pub(crate) struct RelayPorts {
    tables: Vec<Arc<PortTable>>,
}

impl RelayPorts {
    /// All ports of `range` free, on each of `addresses`.
    pub(crate) fn new(addresses: &[RelayAddress], range: PortRange) -> Self {
        let table = |&address| Arc::new(PortTable::new(address, range));
        Self { tables: addresses.iter().map(table).collect() }
    }

    /// The tables of `family`, each once, beginning with a random one.
    pub(crate) fn of_family<'a>(
        &'a self,
        family: AddressFamily,
        entropy: &mut Entropy,
    ) -> impl Iterator<Item = &'a Arc<PortTable>> + use<'a> {
        let matches = move |table: &&Arc<PortTable>| table.family() == family;
        let count = self.tables.iter().filter(matches).count();
        let first = entropy.below(count.max(1) as u32) as usize;
        self.tables.iter().filter(matches).cycle().skip(first).take(count)
    }

    /// Who has `at` open; `None` when nobody has.
    pub(crate) fn owner(&self, at: SocketAddr) -> Option<PortOwner> {
        // A host has one or two relay addresses, seldom more: looking along them beats hashing.
        self.tables.iter().find(|table| table.address.advertised == at.ip())?.owner(at.port())
    }
}

/// A peer that is a relayed transport address of ours. Connections between two of these go through
/// the kernel, which knows the addresses that are bound; clients know those that are advertised.
impl RelayPorts {
    /// Where to connect to, to reach `peer`.
    pub(crate) fn bound(&self, peer: SocketAddr) -> SocketAddr {
        self.renamed(peer, |address| (address.advertised, address.bound))
    }

    /// What a client knows as the peer that has connected from `peer`.
    pub(crate) fn advertised(&self, peer: SocketAddr) -> SocketAddr {
        self.renamed(peer, |address| (address.bound, address.advertised))
    }

    fn renamed(
        &self,
        peer: SocketAddr,
        names: impl Fn(RelayAddress) -> (IpAddr, IpAddr),
    ) -> SocketAddr {
        let mut tables = self.tables.iter();
        let own = tables.find(|table| names(table.address).0 == peer.ip());
        match own.filter(|table| table.relays_tcp(peer.port())) {
            Some(table) => SocketAddr::new(names(table.address).1, peer.port()),
            None => peer,
        }
    }
}

/// Who has a port open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PortOwner {
    /// Number of the worker.
    pub(crate) worker: u16,
    /// What is spoken there. A port is open for one of the two.
    pub(crate) transport: RelayTransport,
    /// The worker's slot for the socket.
    pub(crate) slot: u32,
}

/// The ports of one relay address.
pub(crate) struct PortTable {
    address: RelayAddress,
    first: u16,
    entries: Box<[AtomicU64]>,
    taken: AtomicU32,
}

impl PortTable {
    fn new(address: RelayAddress, range: PortRange) -> Self {
        let entries = (range.first()..=range.last()).map(|_| AtomicU64::new(FREE)).collect();
        Self { address, first: range.first(), entries, taken: AtomicU32::new(0) }
    }

    /// Free ports (the even ones only, if `even`) in a random order, each claimed as it is given
    /// out. Ends when none is left.
    pub(crate) fn claims<'a>(
        self: &'a Arc<Self>,
        even: bool,
        entropy: &mut Entropy,
    ) -> impl Iterator<Item = PortLease> + use<'a> {
        let count = self.entries.len() as u32;
        // A walk through a full table would touch every entry to find nothing.
        let full = self.taken.load(Ordering::Relaxed) >= count;
        let order = if full { Shuffle::empty() } else { Shuffle::new(count, entropy) };
        let fits = move |offset: &u32| !even || (u32::from(self.first) + offset).is_multiple_of(2);
        order.filter(fits).filter_map(|offset| self.claim(offset))
    }

    fn claim(self: &Arc<Self>, offset: u32) -> Option<PortLease> {
        let entry = self.entries.get(offset as usize)?;
        entry.compare_exchange(FREE, CLAIMED, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(PortLease { table: Arc::clone(self), offset })
    }

    fn owner(&self, port: u16) -> Option<PortOwner> {
        let offset = port.checked_sub(self.first)?;
        let entry = self.entries.get(usize::from(offset))?.load(Ordering::Acquire);
        let transport = if entry & TCP == 0 { RelayTransport::Udp } else { RelayTransport::Tcp };
        (entry & OPEN != 0).then_some(PortOwner {
            worker: (entry >> 32) as u16,
            transport,
            slot: entry as u32,
        })
    }

    /// Whether somebody relays TCP there.
    fn relays_tcp(&self, port: u16) -> bool {
        self.owner(port).is_some_and(|owner| owner.transport == RelayTransport::Tcp)
    }

    fn family(&self) -> AddressFamily {
        match self.address.advertised {
            IpAddr::V4(_) => AddressFamily::V4,
            IpAddr::V6(_) => AddressFamily::V6,
        }
    }
}

/// A port that nobody else gets until this is dropped.
pub(crate) struct PortLease {
    table: Arc<PortTable>,
    offset: u32,
}

impl PortLease {
    /// The relayed transport address, as clients and peers know it.
    pub(crate) fn relayed(&self) -> RelayedAddr {
        RelayedAddr(SocketAddr::new(self.table.address.advertised, self.port()))
    }

    /// The address its socket is bound to.
    pub(crate) fn bound(&self) -> SocketAddr {
        SocketAddr::new(self.table.address.bound, self.port())
    }

    /// The next-higher port of the same address, if it is free too.
    pub(crate) fn claim_next(&self) -> Option<Self> {
        self.table.claim(self.offset + 1)
    }

    /// Tells everybody who has it open.
    pub(crate) fn publish(&self, owner: PortOwner) {
        let transport = if owner.transport == RelayTransport::Tcp { TCP } else { 0 };
        let entry = OPEN | transport | u64::from(owner.worker) << 32 | u64::from(owner.slot);
        self.table.entries[self.offset as usize].store(entry, Ordering::Release);
    }

    fn port(&self) -> u16 {
        self.table.first + self.offset as u16
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        self.table.taken.fetch_sub(1, Ordering::Relaxed);
        self.table.entries[self.offset as usize].store(FREE, Ordering::Release);
    }
}

/// The numbers below a count in an order that is hard to guess, each once, without a list of them:
/// a random start, then steps of a random length that has no divisor in common with the count.
struct Shuffle {
    next: u64,
    step: u64,
    count: u64,
    left: u32,
}

impl Shuffle {
    fn new(count: u32, entropy: &mut Entropy) -> Self {
        let start = entropy.below(count);
        let mut step = 1 + entropy.below(count);
        while greatest_common_divisor(step, count) != 1 {
            step += 1;
        }
        Self { next: start.into(), step: step.into(), count: count.into(), left: count }
    }

    fn empty() -> Self {
        Self { next: 0, step: 1, count: 1, left: 0 }
    }
}

impl Iterator for Shuffle {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        let this = self.next;
        self.next = (self.next + self.step) % self.count;
        Some(this as u32)
    }
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

const FREE: u64 = 0;
const CLAIMED: u64 = 1;
const OPEN: u64 = 1 << 63;
const TCP: u64 = 1 << 62;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn ports(range: &str) -> RelayPorts {
        let addresses = ["192.0.2.1=10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        RelayPorts::new(&addresses, range.parse().unwrap())
    }

    fn v4(ports: &RelayPorts) -> &Arc<PortTable> {
        ports.of_family(AddressFamily::V4, &mut Entropy::new()).next().unwrap()
    }

    #[test]
    fn every_port_is_given_out_once_and_then_none() {
        for range in ["5000-5000", "5000-5001", "5000-5096", "49152-65535", "1-65535"] {
            let (ports, entropy) = (ports(range), &mut Entropy::new());
            let count = v4(&ports).entries.len();
            let claimed: Vec<_> = v4(&ports).claims(false, entropy).collect();
            let distinct: HashSet<_> = claimed.iter().map(PortLease::relayed).collect();
            assert_eq!((claimed.len(), distinct.len()), (count, count), "{range}");
            assert!(v4(&ports).claims(false, entropy).next().is_none(), "{range}");
        }
    }

    #[test]
    fn even_ports_are_given_out_where_the_port_is_even_not_its_place_in_the_range() {
        for (range, expect) in
            [("5000-5005", [5000, 5002, 5004]), ("4999-5004", [5000, 5002, 5004])]
        {
            let (ports, entropy) = (ports(range), &mut Entropy::new());
            let leases: Vec<_> = v4(&ports).claims(true, entropy).collect();
            let mut even: Vec<u16> = leases.iter().map(PortLease::port).collect();
            even.sort_unstable();
            assert_eq!(even, expect, "{range}");
        }
    }

    #[test]
    fn the_next_port_is_claimed_if_there_is_one_and_it_is_free() {
        let (ports, entropy) = (ports("5000-5003"), &mut Entropy::new());
        let mut leases: Vec<_> = v4(&ports).claims(false, entropy).collect();
        leases.sort_by_key(PortLease::port);
        assert!(leases.iter().all(|lease| lease.claim_next().is_none()));
        drop(leases.remove(2));
        let next: Vec<_> =
            leases.iter().filter_map(PortLease::claim_next).map(|lease| lease.port()).collect();
        assert_eq!(next, [5002]);
    }

    #[test]
    fn the_last_free_port_is_found() {
        let (ports, entropy) = (ports("49152-65535"), &mut Entropy::new());
        let mut claimed: Vec<_> = v4(&ports).claims(false, entropy).collect();
        let freed = claimed.swap_remove(4711).relayed();
        assert_eq!(v4(&ports).claims(false, entropy).next().unwrap().relayed(), freed);
    }

    #[test]
    fn a_port_has_an_owner_from_publication_to_drop() {
        let (ports, owner) = (
            ports("5000-5009"),
            PortOwner { worker: u16::MAX, transport: RelayTransport::Udp, slot: u32::MAX },
        );
        let lease = v4(&ports).claims(false, &mut Entropy::new()).next().unwrap();
        let RelayedAddr(at) = lease.relayed();
        assert_eq!(
            (at.ip(), lease.bound().ip()),
            ("192.0.2.1".parse().unwrap(), "10.0.0.1".parse().unwrap())
        );
        assert_eq!(ports.owner(at), None, "claimed is not open");
        lease.publish(owner);
        assert_eq!(ports.owner(at), Some(owner));
        assert_eq!(ports.owner(lease.bound()), None, "found by the advertised address alone");
        drop(lease);
        assert_eq!(ports.owner(at), None);
        for outside in ["192.0.2.1:4999", "192.0.2.1:5010", "192.0.2.2:5000", "[2001:db8::1]:0"] {
            assert_eq!(ports.owner(outside.parse().unwrap()), None, "{outside}");
        }
    }

    #[test]
    fn only_a_port_that_relays_tcp_has_two_names() {
        let ports = ports("5000-5009");
        let lease = v4(&ports).claims(false, &mut Entropy::new()).next().unwrap();
        let (RelayedAddr(at), bound) = (lease.relayed(), lease.bound());
        for (transport, to, from) in
            [(RelayTransport::Udp, at, bound), (RelayTransport::Tcp, bound, at)]
        {
            let owner = PortOwner { worker: u16::MAX, transport, slot: u32::MAX };
            lease.publish(owner);
            assert_eq!(ports.owner(at), Some(owner));
            assert_eq!((ports.bound(at), ports.advertised(bound)), (to, from));
        }
        let stranger = "198.51.100.1:5000".parse().unwrap();
        assert_eq!((ports.bound(stranger), ports.advertised(stranger)), (stranger, stranger));
    }

    #[test]
    fn tables_of_a_family_come_each_once() {
        let addresses =
            ["192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"].map(|ip| ip.parse().unwrap());
        let ports = RelayPorts::new(&addresses, "5000-5001".parse().unwrap());
        let entropy = &mut Entropy::new();
        for (family, count) in [(AddressFamily::V4, 3), (AddressFamily::V6, 1)] {
            let found: HashSet<_> =
                ports.of_family(family, entropy).map(|table| table.address.advertised).collect();
            assert_eq!(found.len(), count);
        }
    }
}
