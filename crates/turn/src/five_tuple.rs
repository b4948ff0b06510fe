//! RFC 8656 §2: Terminology. The addresses of TURN, one type for each role.

use std::net::{IpAddr, SocketAddr};

/// How a client reaches the server (RFC 8656 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// What is spoken between the server and peers: REQUESTED-TRANSPORT (RFC 8656 §18.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelayTransport {
    /// Datagrams.
    Udp,
    /// TCP connections (RFC 6062).
    Tcp,
}

/// "Host Transport Address" as the server sees it: where the client's packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientAddr(pub SocketAddr);

/// "Peer Transport Address": "the transport address of the peer as seen by the server".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// As a client binds it: a kernel may add a flow label or a scope to where it received from.
    pub(crate) fn without_scope(self) -> Self {
        Self(SocketAddr::new(self.0.ip(), self.0.port()))
    }
}

/// The IP address of a peer: what a permission holds, since a permission has no port (§9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerIp(pub IpAddr);

/// "Relayed Transport Address": "a transport address that exists on a TURN server. If a permission
/// exists, packets that arrive at this address are relayed towards the TURN client."
///
/// Always the *advertised* address: behind a 1:1 NAT the socket is bound to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayedAddr(pub SocketAddr);

/// Whose datagram comes to a relayed transport address, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Somebody's, through the socket.
    Peer(PeerAddr),
    /// That of another allocation of this server, in memory.
    Relayed(RelayedAddr),
}

impl Sender {
    /// What the client knows it by.
    #[must_use]
    pub fn address(self) -> PeerAddr {
        match self {
            Self::Peer(peer) => peer.without_scope(),
            Self::Relayed(RelayedAddr(at)) => PeerAddr(at),
        }
    }
}

/// "5-tuple": "the combination (client IP address and port, server IP address and port, and
/// transport protocol)" that names an allocation (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FiveTuple {
    /// The transport protocol.
    pub transport: Transport,
    /// The client's address as the server sees it.
    pub client: ClientAddr,
    /// The address of the server that the client sent to (never a wildcard).
    pub server: SocketAddr,
}
