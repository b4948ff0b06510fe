//! RFC 8656 §14: links that take less than what is relayed. Datagrams come in trains and leave in
//! trains where the link takes them; where it does not they leave one by one, in fragments, unless
//! the client wants them whole.

use std::net::{SocketAddr, UdpSocket};

use kopru_stun::attribute::{Data, DontFragment, RequestedAddressFamily, XorPeerAddress};

use crate::client::{Client, indication, indication_with, on_channel, peer, receive};
use crate::http_client::get;
use crate::lab::{ADMIN_TOKEN, Lab, Mtus, PEER, PEER_V6, reassembled};
use crate::program::Server;
use crate::train::send_train;

/// MTUs of the smaller link, and whether the peer is reached over IPv6, of which 1280 is the least.
const CASES: [(u16, bool); 3] = [(1280, false), (1280, true), (576, false)];

#[test]
fn trains_reach_a_peer_behind_a_small_mtu_in_fragments() {
    for (mtu, v6) in CASES {
        let Some(lab) = Lab::build(Mtus { to_client: 1500, to_peer: mtu }) else { return };
        let call = Call::begin(lab, v6);
        let fits = usize::from(mtu) - HEADERS;
        assert_eq!(call.trains_to_peer(&[(LONG, 16)]), 16);
        assert_eq!(call.trains_to_peer(&[(fits, 16)]), 0);
        assert_eq!(call.trains_to_peer(&[(LONG, 32), (fits, 8), (LONG, 1), (fits, 1)]), 33);
        call.expect_counted([16 + 16 + 32 + 8 + 1 + 1, 0], 0);
    }
}

#[test]
fn trains_reach_a_client_behind_a_small_mtu_in_fragments() {
    for (mtu, v6) in CASES {
        let Some(lab) = Lab::build(Mtus { to_client: mtu, to_peer: 1500 }) else { return };
        let call = Call::begin(lab, v6);
        let fits = usize::from(mtu) - HEADERS;
        assert_eq!(call.trains_to_client(&[(LONG, 16)]), 16);
        assert_eq!(call.trains_to_client(&[(fits, 16)]), 0);
        assert_eq!(call.trains_to_client(&[(LONG, 32), (fits, 8), (LONG, 1), (fits, 1)]), 33);
        call.expect_counted([0, 16 + 16 + 32 + 8 + 1 + 1], 0);
    }
}

#[test]
fn a_client_behind_a_small_mtu_is_relayed_whether_its_datagrams_fit_or_not() {
    for (mtu, v6) in CASES {
        let Some(lab) = Lab::build(Mtus { to_client: mtu, to_peer: 1500 }) else { return };
        let call = Call::begin(lab, v6);
        let fits = usize::from(mtu) - HEADERS;
        let long = payloads(&[(LONG, 16)]);
        assert_eq!(call.trains_to_peer(&[(fits, 32)]), 0);
        // Put together before they are relayed.
        long.iter().for_each(|payload| call.client.send_on_channel(CHANNEL, payload));
        call.expect_at_peer(&long);
        assert_eq!(call.trains_to_peer(&[(fits, 32)]), 0);
        call.expect_counted([32 + 16 + 32, 0], 0);
    }
}

#[test]
fn what_must_not_be_fragmented_is_dropped_and_counted_once() {
    for (mtu, v6) in CASES {
        let Some(lab) = Lab::build(Mtus { to_client: 1500, to_peer: mtu }) else { return };
        let call = Call::begin(lab, v6);
        let [long, short] = [vec![7; LONG], vec![8; 400]];
        for _ in 0..3 {
            call.client.send(&call.whole(&long));
            call.client.send(&call.whole(&short));
            call.client.send(&indication(call.peer_at, &long));
            // RFC 8656 §13: between the families the bit says nothing.
            if v6 {
                call.expect_at_peer(std::slice::from_ref(&long));
            }
            call.expect_at_peer(&[short.clone(), long.clone()]);
        }
        call.expect_counted([9, 0], if v6 { 0 } else { 3 });
    }
}

/// A client, its peer on the other link, and the server between them.
struct Call {
    server: Server,
    client: Client,
    peer: UdpSocket,
    peer_at: SocketAddr,
    relayed: SocketAddr,
    _lab: Lab,
}

