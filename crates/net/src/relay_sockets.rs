//! RFC 8656 §7.2 (6): the server "MUST choose a relayed transport address". The relayed transport
//! addresses of one worker.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use std::{io, iter};

use kopru_stun::attribute::{ConnectionId, ReservationToken};
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayTransport, RelayedAddr};
use kopru_turn::relay_sockets::{ConnectRefusal, Opened, Owner, Parity, PortWish, Refusal};
use kopru_turn::{RelaySockets, UserRate};

use crate::bars::Bars;
use crate::driver::Driver;
use crate::entropy::Entropy;
use crate::ports::{PortLease, PortOwner, PortTable, RelayPorts};
use crate::quota::{DescriptorBudget, DescriptorLease, Quota, QuotaLease};
use crate::reservations::{Hold, Reservations, Reserved};
use crate::stream::{Stream, StreamEnd};
use crate::tcp::crew::Crew;
use crate::tcp::peer_sockets::PeerSockets;

/// What all workers draw on together.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) ports: Arc<RelayPorts>,
    pub(crate) reservations: Arc<Reservations>,
    pub(crate) quota: Arc<Quota>,
    pub(crate) bars: Arc<Bars>,
    pub(crate) descriptors: Arc<DescriptorBudget>,
}

/// The relayed transport addresses of one worker, and the driver that has their sockets.
///
/// Dropping it closes the sockets first and then gives back what they were counted for, so that
/// nobody is given a port that is not free yet.
pub(crate) struct WorkerSockets<D> {
    pub(crate) driver: D,
    /// Listeners and connections of those that relay TCP.
    pub(crate) peers: PeerSockets,
    crew: Crew,
    pub(crate) pool: Pool,
    /// By slot, of those that relay UDP and of those that relay TCP.
    leases: [Vec<Option<Lease>>; 2],
    /// Whose sockets are still open although their allocations have ended.
    ended: Vec<Ended>,
    /// In the order in which they end.
    holds: VecDeque<Hold>,
    entropy: Entropy,
}

/// What an open relayed transport address has taken from the pool: giving it back is dropping it.
struct Lease {
    port: PortLease,
    quota: QuotaLease,
    descriptor: DescriptorLease,
}

/// A socket that nobody needs any more, and what is free once it is closed.
struct Ended {
    slot: u32,
    _port: PortLease,
    _descriptor: DescriptorLease,
}

impl<D: Driver> WorkerSockets<D> {
    /// None yet.
    pub(crate) fn new(crew: Crew, driver: D, peers: PeerSockets, pool: Pool) -> Self {
        Self {
            driver,
            peers,
            crew,
            pool,
            leases: Default::default(),
            ended: Vec::new(),
            holds: VecDeque::new(),
            entropy: Entropy::new(),
        }
    }

    /// Takes over a client's connection, if there is a descriptor for it.
    pub(crate) fn adopt(&mut self, stream: Stream) {
        match self.pool.descriptors.take() {
            Some(lease) => self.driver.adopt(stream, lease),
            None => self.driver.tally().end_stream(StreamEnd::Capacity),
        }
    }

    /// Closes the sockets of the allocations that have ended. That takes longer than all else at
    /// the end of an allocation, and the client waits for none of it: after the answers is early
    /// enough.
    pub(crate) fn close_ended(&mut self) {
        for ended in self.ended.drain(..) {
            self.driver.close(ended.slot);
        }
    }

    /// The name under which clients know who has connected.
    pub(crate) fn known_as(&self, PeerAddr(from): PeerAddr) -> PeerAddr {
        PeerAddr(self.pool.ports.advertised(from))
    }

    /// Who has `at` open, on whichever worker.
    pub(crate) fn owner(&self, at: RelayedAddr) -> Option<PortOwner> {
        self.pool.ports.owner(at.0)
    }

