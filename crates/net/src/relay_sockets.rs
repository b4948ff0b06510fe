//! RFC 8656 §7.2 (6): the server "MUST choose a relayed transport address". The relayed transport
//! addresses of one worker.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use kopru_stun::attribute::ReservationToken;
use kopru_turn::five_tuple::RelayedAddr;
use kopru_turn::relay_sockets::{Opened, Owner, Parity, PortWish, Refusal};
use kopru_turn::{RelaySockets, UserRate};

use crate::bars::Bars;
use crate::driver::Driver;
use crate::entropy::Entropy;
use crate::ports::{PortLease, PortOwner, PortTable, RelayPorts};
use crate::quota::{DescriptorBudget, DescriptorLease, Quota, QuotaLease};
use crate::reservations::{Hold, Reservations, Reserved};
use crate::stream::{Stream, StreamEnd};

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
    worker: u16,
    pub(crate) pool: Pool,
    leases: Vec<Option<Lease>>,
    /// In the order in which they end.
    holds: VecDeque<Hold>,
    entropy: Entropy,
}

/// What an open relayed transport address has taken from the pool: giving it back is dropping it.
struct Lease {
    port: PortLease,
    quota: QuotaLease,
    _descriptor: DescriptorLease,
}

impl<D: Driver> WorkerSockets<D> {
    /// None yet.
    pub(crate) fn new(worker: u16, driver: D, pool: Pool) -> Self {
        Self {
            driver,
            worker,
            pool,
            leases: Vec::new(),
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

    /// Who has `at` open, on whichever worker.
    pub(crate) fn owner(&self, at: RelayedAddr) -> Option<PortOwner> {
        self.pool.ports.owner(at.0)
    }

    /// The slot of `at`, if this worker has it open.
    pub(crate) fn slot(&self, at: RelayedAddr) -> Option<u32> {
        self.owner(at).filter(|owner| owner.worker == self.worker).map(|owner| owner.slot)
    }

    /// Opens a socket on a random free port of `table` that is as wished, and claims the next one
    /// if that is the wish; `None` when it has none.
    fn open_on(
        &mut self,
        table: &Arc<PortTable>,
        parity: Parity,
    ) -> Result<Option<OpenPort>, Refusal> {
        let with_next = |port: PortLease| match parity {
            Parity::Any | Parity::Even => Some((port, None)),
            Parity::EvenAndNext => port.claim_next().map(|next| (port, Some(next))),
        };
        let claims = table.claims(parity != Parity::Any, &mut self.entropy);
        for (port, next) in claims.filter_map(with_next).take(ATTEMPTS_MAX) {
            match self.driver.open(port.relayed(), port.bound()) {
                Ok(slot) => return Ok(Some(OpenPort { port, next, slot })),
                Err(error) if is_taken(&error) => {}
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
    fn keep(&mut self, slot: u32, lease: Lease) -> RelayedAddr {
        let relayed = lease.port.relayed();
        lease.port.publish(PortOwner { worker: self.worker, slot });
        let place = slot as usize;
        if place >= self.leases.len() {
            self.leases.resize_with(place + 1, || None);
        }
        self.leases[place] = Some(lease);
        relayed
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
            let Some(OpenPort { port, next, slot }) = self.open_on(table, wish.parity)? else {
                continue;
            };
            let reserved = next.zip(quota_of_next).map(|(port, quota)| {
                let token = ReservationToken(self.entropy.take());
                let reserved = Reserved { port, _quota: quota };
                self.holds.push_back(self.pool.reservations.hold(token, reserved));
                token
            });
            let relayed = self.keep(slot, Lease { port, quota, _descriptor: descriptor });
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
        Ok(self.keep(slot, Lease { port, quota, _descriptor: descriptor }))
    }

    fn release(&mut self, token: ReservationToken) {
        if let Some(place) = self.holds.iter().position(|hold| hold.token == token) {
            self.holds.remove(place);
        }
    }

    fn close(&mut self, at: RelayedAddr) {
        let Some(slot) = self.slot(at) else { return };
        self.driver.close(slot);
        if let Some(lease) = self.leases.get_mut(slot as usize) {
            *lease = None;
        }
    }

    fn is_live(&self, at: SocketAddr) -> bool {
        self.pool.ports.owner(at).is_some()
    }

    fn user_rate(&self, at: RelayedAddr) -> Option<Arc<UserRate>> {
        let lease = self.leases.get(self.slot(at)? as usize)?.as_ref()?;
        lease.quota.user_rate()
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