impl Call {
    fn begin(lab: Lab, v6: bool) -> Self {
        let server = lab.server();
        let mut client = Client::bound("0.0.0.0:0", server.at.turn_udp[0]);
        let families = [RequestedAddressFamily::IPV4, RequestedAddressFamily::IPV6];
        let relayed = client.allocate_family(families[usize::from(v6)]).unwrap();
        let (peer, peer_at) = peer(if v6 { PEER_V6 } else { PEER });
        client.bind_channel(CHANNEL, peer_at);
        Self { server, client, peer, peer_at, relayed, _lab: lab }
    }

    /// A Send indication that wants its data to stay in one piece.
    fn whole(&self, payload: &[u8]) -> Vec<u8> {
        indication_with(|it| {
            it.add(&XorPeerAddress(self.peer_at)).add(&DontFragment).add(&Data(payload));
        })
    }

    /// One train for each length and number; all arrive, in their order. How many came in
    /// fragments.
    fn trains_to_peer(&self, trains: &[(usize, u8)]) -> u64 {
        let before = reassembled();
        for train in trains {
            let payloads = payloads(&[*train]);
            let messages = payloads.iter().map(|payload| on_channel(CHANNEL, payload));
            let messages: Vec<_> = messages.collect();
            let to = self.server.at.turn_udp[0];
            send_train(&self.client.socket, to, &messages.concat(), messages[0].len());
        }
        self.expect_at_peer(&payloads(trains));
        reassembled() - before
    }

    /// The same the other way.
    fn trains_to_client(&self, trains: &[(usize, u8)]) -> u64 {
        let before = reassembled();
        for train @ (len, _) in trains {
            send_train(&self.peer, self.relayed, &payloads(&[*train]).concat(), *len);
        }
        for payload in payloads(trains) {
            self.client.expect_on_channel(CHANNEL, &payload);
        }
        reassembled() - before
    }

    #[track_caller]
    fn expect_at_peer(&self, payloads: &[Vec<u8>]) {
        for (number, payload) in payloads.iter().enumerate() {
            let (bytes, from) = receive(&self.peer);
            assert_eq!(from, self.relayed);
            assert!(bytes == *payload, "datagram {number}: {} bytes arrived", bytes.len());
        }
    }

    /// So many were relayed to peers and to clients, and so many of them lost for being too long;
    /// nothing else was.
    #[track_caller]
    fn expect_counted(&self, relayed: [u64; 2], too_long: u64) {
        let page = get(self.server.at.admin[0], "/metrics", &[ADMIN_TOKEN]).body;
        let all = |name: &str| {
            let lines = page.lines().filter_map(|line| line.strip_prefix(name)?.split_once("} "));
            let numbers = lines.map(|(labels, number)| (labels.to_owned(), number.parse()));
            numbers.map(|(labels, number)| (labels, number.unwrap())).collect::<Vec<(_, u64)>>()
        };
        let ways = ["{direction=\"to_peers\"", "{direction=\"to_clients\""];
        let expected: Vec<_> = ways.map(str::to_owned).into_iter().zip(relayed).collect();
        assert_eq!(all("kopru_turn_relayed_packets_total"), expected);
        let dropped =
            all("kopru_dropped_packets_total").into_iter().filter(|(_, count)| *count > 0);
        let reason = "{reason=\"message_size\"".to_owned();
        let expected = (too_long > 0).then_some((reason, too_long));
        assert_eq!(dropped.collect::<Vec<_>>(), Vec::from_iter(expected));
    }
}

/// So many of each length, each telling its number.
fn payloads(trains: &[(usize, u8)]) -> Vec<Vec<u8>> {
    let of_train = |(len, count): &(usize, u8)| {
        let len = *len;
        (0..*count).map(move |at| vec![at; len])
    };
    trains.iter().flat_map(of_train).collect()
}

const CHANNEL: u16 = 0x4001;
/// More than the small links take, and what the others take.
const LONG: usize = 1400;
/// IP, UDP and ChannelData headers take no more.
const HEADERS: usize = 60;
