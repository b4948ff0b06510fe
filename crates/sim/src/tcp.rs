//! RFC 6062 in the ladder language: requests, clients over TCP, and peers that connect.

use std::net::SocketAddr;
use std::time::Duration;

use kopru_stun::attribute::{ConnectionId, RequestedTransport, XorPeerAddress};
use kopru_stun::{Class, Method};
use kopru_turn::Direction;
use kopru_turn::PeerConnectionEnd;
use kopru_turn::five_tuple::{PeerAddr, RelayedAddr};
use kopru_turn::relay_sockets::ConnectRefusal;

use crate::peer::Peer;
use crate::reply::Reply;
use crate::request::{Request, peer_address, request};
use crate::turn_client::TurnClient;
use crate::wires::Wire;
use crate::world::World;

/// An Allocate request with REQUESTED-TRANSPORT: TCP.
pub fn allocate_tcp() -> Request {
    request(Method::ALLOCATE).with(RequestedTransport::TCP)
}

/// A Connect request.
pub fn connect(peer: &str) -> Request {
    request(Method::CONNECT).with(peer_address(peer))
}

/// A ConnectionBind request.
pub fn connection_bind(id: ConnectionId) -> Request {
    request(Method::CONNECTION_BIND).with(id)
}

impl World {
    /// The connection between these two, if the server has one, or is making one.
    pub fn wire(&self, relayed: SocketAddr, peer: SocketAddr) -> Option<Wire> {
        Some(self.state().ports.wires.find(relayed, peer)?.1)
    }

    /// The id that the server has given it.
    pub fn wire_id(&self, relayed: SocketAddr, peer: SocketAddr) -> Option<ConnectionId> {
        Some(self.state().ports.wires.find(relayed, peer)?.0)
    }

    /// How many connections with peers there are.
    pub fn wires(&self) -> usize {
        self.state().ports.wires.len()
    }

    /// What connecting fails with at once, from now on; `None` lets it begin.
    pub fn refuse_connections(&self, refusal: Option<ConnectRefusal>) {
        self.state().ports.wires.refusal = refusal;
    }

    /// How many connections with peers ended for this reason, or were refused.
    pub fn wires_ended(&self, why: PeerConnectionEnd) -> u64 {
        let counters = self.counters();
        let mut ends = counters.peer_connection_ends();
        ends.find(|end| end.0 == why).map_or(0, |end| end.1)
    }

    /// How long a bound connection has to wait before it may carry its next piece.
    #[track_caller]
    pub fn piece_wait(&self, relayed: SocketAddr, peer: &Peer, way: Direction) -> Duration {
        let mut state = self.state();
        let (id, _) = state.ports.wires.find(relayed, peer.address()).expect("connected");
        let now = state.now.instant;
        state.owner(relayed).piece_wait(now, id, way)
    }

    /// A bound connection carries a piece of `len` bytes.
    #[track_caller]
    pub fn carry(&self, relayed: SocketAddr, peer: &Peer, way: Direction, len: usize) {
        let mut state = self.state();
        let (id, _) = state.ports.wires.find(relayed, peer.address()).expect("connected");
        let now = state.now.instant;
        state.owner(relayed).relay_piece(now, id, way, len);
    }
}

impl Peer {
    /// Connects to a relayed transport address.
    pub fn connect(&self, relayed: SocketAddr) {
        self.world.state().knock(RelayedAddr(relayed), PeerAddr(self.address()));
    }

    /// Answers the SYN that came from there.
    #[track_caller]
    pub fn answer(&self, relayed: SocketAddr) {
        let mut state = self.world.state();
        let (id, _) = state.ports.wires.find(relayed, self.address()).expect("a SYN has come");
        state.ports.wires.answer(id);
        state.connected(relayed, id, Ok(()));
    }

    /// Refuses the SYN that came from there.
    #[track_caller]
    pub fn refuse_connection(&self, relayed: SocketAddr) {
        let mut state = self.world.state();
        let (id, _) = state.ports.wires.find(relayed, self.address()).expect("a SYN has come");
        state.ports.wires.close(id);
        state.connected(relayed, id, Err(ConnectRefusal::Failed));
    }

    /// Closes its connection with a relayed transport address.
    #[track_caller]
    pub fn hang_up(&self, relayed: SocketAddr) {
        let mut state = self.world.state();
        let (id, _) = state.ports.wires.find(relayed, self.address()).expect("connected");
        state.ports.wires.close(id);
        state.owner(relayed).handle_disconnected(id);
        state.check();
    }
}

impl TurnClient {
    /// Creates a TCP allocation and gives its relayed transport address.
    #[track_caller]
    pub fn allocate_tcp(&self) -> SocketAddr {
        self.ask(allocate_tcp()).expect(crate::success()).relayed()
    }

    /// Asks for a connection with `peer`, which answers, and gives its id.
    #[track_caller]
    pub fn connect(&self, peer: &Peer) -> ConnectionId {
        self.send(&connect(&peer.text()));
        peer.answer(self.relayed());
        let reply = self.expect_response(Method::CONNECT).expect(crate::success());
        reply.get()
    }

    /// The next message is the response to a request of this method.
    #[track_caller]
    pub fn expect_response(&self, method: Method) -> Reply {
        let reply = self.expect_message();
        assert_eq!(reply.message().method(), method);
        self.check_protection(&reply);
        reply
    }

    /// The next message is a ConnectionAttempt indication for this peer; its id.
    #[track_caller]
    pub fn expect_attempt(&self, peer: &Peer) -> ConnectionId {
        let indication = self.expect_message();
        let message = indication.message();
        let expected = (Method::CONNECTION_ATTEMPT, Class::Indication);
        assert_eq!((message.method(), message.class()), expected);
        assert_eq!(indication.get::<XorPeerAddress>().0, peer.address());
        indication.get()
    }
}
