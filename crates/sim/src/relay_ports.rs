//! Relayed transport addresses without sockets: a set of ports, shared by all workers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use kopru_stun::attribute::{ConnectionId, ReservationToken};
use kopru_turn::UserRate;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayTransport, RelayedAddr};
use kopru_turn::relay_sockets::{
    AddressFamily, ConnectRefusal, Opened, Owner, Parity, PortWish, Refusal, RelaySockets,
};

use crate::settings::{RELAY_V4, RELAY_V6};
use crate::wires::Wires;

/// Allocations that one quota key may have.
pub const QUOTA: usize = 5;

/// Which ports are open, by which worker and for whom.
#[derive(Debug)]
pub(crate) struct RelayPorts {
    open: BTreeMap<SocketAddr, Open>,
    reserved: BTreeMap<SocketAddr, Reserved>,
    tokens: u64,
    pub(crate) families: Vec<AddressFamily>,
    pub(crate) capacity: usize,
    /// Quota keys that open nothing.
    pub(crate) barred: BTreeSet<String>,
    /// By quota key, of those who have one.
    pub(crate) user_rates: BTreeMap<String, Arc<UserRate>>,
    pub(crate) wires: Wires,
}

#[derive(Debug)]
struct Open {
    worker: usize,
    quota_key: String,
    transport: RelayTransport,
    /// Whether peers were ever permitted to send there.
    admits: bool,
}

/// What is held for a token.
#[derive(Debug)]
struct Reserved {
    token: ReservationToken,
    by: Open,
}

impl RelayPorts {
    pub(crate) fn new() -> Self {
        Self {
            open: BTreeMap::new(),
            reserved: BTreeMap::new(),
            tokens: 0,
            families: vec![AddressFamily::V4, AddressFamily::V6],
            capacity: 10_000,
            barred: BTreeSet::new(),
            user_rates: BTreeMap::new(),
            wires: Wires::default(),
        }
    }

    /// The worker that has this address open.
    pub(crate) fn worker(&self, at: SocketAddr) -> Option<usize> {
        self.open.get(&at).map(|open| open.worker)
    }

    /// Whether peers were ever permitted to send to this address.
    pub(crate) fn admits(&self, at: SocketAddr) -> bool {
        self.open.get(&at).is_some_and(|open| open.admits)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many are held in reserve.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved.len()
    }

    fn is_free(&self, at: &SocketAddr) -> bool {
        !self.open.contains_key(at) && !self.reserved.contains_key(at)
    }

    fn check_quota(&self, quota_key: &str, wanted: usize) -> Result<(), Refusal> {
        let reserved = self.reserved.values().map(|reserved| &reserved.by);
        let counted = self.open.values().chain(reserved);
        let of_user = counted.filter(|open| open.quota_key == quota_key).count();
        if of_user + wanted > QUOTA { Err(Refusal::Quota) } else { Ok(()) }
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
    fn open(&mut self, wish: PortWish, owner: Owner<'_>) -> Result<Opened, Refusal> {
        let quota_key = owner.quota_key;
        let ports = &mut *self.ports;
        let pair = wish.parity == Parity::EvenAndNext;
        if !ports.families.contains(&wish.family) {
            return Err(Refusal::Family);
        }
        if ports.barred.contains(quota_key) {
            return Err(Refusal::Barred);
        }
        ports.check_quota(quota_key, 1 + usize::from(pair))?;
        if ports.open.len() + ports.reserved.len() + usize::from(pair) >= ports.capacity {
            return Err(Refusal::Capacity);
        }
        let ip = match wish.family {
            AddressFamily::V4 => RELAY_V4,
            AddressFamily::V6 => RELAY_V6,
        };
        // The lowest free port: what one allocation leaves is what the next one gets.
        let any = wish.parity == Parity::Any;
        let mut fitting = (FIRST_PORT..).filter(|port| any || port.is_multiple_of(2));
        let free = |port: &u16| ports.is_free(&SocketAddr::new(ip, *port));
        let port = fitting.find(|port| free(port) && (!pair || free(&(port + 1))));
        let at = SocketAddr::new(ip, port.ok_or(Refusal::Capacity)?);
        let transport = wish.transport;
        let (worker, admits) = (self.worker, false);
        let by = || Open { worker, quota_key: quota_key.to_owned(), transport, admits };
        ports.open.insert(at, by());
        let reserved = pair.then(|| {
            ports.tokens += 1;
            let token = ReservationToken(ports.tokens.to_be_bytes());
            let next = SocketAddr::new(ip, at.port() + 1);
            ports.reserved.insert(next, Reserved { token, by: by() });
            token
        });
        Ok(Opened { relayed: RelayedAddr(at), reserved })
    }

    fn open_reserved(
        &mut self,
        token: ReservationToken,
        owner: Owner<'_>,
    ) -> Result<RelayedAddr, Refusal> {
        let (ports, quota_key) = (&mut *self.ports, owner.quota_key);
        if ports.barred.contains(quota_key) {
            return Err(Refusal::Barred);
        }
        let at = ports.reserved.iter().find(|reserved| reserved.1.token == token);
        let at = at.map(|reserved| *reserved.0).ok_or(Refusal::Capacity)?;
        ports.reserved.remove(&at);
        ports.check_quota(quota_key, 1)?;
        let (worker, quota_key) = (self.worker, quota_key.to_owned());
        let transport = RelayTransport::Udp;
        ports.open.insert(at, Open { worker, quota_key, transport, admits: false });
        Ok(RelayedAddr(at))
    }

    fn release(&mut self, token: ReservationToken) {
        let worker = self.worker;
        self.ports.reserved.retain(|_, reserved| {
            assert!(reserved.token != token || reserved.by.worker == worker, "it made it");
            reserved.token != token
        });
    }

    fn admit(&mut self, RelayedAddr(at): RelayedAddr) -> Result<(), Refusal> {
        let full = self.ports.open.len() > self.ports.capacity;
        let open = self.ports.open.get_mut(&at).expect("peers are admitted to what is open");
        if full && !open.admits {
            return Err(Refusal::Capacity);
        }
        assert_eq!(open.worker, self.worker, "a worker admits to what it opened");
        open.admits = true;
        Ok(())
    }

    fn close(&mut self, RelayedAddr(at): RelayedAddr) {
        let closed = self.ports.open.remove(&at);
        let worker = closed.expect("only what is open is closed, and once").worker;
        assert_eq!(worker, self.worker, "a worker closes only what it opened");
        self.ports.wires.expect_none_at(at);
    }

    fn is_live(&self, transport: RelayTransport, at: SocketAddr) -> bool {
        self.ports.open.get(&at).is_some_and(|open| open.transport == transport)
    }

    fn user_rate(&self, RelayedAddr(at): RelayedAddr) -> Option<Arc<UserRate>> {
        let key = &self.ports.open.get(&at)?.quota_key;
        self.ports.user_rates.get(key).cloned()
    }

    fn connect(&mut self, via: RelayedAddr, to: PeerAddr) -> Result<ConnectionId, ConnectRefusal> {
        assert_eq!(self.ports.worker(via.0), Some(self.worker), "from what it has open");
        self.ports.wires.connect(via, to)
    }

    fn keep(&mut self) -> Result<ConnectionId, ConnectRefusal> {
        self.ports.wires.keep()
    }

    fn splice(&mut self, id: ConnectionId, client: &FiveTuple) {
        self.ports.wires.splice(id, client);
    }

    fn disconnect(&mut self, id: ConnectionId) {
        self.ports.wires.close(id);
    }
}

const FIRST_PORT: u16 = 50_000;
