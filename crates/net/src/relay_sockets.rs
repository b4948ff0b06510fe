//! RFC 8656 §7.2 (6): the server "MUST choose a relayed transport address". The relayed transport
//! addresses of one worker.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use kopru_turn::five_tuple::RelayedAddr;
use kopru_turn::relay_sockets::{Owner, PortWish, Refusal};
use kopru_turn::{RelaySockets, UserRate};

use crate::bars::Bars;
use crate::driver::Driver;
use crate::entropy::Entropy;
use crate::ports::{PortLease, PortOwner, PortTable, RelayPorts};
use crate::quota::{DescriptorBudget, DescriptorLease, Quota, QuotaLease};
use crate::stream::{Stream, StreamEnd};

/// What all workers draw on together.
#[derive(Clone)]
pub(crate) struct Pool {
    pub(crate) ports: Arc<RelayPorts>,
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
    entropy: Entropy,
}

/// What an open relayed transport address has taken from the pool: giving it back is dropping it.
struct Lease {
    _port: PortLease,
    quota: QuotaLease,
    _descriptor: DescriptorLease,
}

impl<D: Driver> WorkerSockets<D> {
    /// None yet.
    pub(crate) fn new(worker: u16, driver: D, pool: Pool) -> Self {
        Self { driver, worker, pool, leases: Vec::new(), entropy: Entropy::new() }
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

    /// Opens a socket on a random free port of `table`, an even one if that is the wish; `None`
    /// when it has none.
    fn open_on(
        &mut self,
        table: &Arc<PortTable>,
        even: bool,
    ) -> Result<Option<(PortLease, u32)>, Refusal> {
        for port in table.claims(even, &mut self.entropy).take(ATTEMPTS_MAX) {
            match self.driver.open(port.relayed(), port.bound()) {
                Ok(slot) => return Ok(Some((port, slot))),
                Err(error) if is_taken(&error) => {}
                // No descriptor, no memory, or the address has left this host.
                Err(_) => return Err(Refusal::Capacity),
            }
        }
        Ok(None)
    }
}

impl<D: Driver> RelaySockets for WorkerSockets<D> {
    fn open(&mut self, wish: PortWish, owner: Owner<'_>) -> Result<RelayedAddr, Refusal> {
        let ports = Arc::clone(&self.pool.ports);
        let mut tables = ports.of_family(wish.family, &mut self.entropy).peekable();
        if tables.peek().is_none() {
            return Err(Refusal::Family);
        }
        if self.pool.bars.is_barred(Instant::now(), owner.quota_key) {
            return Err(Refusal::Barred);
        }
        let quota = self.pool.quota.take(owner).ok_or(Refusal::Quota)?;
        let descriptor = self.pool.descriptors.take().ok_or(Refusal::Capacity)?;
        for table in tables {
            let Some((port, slot)) = self.open_on(table, wish.even)? else { continue };
            let relayed = port.relayed();
            port.publish(PortOwner { worker: self.worker, slot });
            let lease = Lease { _port: port, quota, _descriptor: descriptor };
            let place = slot as usize;
            if place >= self.leases.len() {
                self.leases.resize_with(place + 1, || None);
            }
            self.leases[place] = Some(lease);
            return Ok(relayed);
        }
        Err(Refusal::Capacity)
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
