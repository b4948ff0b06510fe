//! Datagrams of somebody who knows no password.

use kopru_sim::World;
use kopru_stun::{Class, Message};

use crate::datagrams::datagrams;

/// Sends the datagrams of the input, from one address or its neighbour. Nothing is kept about the
/// sender, and no reply is longer than four times what it sent.
pub fn unauthenticated(input: &[u8]) {
    let world = World::start();
    let clients = [world.client("7.7.7.7:1000"), world.client("7.7.7.8:1000")];
    for (number, datagram) in datagrams(input).enumerate() {
        let client = &clients[number % 2];
        client.send_bytes(datagram);
        let Some(reply) = client.arrived() else { continue };
        assert!(reply.len() <= 4 * datagram.len(), "{} for {}", reply.len(), datagram.len());
        let request = Message::parse(datagram).expect("only requests are answered");
        let response = Message::parse(&reply).expect("a server writes whole messages");
        assert_eq!(request.class(), Class::Request);
        assert_eq!(response.transaction_id(), request.transaction_id());
        assert!(client.arrived().is_none(), "one in, one out");
    }
    assert_eq!((world.open_ports(), world.next_timeout(), world.event()), (0, None, None));
}
