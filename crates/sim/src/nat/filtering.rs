//! RFC 4787 §5: Filtering Behavior
//!
//! "Address-Dependent Filtering: … the NAT will filter out packets from Y:y destined for the
//! internal endpoint X:x if X:x has not sent packets to Y:any previously": what counts is what the
//! internal endpoint has sent, through whichever mapping.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use super::Dependence;

/// To whom each internal endpoint has sent, and until when that counts.
#[derive(Debug, Default)]
pub(super) struct Filters {
    sent: BTreeMap<(SocketAddr, SocketAddr), Instant>,
}

impl Filters {
    /// The internal endpoint sends to this one.
    pub(super) fn note(&mut self, internal: SocketAddr, remote: SocketAddr, until: Instant) {
        self.sent.insert((internal, remote), until);
    }

    /// Keeps what is there until then.
    pub(super) fn refresh(&mut self, internal: SocketAddr, remote: SocketAddr, until: Instant) {
        self.sent.entry((internal, remote)).and_modify(|expires_at| *expires_at = until);
    }

    /// Whether a packet from `remote`, for which there is a mapping, is let in.
    pub(super) fn allow(
        &mut self,
        now: Instant,
        internal: SocketAddr,
        remote: SocketAddr,
        dependence: Dependence,
    ) -> bool {
        self.sent.retain(|_, expires_at| *expires_at > now);
        let mut sent = self.sent.keys().filter(|sent| sent.0 == internal).map(|sent| sent.1);
        match dependence {
            Dependence::EndpointIndependent => true,
            Dependence::AddressDependent => sent.any(|to| to.ip() == remote.ip()),
            Dependence::AddressAndPortDependent => sent.any(|to| to == remote),
        }
    }
}
