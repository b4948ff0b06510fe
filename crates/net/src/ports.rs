//! The ports of the relay addresses: which are open, and by which worker. Shared by all workers.
//!
//! ```text
//! one table a relay address        entry, 64 bits
//! ┌───────────┬───────────┬──┐     0                                        nobody's, or not yet
//! │ port 49152│ port 49153│ …│     1 << 63 │ worker (16) << 32 │ slot (32)  open
//! └───────────┴───────────┴──┘     1 << 62                                 … and relays TCP
//!   free: three sets, port_set.rs
//! ```
//!
//! An entry is written when an allocation begins and ends, and read for every datagram that goes
//! to a relayed transport address of ours, without a lock. Which ports are free is asked when an
//! allocation begins, under a lock that is held for a draw.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kopru_turn::five_tuple::{RelayTransport, RelayedAddr};
use kopru_turn::relay_sockets::{AddressFamily, Parity};

use crate::entropy::Entropy;
use crate::port_set::FreePorts;
use crate::settings::{PortRange, RelayAddress};

/// The ports of every relay address. Read for every datagram between two allocations of ours, so on
/// cache lines apart from the count of who holds it, which changes with each allocation.
#[repr(align(128))]
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
    free: Free,
}

/// On cache lines of its own: what lies beside is read for every datagram between two allocations
/// of ours.
#[repr(align(128))]
struct Free(Mutex<FreePorts>);

impl PortTable {
    fn new(address: RelayAddress, range: PortRange) -> Self {
        let ports = range.first()..=range.last();
        let entries = ports.clone().map(|_| AtomicU64::new(NOBODY)).collect();
        Self {
            address,
            first: range.first(),
            entries,
            free: Free(Mutex::new(FreePorts::all(ports))),
        }
    }

    /// A random one of the free ports that are as wished, and the next-higher one if that is
    /// wished too. Each of them is as likely as the others, however few are left.
    pub(crate) fn claim(
        self: &Arc<Self>,
        parity: Parity,
        entropy: &mut Entropy,
    ) -> Option<(PortLease, Option<PortLease>)> {
        let mut free = self.free();
        let port = free.draw(parity, |count| entropy.below(count))?;
        drop(free);
        let lease = |port| PortLease { table: Arc::clone(self), port };
        Some((lease(port), (parity == Parity::EvenAndNext).then(|| lease(port + 1))))
    }

    fn free(&self) -> MutexGuard<'_, FreePorts> {
        // Nothing between lock and unlock can panic half-way, so a poisoned lock is still right.
        self.free.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    port: u16,
}

impl PortLease {
    /// The relayed transport address, as clients and peers know it.
    pub(crate) fn relayed(&self) -> RelayedAddr {
        RelayedAddr(SocketAddr::new(self.table.address.advertised, self.port))
    }

    /// The address its socket is bound to.
    pub(crate) fn bound(&self) -> SocketAddr {
        SocketAddr::new(self.table.address.bound, self.port)
    }

    /// Tells everybody who has it open.
    pub(crate) fn publish(&self, owner: PortOwner) {
        let transport = if owner.transport == RelayTransport::Tcp { TCP } else { 0 };
        let entry = OPEN | transport | u64::from(owner.worker) << 32 | u64::from(owner.slot);
        self.entry().store(entry, Ordering::Release);
    }

    /// Tells everybody that nobody has it open. It stays claimed.
    pub(crate) fn withdraw(&self) {
        self.entry().store(NOBODY, Ordering::Release);
    }

    fn entry(&self) -> &AtomicU64 {
        &self.table.entries[usize::from(self.port - self.table.first)]
    }
}

impl Drop for PortLease {
    fn drop(&mut self) {
        self.withdraw();
        self.table.free().put_back(self.port);
    }
}

const NOBODY: u64 = 0;
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

    fn claim(ports: &RelayPorts, parity: Parity) -> Option<(PortLease, Option<PortLease>)> {
        v4(ports).claim(parity, &mut Entropy::new())
    }

    fn any(ports: &RelayPorts) -> PortLease {
        claim(ports, Parity::Any).unwrap().0
    }

    #[test]
    fn every_port_is_given_out_once_and_then_none() {
        for range in ["5000-5000", "5000-5001", "5000-5096", "49152-65535", "1-65535"] {
            let (ports, entropy) = (ports(range), &mut Entropy::new());
            let claims = std::iter::repeat_with(|| v4(&ports).claim(Parity::Any, entropy));
            let claimed: Vec<_> = claims.map_while(|claim| claim.map(|(port, _)| port)).collect();
            let distinct: HashSet<_> = claimed.iter().map(PortLease::relayed).collect();
            let count = v4(&ports).entries.len();
            assert_eq!((claimed.len(), distinct.len()), (count, count), "{range}");
        }
    }

    #[test]
    fn the_lock_shares_no_cache_line_with_what_datagrams_need() {
        let ports = ports("5000-5001");
        let table = &**v4(&ports);
        let lock = &raw const table.free as usize;
        let read = [&raw const table.entries as usize, &raw const table.address as usize];
        assert!(read.iter().all(|at| at / 128 != lock / 128));
        // The count of an Arc lies in front of its value, on other lines where that begins some.
        let values = [lock, &raw const *table as usize, Arc::as_ptr(&Arc::new(ports)) as usize];
        assert!(values.iter().all(|at| at % 128 == 0), "{values:?}");
    }

    #[test]
    fn a_lease_that_is_dropped_frees_its_port_and_a_pair_both() {
        let ports = ports("5000-5001");
        for _ in 0..100 {
            let (even, next) = claim(&ports, Parity::EvenAndNext).unwrap();
            let next = next.unwrap();
            assert_eq!((even.port, next.port), (5000, 5001));
            assert!(claim(&ports, Parity::Any).is_none());
            drop(even);
            assert!(claim(&ports, Parity::EvenAndNext).is_none());
            assert_eq!(any(&ports).port, 5000);
            drop(next);
        }
    }

    #[test]
    fn a_port_has_an_owner_from_publication_to_drop() {
        let (ports, owner) = (
            ports("5000-5009"),
            PortOwner { worker: u16::MAX, transport: RelayTransport::Udp, slot: u32::MAX },
        );
        let lease = any(&ports);
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
        let lease = any(&ports);
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
