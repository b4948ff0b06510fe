//! Datagrams through the relay, marked where they are sent and looked at where they arrive.

use std::net::{SocketAddr, UdpSocket};

use kopru_net::{Settings, Workers};
use kopru_stun::attribute::RequestedAddressFamily;

use crate::client::{Client, on_channel, settings};
use crate::ip_header::{marked_peer, receive, system_default};

pub(crate) const CHANNEL: u16 = 0x4001;
pub(crate) const V4: &str = "127.0.0.1:0";
pub(crate) const V6: &str = "[::1]:0";

/// Over IPv6 with its headers this is more than the MTU of the loopback interface, 65536: it comes,
/// and it leaves, in fragments.
pub(crate) const LARGE: usize = 65_503;

/// A client over UDP with an allocation, and a peer that it has a permission for.
pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) relayed: SocketAddr,
    pub(crate) peer: UdpSocket,
    pub(crate) at: SocketAddr,
    _workers: Workers,
}

impl Pair {
    /// Of these two addresses. Both mark what they send.
    pub(crate) fn of(bind: &str, peer: &str) -> Self {
        let listen = vec![bind.parse().unwrap()];
        let workers = Workers::start(Settings { listen, ..settings() }).unwrap();
        let mut client = Client::of(&workers);
        (client.socket, _) = marked_peer(bind);
        let (peer, at) = marked_peer(peer);
        let relayed = client.allocate_family(family(at)).unwrap();
        client.permit(at);
        Self { client, relayed, peer, at, _workers: workers }
    }

    /// Nothing of what the client marks arrives at the peer.
    #[track_caller]
    pub(crate) fn relays_to_the_peer_with_defaults(&mut self) {
        let default = system_default(&self.peer);
        self.client.send_indication(self.at, b"by Send indication");
        assert_eq!(receive(&self.peer), (b"by Send indication".to_vec(), default));
        self.client.bind_channel(CHANNEL, self.at);
        for len in [1, 1200, LARGE] {
            let payload = vec![7; len];
            self.client.send_on_channel(CHANNEL, &payload);
            assert!(receive(&self.peer) == (payload, default), "{len}");
        }
    }

    /// Nothing of what the peer marks arrives at the client.
    #[track_caller]
    pub(crate) fn relays_to_the_client_with_defaults(&mut self) {
        let default = system_default(&self.client.socket);
        self.peer.send_to(b"by Data indication", self.relayed).unwrap();
        assert_eq!(receive(&self.client.socket).1, default);
        self.client.bind_channel(CHANNEL, self.at);
        for len in [1, 1200, LARGE] {
            let payload = vec![7; len];
            self.peer.send_to(&payload, self.relayed).unwrap();
            let expect = (on_channel(CHANNEL, &payload), default);
            assert!(receive(&self.client.socket) == expect, "{len}");
        }
    }
}

/// The family of an address, as an allocation asks for it.
pub(crate) fn family(of: SocketAddr) -> RequestedAddressFamily {
    if of.is_ipv4() { RequestedAddressFamily::IPV4 } else { RequestedAddressFamily::IPV6 }
}
