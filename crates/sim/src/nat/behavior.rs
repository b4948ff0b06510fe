//! RFC 4787 §4 to §6: what NATs do differently, in the words of the RFC.

use std::time::Duration;

/// The behavior of a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatBehavior {
    /// §4.1: "the criteria for reuse of a mapping for new sessions".
    pub mapping: Dependence,
    /// §5: "the criteria … used by the NAT to filter packets".
    pub filtering: Dependence,
    /// §4.2.1
    pub ports: PortAssignment,
    /// §4.2.2: "an even port will be mapped to an even port, and an odd port … to an odd port".
    pub port_parity: bool,
    /// §4.1, for NATs with several addresses.
    pub pooling: Pooling,
    /// §4.3
    pub refresh: MappingRefresh,
    /// §6
    pub hairpinning: Hairpinning,
}

/// How much of the external endpoint matters (§4.1, §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// "Endpoint-Independent": nothing.
    EndpointIndependent,
    /// "Address-Dependent": its IP address.
    AddressDependent,
    /// "Address and Port-Dependent".
    AddressAndPortDependent,
}

/// Which port a mapping gets (§4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortAssignment {
    /// "Port preservation": that of the host, as long as it is free.
    Preservation,
    /// "No port preservation": any.
    NoPreservation,
}

/// Which of several addresses a mapping gets (§4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// "the same external IP address mapping for all sessions associated with the same internal
    /// IP address"
    Paired,
    /// "in an arbitrary fashion (i.e., randomly)"
    Arbitrary,
}

/// What keeps a mapping (§4.3). "NAT Outbound refresh behavior" is always true (REQ-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappingRefresh {
    /// "the time a mapping will stay active without packets traversing the NAT".
    pub timer: Duration,
    /// "NAT Inbound refresh behavior".
    pub inbound: bool,
}

/// What becomes of a datagram from inside to an address of the NAT itself (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hairpinning {
    /// It is lost.
    Unsupported,
    /// "External source IP address and port".
    ExternalSource,
    /// "Internal source IP address and port".
    InternalSource,
}

impl NatBehavior {
    /// What the RFC requires and recommends, with this mapping and filtering, and with ports that
    /// nobody can foretell: REQ-2, REQ-4, REQ-5c, REQ-9a.
    pub const fn new(mapping: Dependence, filtering: Dependence) -> Self {
        Self {
            mapping,
            filtering,
            ports: PortAssignment::NoPreservation,
            port_parity: true,
            pooling: Pooling::Paired,
            refresh: MappingRefresh { timer: Duration::from_secs(300), inbound: false },
            hairpinning: Hairpinning::ExternalSource,
        }
    }

    /// "Full cone", as RFC 3489 called it.
    pub const fn full_cone() -> Self {
        Self::new(Dependence::EndpointIndependent, Dependence::EndpointIndependent)
    }

    /// "Address-restricted cone".
    pub const fn address_restricted() -> Self {
        Self::new(Dependence::EndpointIndependent, Dependence::AddressDependent)
    }

    /// "Port-restricted cone": most homes.
    pub const fn port_restricted() -> Self {
        Self::new(Dependence::EndpointIndependent, Dependence::AddressAndPortDependent)
    }

    /// "Symmetric": many companies and mobile networks.
    pub const fn symmetric() -> Self {
        Self::new(Dependence::AddressAndPortDependent, Dependence::AddressAndPortDependent)
    }
}
