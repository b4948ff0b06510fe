//! TCP connections between relayed transport addresses and peers, without TCP: who is connected to
//! whom, and what the server made of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kopru_stun::attribute::ConnectionId;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};
use kopru_turn::relay_sockets::ConnectRefusal;

/// What a connection has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// The peer has not answered yet.
    Connecting,
    /// Connected, and not bound to a client's connection.
    Open,
    /// Bound to the connection of this client.
    Spliced(FiveTuple),
}

/// The connections of all workers.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    open: BTreeMap<ConnectionId, (SocketAddr, SocketAddr, Wire)>,
    made: u32,
    /// What connecting or keeping fails with at once, from now on.
    pub(crate) refusal: Option<ConnectRefusal>,
    /// The connection that a peer has made and the server is being told of.
    at_the_door: Option<(SocketAddr, SocketAddr)>,
}

impl Wires {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// The connection between these two.
    pub(crate) fn find(
        &self,
        relayed: SocketAddr,
        peer: SocketAddr,
    ) -> Option<(ConnectionId, Wire)> {
        let mut open = self.open.iter();
        let found = open.find(|(_, wire)| (wire.0, wire.1) == (relayed, peer));
        found.map(|(id, wire)| (*id, wire.2))
    }

    pub(crate) fn connect(
        &mut self,
        RelayedAddr(via): RelayedAddr,
        PeerAddr(to): PeerAddr,
    ) -> Result<ConnectionId, ConnectRefusal> {
        self.add(via, to, Wire::Connecting)
    }

    /// A peer connects, and somebody may keep it.
    pub(crate) fn knock(&mut self, relayed: SocketAddr, peer: SocketAddr) {
        self.at_the_door = Some((relayed, peer));
    }

    /// Nobody else will.
    pub(crate) fn shut_door(&mut self) {
        self.at_the_door = None;
    }

    pub(crate) fn keep(&mut self) -> Result<ConnectionId, ConnectRefusal> {
        let (relayed, peer) = self.at_the_door.take().expect("somebody is at the door");
        self.add(relayed, peer, Wire::Open)
    }

    /// The peer has answered.
    pub(crate) fn answer(&mut self, id: ConnectionId) {
        self.change(id, Wire::Connecting, Wire::Open);
    }

    pub(crate) fn splice(&mut self, id: ConnectionId, client: &FiveTuple) {
        self.change(id, Wire::Open, Wire::Spliced(*client));
    }

    pub(crate) fn close(&mut self, id: ConnectionId) {
        self.open.remove(&id).expect("only what is open is closed, and once");
    }

    /// A relayed transport address is closed after its connections.
    pub(crate) fn expect_none_at(&self, relayed: SocketAddr) {
        assert!(self.open.values().all(|wire| wire.0 != relayed), "{relayed} left something open");
    }

    fn add(
        &mut self,
        relayed: SocketAddr,
        peer: SocketAddr,
        wire: Wire,
    ) -> Result<ConnectionId, ConnectRefusal> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        assert_eq!(self.find(relayed, peer), None, "TCP has one connection between two addresses");
        self.made += 1;
        let id = ConnectionId(0xc0de_0000 + self.made);
        self.open.insert(id, (relayed, peer, wire));
        Ok(id)
    }

    fn change(&mut self, id: ConnectionId, from: Wire, to: Wire) {
        let wire = &mut self.open.get_mut(&id).expect("it is open").2;
        assert_eq!(*wire, from, "one stage after the other");
        *wire = to;
    }
}
