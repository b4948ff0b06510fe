//! Relayed transport addresses without sockets: a set of ports, shared by all workers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use kopru_turn::UserRate;
use kopru_turn::five_tuple::RelayedAddr;
use kopru_turn::relay_sockets::{AddressFamily, Owner, PortWish, Refusal, RelaySockets};

use crate::settings::{RELAY_V4, RELAY_V6};

/// Allocations that one quota key may have.
pub const QUOTA: usize = 5;

/// Which ports are open, by which worker and for whom.
#[derive(Debug)]
pub(crate) struct RelayPorts {
    open: BTreeMap<SocketAddr, Open>,
    pub(crate) families: Vec<AddressFamily>,
    pub(crate) capacity: usize,
    /// Quota keys that open nothing.
    pub(crate) barred: BTreeSet<String>,
    /// By quota key, of those who have one.
    pub(crate) user_rates: BTreeMap<String, Arc<UserRate>>,
}

#[derive(Debug)]
struct Open {
    worker: usize,
    quota_key: String,
}

impl RelayPorts {
    pub(crate) fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            families: vec![AddressFamily::V4, AddressFamily::V6],
            capacity: 10_000,
            barred: BTreeSet::new(),
            user_rates: BTreeMap::new(),
        }
    }

    /// The worker that has this address open.
    pub(crate) fn worker(&self, at: SocketAddr) -> Option<usize> {
        self.open.get(&at).map(|open| open.worker)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn of_worker(&mut self, worker: usize) -> WorkerPorts<'_> {
        WorkerPorts { ports: self, worker }
    }
}

/// The ports as one worker sees them.
pub(crate) struct WorkerPorts<'a> {
    ports: &'a mut RelayPorts,
    worker: usize,
}

impl RelaySockets for WorkerPorts<'_> {
    fn open(&mut self, wish: PortWish, owner: Owner<'_>) -> Result<RelayedAddr, Refusal> {
        let quota_key = owner.quota_key;
        let ports = &mut *self.ports;
        if !ports.families.contains(&wish.family) {
            return Err(Refusal::Family);
        }
        if ports.barred.contains(quota_key) {
            return Err(Refusal::Barred);
        }
        let of_user = ports.open.values().filter(|open| open.quota_key == quota_key).count();
        if of_user >= QUOTA {
            return Err(Refusal::Quota);
        }
        if ports.open.len() >= ports.capacity {
            return Err(Refusal::Capacity);
        }
        let ip = match wish.family {
            AddressFamily::V4 => RELAY_V4,
            AddressFamily::V6 => RELAY_V6,
        };
        // The lowest free port: what one allocation leaves is what the next one gets.
        let fitting = (FIRST_PORT..).filter(|port| !wish.even || port.is_multiple_of(2));
        let mut addresses = fitting.map(|port| SocketAddr::new(ip, port));
        let at = addresses.find(|at| !ports.open.contains_key(at)).ok_or(Refusal::Capacity)?;
        ports.open.insert(at, Open { worker: self.worker, quota_key: quota_key.to_owned() });
        Ok(RelayedAddr(at))
    }

    fn close(&mut self, RelayedAddr(at): RelayedAddr) {
        let closed = self.ports.open.remove(&at);
        let worker = closed.expect("only what is open is closed, and once").worker;
        assert_eq!(worker, self.worker, "a worker closes only what it opened");
    }

    fn is_live(&self, at: SocketAddr) -> bool {
        self.ports.open.contains_key(&at)
    }

    fn user_rate(&self, RelayedAddr(at): RelayedAddr) -> Option<Arc<UserRate>> {
        let key = &self.ports.open.get(&at)?.quota_key;
        self.ports.user_rates.get(key).cloned()
    }
}

const FIRST_PORT: u16 = 50_000;