    /// The slot of `at` among those that relay UDP, if this worker has it open.
    pub(crate) fn slot(&self, at: RelayedAddr) -> Option<u32> {
        let owner = self.owner(at).filter(|owner| owner.worker == self.crew.worker)?;
        (owner.transport == RelayTransport::Udp).then_some(owner.slot)
    }

    /// Opens a socket on a random free port of `table` that is as wished, and claims the next one
    /// if that is the wish; `None` when it has none.
    fn open_on(
        &mut self,
        table: &Arc<PortTable>,
        PortWish { transport, parity, .. }: PortWish,
    ) -> Result<Option<OpenPort>, Refusal> {
        // Another program's ports stay claimed meanwhile, so that none is tried twice.
        let mut foreign = Vec::new();
        while foreign.len() < ATTEMPTS_MAX {
            let claim = table.claim(parity, &mut self.entropy);
            let Some((port, next)) = claim else { break };
            let opened = match transport {
                RelayTransport::Udp => self.driver.open(port.relayed(), port.bound()),
                RelayTransport::Tcp => self.peers.listen(port.relayed(), port.bound()),
            };
            match opened {
                Ok(slot) => return Ok(Some(OpenPort { port, next, slot })),
                Err(error) if is_taken(&error) => foreign.push((port, next)),
                // No descriptor, no memory, or the address has left this host.
                Err(_) => return Err(Refusal::Capacity),
            }
        }
        Ok(None)
    }

    fn refuse_barred(&self, owner: Owner<'_>) -> Result<(), Refusal> {
        let barred = self.pool.bars.is_barred(Instant::now(), owner.quota_key);
        if barred { Err(Refusal::Barred) } else { Ok(()) }
    }

    /// Tells everybody that the port is open, and keeps what it has taken from the pool.
    fn publish(&mut self, transport: RelayTransport, slot: u32, lease: Lease) -> RelayedAddr {
        let relayed = lease.port.relayed();
        lease.port.publish(PortOwner { worker: self.crew.worker, transport, slot });
        let (leases, place) = (&mut self.leases[transport as usize], slot as usize);
        if place >= leases.len() {
            leases.resize_with(place + 1, || None);
        }
        leases[place] = Some(lease);
        relayed
    }

    /// What `at` has taken from the pool, if this worker has it open.
    fn lease(&self, at: RelayedAddr) -> Option<&Lease> {
        let owner = self.owner(at).filter(|owner| owner.worker == self.crew.worker)?;
        self.leases[owner.transport as usize].get(owner.slot as usize)?.as_ref()
    }

    /// An id that no open connection has, and the descriptor for it.
    fn new_connection(&mut self) -> Result<(ConnectionId, DescriptorLease), ConnectRefusal> {
        let descriptor = self.pool.descriptors.take().ok_or(ConnectRefusal::Capacity)?;
        let mut ids = iter::repeat_with(|| self.crew.new_id(&mut self.entropy));
        let id = ids.find(|id| !self.peers.has(*id)).ok_or(ConnectRefusal::Capacity)?;
        Ok((id, descriptor))
    }
}

/// A port whose socket is open, and the claimed one above it.
struct OpenPort {
    port: PortLease,
    next: Option<PortLease>,
    slot: u32,
}

impl<D: Driver> RelaySockets for WorkerSockets<D> {
    fn open(&mut self, wish: PortWish, owner: Owner<'_>) -> Result<Opened, Refusal> {
        // Who ends one and begins another in one breath may need what the first one had.
        self.close_ended();
        let ports = Arc::clone(&self.pool.ports);
        let mut tables = ports.of_family(wish.family, &mut self.entropy).peekable();
        if tables.peek().is_none() {
            return Err(Refusal::Family);
        }
        self.refuse_barred(owner)?;
        let quota = self.pool.quota.take(owner).ok_or(Refusal::Quota)?;
        let quota_of_next = match wish.parity {
            Parity::Any | Parity::Even => None,
            Parity::EvenAndNext => Some(self.pool.quota.take(owner).ok_or(Refusal::Quota)?),
        };
        let descriptor = self.pool.descriptors.take().ok_or(Refusal::Capacity)?;
        for table in tables {
            let Some(OpenPort { port, next, slot }) = self.open_on(table, wish)? else {
                continue;
            };
            let reserved = next.zip(quota_of_next).map(|(port, quota)| {
                let token = ReservationToken(self.entropy.take());
                let reserved = Reserved { port, _quota: quota };
                self.holds.push_back(self.pool.reservations.hold(token, reserved));
                token
            });
            let lease = Lease { port, quota, descriptor };
            let relayed = self.publish(wish.transport, slot, lease);
            return Ok(Opened { relayed, reserved });
        }
        Err(Refusal::Capacity)
    }

