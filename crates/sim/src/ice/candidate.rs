//! RFC 8445 §5.1.1, §5.1.2: Candidates and their priorities.

use std::net::SocketAddr;

/// A transport address at which an agent may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) kind: Kind,
    pub(super) address: SocketAddr,
}

/// What kind of address; the best comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// On a TURN server.
    Relayed,
    /// As the STUN server sees the agent.
    ServerReflexive,
    /// As the other agent sees it.
    PeerReflexive,
    /// On its own interface.
    Host,
}
