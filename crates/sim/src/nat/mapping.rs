//! RFC 4787 §4.1: Address and Port Mapping; RFC 4787 §4.3: Mapping Refresh

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::Dependence;

/// The mappings of a NAT.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    list: Vec<Mapping>,
}

/// "a mapping between an internal IP:port and external IP:port tuple"
#[derive(Debug)]
struct Mapping {
    internal: SocketAddr,
    external: SocketAddr,
    session: Session,
    expires_at: Option<Instant>,
}

/// For which external endpoints a mapping is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Any,
    Address(IpAddr),
    AddressAndPort(SocketAddr),
}

impl Session {
    fn with(remote: SocketAddr, dependence: Dependence) -> Self {
        match dependence {
            Dependence::EndpointIndependent => Self::Any,
            Dependence::AddressDependent => Self::Address(remote.ip()),
            Dependence::AddressAndPortDependent => Self::AddressAndPort(remote),
        }
    }
}

impl Mappings {
    /// The mapping that a new packet uses, if there is one already.
    pub(super) fn find(
        &mut self,
        now: Instant,
        internal: SocketAddr,
        remote: SocketAddr,
        dependence: Dependence,
    ) -> Option<SocketAddr> {
        self.forget_expired(now);
        let session = Session::with(remote, dependence);
        let fits = |it: &&Mapping| (it.internal, it.session) == (internal, session);
        self.list.iter().find(fits).map(|mapping| mapping.external)
    }

    /// Adds one, which lives once it is refreshed.
    pub(super) fn add(
        &mut self,
        internal: SocketAddr,
        remote: SocketAddr,
        dependence: Dependence,
        external: SocketAddr,
    ) {
        let session = Session::with(remote, dependence);
        self.list.push(Mapping { internal, external, session, expires_at: None });
    }

    /// Keeps it until then.
    pub(super) fn refresh(&mut self, external: SocketAddr, until: Instant) {
        let found = self.list.iter_mut().find(|mapping| mapping.external == external);
        found.into_iter().for_each(|mapping| mapping.expires_at = Some(until));
    }

    /// Whom this endpoint outside stands for.
    pub(super) fn internal(&mut self, now: Instant, external: SocketAddr) -> Option<SocketAddr> {
        self.forget_expired(now);
        let found = self.list.iter().find(|mapping| mapping.external == external);
        found.map(|mapping| mapping.internal)
    }

    /// Whether an endpoint outside is used by a mapping.
    pub(super) fn is_used(&self, external: SocketAddr) -> bool {
        self.list.iter().any(|mapping| mapping.external == external)
    }

    /// An address outside that this host has already.
    pub(super) fn paired(&self, internal: IpAddr) -> Option<IpAddr> {
        let found = self.list.iter().find(|mapping| mapping.internal.ip() == internal);
        found.map(|mapping| mapping.external.ip())
    }

    fn forget_expired(&mut self, now: Instant) {
        self.list.retain(|mapping| mapping.expires_at.is_none_or(|expires_at| expires_at > now));
    }
}
