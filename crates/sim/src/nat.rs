//! RFC 4787 §4: Network Address and Port Translation Behavior. A NAT as a pure state machine: time
//! and random numbers are arguments.
//!
//! ```text
//!   inside                      NAT                        outside
//!
//!   10.1.0.1:5000 ──────▶ mapping.rs: which ──────▶ 5.0.1.1:49321
//!                         mapping, refreshed        port_assignment.rs
//!                         filtering.rs: noted
//!
//!   10.1.0.1:5000 ◀────── filtering.rs: let in? ◀── 5.0.1.1:49321
//! ```

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::network::Loss;
use crate::random::Random;

mod behavior;
mod filtering;
mod hairpinning;
mod mapping;
mod port_assignment;

pub use behavior::{Dependence, Hairpinning, MappingRefresh, NatBehavior, Pooling, PortAssignment};
use filtering::Filters;
use mapping::Mappings;

/// A NAT.
#[derive(Debug)]
pub(crate) struct Nat {
    behavior: NatBehavior,
    external: Vec<IpAddr>,
    mappings: Mappings,
    filters: Filters,
}

impl Nat {
    /// A NAT that has these addresses outside; at least one.
    pub(crate) fn new(behavior: NatBehavior, external: Vec<IpAddr>) -> Self {
        assert!(!external.is_empty(), "a NAT has an address");
        let (mappings, filters) = (Mappings::default(), Filters::default());
        Self { behavior, external, mappings, filters }
    }

    /// Whether this is one of its addresses outside.
    pub(crate) fn is_external(&self, ip: IpAddr) -> bool {
        self.external.contains(&ip)
    }

    /// A datagram leaves: the source it has outside.
    pub(crate) fn outbound(
        &mut self,
        now: Instant,
        random: &mut Random,
        internal: SocketAddr,
        remote: SocketAddr,
    ) -> Result<SocketAddr, Loss> {
        let dependence = self.behavior.mapping;
        let external = match self.mappings.find(now, internal, remote, dependence) {
            Some(external) => external,
            None => {
                let external = self.assign(now, random, internal).ok_or(Loss::NoPort)?;
                self.mappings.add(internal, remote, dependence, external);
                external
            }
        };
        let until = now + self.behavior.refresh.timer;
        self.mappings.refresh(external, until);
        self.filters.note(internal, remote, until);
        Ok(external)
    }

    /// A datagram for one of its addresses arrives from outside: whom it is for inside.
    pub(crate) fn inbound(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        external: SocketAddr,
    ) -> Result<SocketAddr, Loss> {
        let internal = self.mappings.internal(now, external).ok_or(Loss::NoMapping)?;
        if !self.filters.allow(now, internal, remote, self.behavior.filtering) {
            return Err(Loss::Filtered);
        }
        if self.behavior.refresh.inbound {
            let until = now + self.behavior.refresh.timer;
            self.mappings.refresh(external, until);
            self.filters.refresh(internal, remote, until);
        }
        Ok(internal)
    }

    /// Starts again without memory, as after a power cut.
    pub(crate) fn forget(&mut self) {
        self.mappings = Mappings::default();
        self.filters = Filters::default();
    }
}

#[cfg(test)]
mod tests;
