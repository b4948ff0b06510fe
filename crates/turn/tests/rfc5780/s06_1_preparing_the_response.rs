//! RFC 5780 §6.1: Preparing the Response

use std::net::IpAddr;

use kopru_sim::{World, binding, error, settings, success};
use kopru_stun::attribute::{
    AttributeType, MappedAddress, OtherAddress, Padding, ResponseOrigin, ResponsePort,
};
use kopru_turn::{NatDiscovery, Settings};

use crate::discovery::{P1, P2, V4, V6, address, world};

#[test]
fn every_response_tells_where_it_comes_from_and_what_else_there_is() {
    // "If the Binding Request does not contain any attributes from this document, OTHER-ADDRESS and
    // RESPONSE-ORIGIN are still included in the Binding Response."
    let world = world();
    for (client, [a1, a2]) in [("7.7.7.7:1000", V4), ("[2a00::7]:1000", V6)] {
        for (da, dp, ca, cp) in [(a1, P1, a2, P2), (a1, P2, a2, P1), (a2, P1, a1, P2)] {
            let ada = world.client(client).asking(address(da, dp));
            let reply = ada.ask(binding()).expect(success());
            assert_eq!(reply.get::<ResponseOrigin>().0, address(da, dp));
            assert_eq!(reply.get::<OtherAddress>().0, address(ca, cp));
        }
    }
}

#[test]
fn the_mapped_address_is_told_twice() {
    // "The server MUST include both MAPPED-ADDRESS and XOR-MAPPED-ADDRESS in its Response."
    let ada = world().client("7.7.7.7:1000");
    let reply = ada.ask(binding().with_fingerprint()).expect(success());
    assert_eq!((reply.get::<MappedAddress>().0, reply.mapped()), (ada.address(), ada.address()));
    let all = [
        AttributeType::XOR_MAPPED_ADDRESS,
        AttributeType::MAPPED_ADDRESS,
        AttributeType::RESPONSE_ORIGIN,
        AttributeType::OTHER_ADDRESS,
        AttributeType::FINGERPRINT,
    ];
    assert_eq!(reply.attributes(), all);
}

#[test]
fn padding_and_response_port_together_are_a_bad_request() {
    // "If the Request also contains the RESPONSE-PORT attribute the server MUST return an error
    // response of type 400."
    let world = world();
    let (ada, other) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    ada.ask(binding().with(Padding { len: 100 }).with(ResponsePort(1001))).expect(error(400));
    ada.ask(binding().with(ResponsePort(1001)).with(Padding { len: 0 })).expect(error(400));
    other.expect_nothing();
}

#[test]
fn behind_a_one_to_one_nat_the_public_addresses_are_told() {
    let public: [IpAddr; 2] = ["203.0.113.1", "203.0.113.2"].map(|ip| ip.parse().unwrap());
    let discovery = NatDiscovery { bound: V4, advertised: public, ports: [P1, P2] };
    let world = World::with(Settings { nat_discovery: [discovery].into(), ..settings() });
    // The client of these tests checks that the answer leaves from the address that has its socket.
    let ada = world.client("7.7.7.7:1000").asking(address(V4[1], P1));
    let reply = ada.ask(binding()).expect(success());
    assert_eq!(reply.get::<ResponseOrigin>().0, address(public[1], P1));
    assert_eq!(reply.get::<OtherAddress>().0, address(public[0], P2));
}
