//! Datagrams of somebody who knows no password.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use kopru_sim::{SERVER_V4, World, settings};
use kopru_stun::{Class, Message};
use kopru_turn::{NatDiscovery, Settings};

use crate::datagrams::datagrams;

/// Sends the datagrams of the input, from one address or its neighbour, to a server without and to
/// one with NAT discovery (RFC 5780). Nothing is kept about the sender, and no reply is longer than
/// four times what it sent.
pub fn unauthenticated(input: &[u8]) {
    play(&World::start(), &[SERVER_V4], input);
    let ips: [IpAddr; 2] = [SERVER_V4.ip(), OTHER_IP];
    let ports = [SERVER_V4.port(), OTHER_PORT];
    let discovery = NatDiscovery { bound: ips, advertised: ips, ports };
    let settings = Settings { nat_discovery: [discovery].into(), ..settings() };
    let sources = ips.map(|ip| ports.map(|port| SocketAddr::new(ip, port)));
    play(&World::with(settings), sources.as_flattened(), input);
}

/// Every reply comes from one of `sources`.
fn play(world: &World, sources: &[SocketAddr], input: &[u8]) {
    let clients = [world.client("7.7.7.7:1000"), world.client("7.7.7.8:1000")];
    for (number, datagram) in datagrams(input).enumerate() {
        let client = &clients[number % 2];
        client.send_bytes(datagram);
        let Some((from, reply)) = client.arrived_from() else { continue };
        assert!(sources.contains(&from), "{from}");
        assert!(reply.len() <= 4 * datagram.len(), "{} for {}", reply.len(), datagram.len());
        let request = Message::parse(datagram).expect("only requests are answered");
        let response = Message::parse(&reply).expect("a server writes whole messages");
        assert_eq!(request.class(), Class::Request);
        assert_eq!(response.transaction_id(), request.transaction_id());
        assert!(client.arrived_from().is_none(), "one in, one out");
    }
    assert_eq!((world.open_ports(), world.next_timeout(), world.event()), (0, None, None));
}

const OTHER_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 10));
const OTHER_PORT: u16 = 3479;
