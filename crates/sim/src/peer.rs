//! A host somewhere that knows nothing of TURN.

use std::net::SocketAddr;

use kopru_stun::attribute::Icmp;
use kopru_turn::IcmpError;
use kopru_turn::five_tuple::PeerAddr;

use crate::world::World;

/// A peer: sends and receives datagrams.
pub struct Peer {
    pub(crate) world: World,
    address: SocketAddr,
}

impl Peer {
    pub(crate) fn new(world: World, address: SocketAddr) -> Self {
        Self { world, address }
    }

    /// Its transport address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its transport address as text, for requests.
    pub fn text(&self) -> String {
        self.address.to_string()
    }

    /// Sends a datagram, to a relayed transport address for example.
    pub fn send(&self, to: SocketAddr, payload: &[u8]) {
        self.world.send(self.address, to, payload);
    }

    /// Sends these bytes as datagrams of `segment` bytes each, the last maybe shorter, which reach
    /// a relayed transport address together.
    pub fn send_train(&self, to: SocketAddr, bytes: &[u8], segment: usize) {
        self.world.train_to_relayed(self.address, to, bytes, segment);
    }

    /// Has an ICMP packet say that what came from there did not get here.
    pub fn refuse(&self, from: SocketAddr, icmp: Icmp) {
        self.world.icmp(from, IcmpError { to: PeerAddr(self.address), icmp });
    }

    /// The next datagram is this one, and may be fragmented on its way.
    #[track_caller]
    pub fn expect(&self, from: SocketAddr, payload: &[u8]) {
        self.expect_datagram(from, payload, false);
    }

    /// The next datagram is this one, sent with the DF bit set.
    #[track_caller]
    pub fn expect_unfragmented(&self, from: SocketAddr, payload: &[u8]) {
        self.expect_datagram(from, payload, true);
    }

    /// Reads the next datagram, if one has arrived, and says whether.
    pub fn take_any(&self) -> bool {
        self.take().is_some()
    }

    /// The next datagram, if one has arrived.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.world.receive(self.address).map(|datagram| datagram.bytes)
    }

    /// The next datagram is this one; from where it came, as it looks from here.
    #[track_caller]
    pub fn take_from(&self, payload: &[u8]) -> SocketAddr {
        let datagram = self.world.receive(self.address).expect("a datagram arrived");
        assert_eq!(datagram.bytes, payload);
        datagram.from
    }

    /// No datagram has arrived.
    #[track_caller]
    pub fn expect_nothing(&self) {
        assert_eq!(self.world.receive(self.address), None);
    }

    #[track_caller]
    fn expect_datagram(&self, from: SocketAddr, payload: &[u8], dont_fragment: bool) {
        let datagram = self.world.receive(self.address).expect("a datagram arrived");
        assert_eq!((datagram.from, datagram.bytes.as_slice()), (from, payload));
        assert_eq!(datagram.dont_fragment, dont_fragment, "the DF bit");
    }
}