    fn open_reserved(
        &mut self,
        token: ReservationToken,
        owner: Owner<'_>,
    ) -> Result<RelayedAddr, Refusal> {
        self.refuse_barred(owner)?;
        let reserved = self.pool.reservations.claim(token).ok_or(Refusal::Capacity)?;
        let Reserved { port, _quota: of_reservation } = reserved;
        drop(of_reservation);
        let quota = self.pool.quota.take(owner).ok_or(Refusal::Quota)?;
        let descriptor = self.pool.descriptors.take().ok_or(Refusal::Capacity)?;
        let opened = self.driver.open(port.relayed(), port.bound());
        let slot = opened.map_err(|_| Refusal::Capacity)?;
        let lease = Lease { port, quota, descriptor };
        Ok(self.publish(RelayTransport::Udp, slot, lease))
    }

    fn release(&mut self, token: ReservationToken) {
        if let Some(place) = self.holds.iter().position(|hold| hold.token == token) {
            self.holds.remove(place);
        }
    }

    fn admit(&mut self, at: RelayedAddr) -> Result<(), Refusal> {
        // Who connects to a listener is asked about one by one.
        let Some(slot) = self.slot(at) else { return Ok(()) };
        self.driver.admit(slot).map_err(|_| Refusal::Capacity)
    }

    fn close(&mut self, at: RelayedAddr) {
        let own = self.owner(at).filter(|owner| owner.worker == self.crew.worker);
        let Some(PortOwner { transport, slot, .. }) = own else { return };
        let lease = self.leases[transport as usize].get_mut(slot as usize).and_then(Option::take);
        let Some(Lease { port, descriptor, .. }) = lease else { return };
        match transport {
            RelayTransport::Udp => {
                port.withdraw();
                self.ended.push(Ended { slot, _port: port, _descriptor: descriptor });
            }
            RelayTransport::Tcp => self.peers.close_listener(slot),
        }
    }

    fn is_live(&self, transport: RelayTransport, at: SocketAddr) -> bool {
        self.pool.ports.owner(at).is_some_and(|owner| owner.transport == transport)
    }

    fn user_rate(&self, at: RelayedAddr) -> Option<Arc<UserRate>> {
        self.lease(at)?.quota.user_rate()
    }

    fn connect(&mut self, via: RelayedAddr, to: PeerAddr) -> Result<ConnectionId, ConnectRefusal> {
        let (id, descriptor) = self.new_connection()?;
        let from = self.lease(via).ok_or(ConnectRefusal::Failed)?.port.bound();
        self.peers.connect(id, from, self.pool.ports.bound(to.0), descriptor)?;
        Ok(id)
    }

    fn keep(&mut self) -> Result<ConnectionId, ConnectRefusal> {
        let (id, descriptor) = self.new_connection()?;
        self.peers.keep(id, descriptor)?;
        Ok(id)
    }

    fn splice(&mut self, id: ConnectionId, client: &FiveTuple) {
        self.peers.splice(id, client);
    }

    fn disconnect(&mut self, id: ConnectionId) {
        self.peers.disconnect(id, self.driver.tally());
    }
}

/// Whether another program has the port, or the system keeps it for itself: the next one may do.
fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

/// Ports tried for one Allocate request on one relay address.
const ATTEMPTS_MAX: usize = 256;

#[cfg(test)]
mod tests;
