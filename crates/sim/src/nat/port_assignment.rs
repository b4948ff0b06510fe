//! RFC 4787 §4.2: Port Assignment; and which address of a pool a mapping gets (RFC 4787 §4.1)

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Instant;

use super::{Nat, Pooling, PortAssignment};
use crate::random::Random;

impl Nat {
    /// An endpoint outside that no mapping uses (REQ-3: there is no "port overloading"), with the
    /// address and the port that the behavior asks for; `None` when there is none left.
    pub(super) fn assign(
        &mut self,
        now: Instant,
        random: &mut Random,
        internal: SocketAddr,
    ) -> Option<SocketAddr> {
        let ip = self.pooled(random, internal.ip());
        let preserved = SocketAddr::new(ip, internal.port());
        let preserves = self.behavior.ports == PortAssignment::Preservation;
        if preserves && self.is_free(now, preserved) {
            return Some(preserved);
        }
        // REQ-3a: well-known ports stay among themselves.
        let well_known = internal.port() < *REST.start();
        let range = if well_known { WELL_KNOWN } else { REST };
        let fits = |port: &u16| {
            let parity = port % 2 == internal.port() % 2;
            range.contains(port) && (parity || !self.behavior.port_parity)
        };
        let first = random.below(u64::from(u16::MAX) + 1) as u16;
        let mut ports = (0..=u16::MAX).map(|offset| first.wrapping_add(offset)).filter(fits);
        let free = |port: &u16| !self.mappings.is_used(SocketAddr::new(ip, *port));
        ports.find(free).map(|port| SocketAddr::new(ip, port))
    }

    fn is_free(&mut self, now: Instant, external: SocketAddr) -> bool {
        self.mappings.internal(now, external).is_none()
    }

    fn pooled(&self, random: &mut Random, internal: IpAddr) -> IpAddr {
        let any = *random.one_of(&self.external);
        match self.behavior.pooling {
            Pooling::Paired => self.mappings.paired(internal).unwrap_or(any),
            Pooling::Arbitrary => any,
        }
    }
}

/// §4.2.1: "'well-known' from 0 to 1023"; nothing is sent from port 0.
const WELL_KNOWN: RangeInclusive<u16> = 1..=1023;
const REST: RangeInclusive<u16> = 1024..=u16::MAX;
