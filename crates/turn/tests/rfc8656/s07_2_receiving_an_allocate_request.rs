//! RFC 8656 §7.2: Receiving an Allocate Request

use std::time::Duration;

use kopru_sim::{QUOTA, World, allocate, error, refresh, request, settings, success};
use kopru_stun::Method;
use kopru_stun::attribute::{
    AttributeType, DontFragment, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
};
use kopru_turn::relay_sockets::AddressFamily;
use kopru_turn::{Limits, RequestMethod, Settings};

#[test]
fn a_success_response_says_all_that_a_client_needs() {
    // 7.2: "XOR-RELAYED-ADDRESS …, LIFETIME …, XOR-MAPPED-ADDRESS"
    let ada = World::start().client("7.7.7.7:1000");
    let reply = ada.ask(allocate()).expect(success());
    assert_eq!((reply.relayed(), reply.lifetime_s()), ("9.9.9.9:50000".parse().unwrap(), 600));
    assert_eq!(reply.mapped(), ada.address());
    let types = [
        AttributeType::XOR_RELAYED_ADDRESS,
        AttributeType::LIFETIME,
        AttributeType::XOR_MAPPED_ADDRESS,
        AttributeType::MESSAGE_INTEGRITY,
    ];
    assert_eq!(reply.attributes(), types);
}

#[test]
fn a_five_tuple_has_one_allocation() {
    // 7.2 (2): "the 5-tuple is currently in use by an existing allocation … 437"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(allocate()).expect(error(437));
    world.client("7.7.7.7:1001").allocate();
    assert_eq!(world.open_ports(), 2);
}

#[test]
fn a_retransmission_gets_the_same_allocation_again() {
    // 7.2 NOTE: "compare it with incoming Allocate requests on the same 5-tuple … immediately
    // generate a success response"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().without_credentials()).expect(error(401));
    let bytes = ada.write(&allocate());
    let relayed = ada.ask_bytes(&bytes).expect(success()).relayed();
    world.advance(Duration::from_millis(39_500));
    let again = ada.ask_bytes(&bytes).expect(success());
    assert_eq!((again.relayed(), again.lifetime_s()), (relayed, 560), "time-to-expiry");
    assert_eq!(world.open_ports(), 1);
}

#[test]
fn a_retransmission_is_one_user_s() {
    // 7.2 (2), 5: a transaction ID is no proof of anything
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().transaction([7; 12])).expect(success());
    ada.become_user("bob", "ross");
    ada.ask(allocate().transaction([7; 12])).expect(error(437));
}

#[test]
fn requested_transport_is_udp() {
    // 7.2 (3): "not included or is malformed … 400"; "not supported by the server … 442"
    let ada = World::start().client("7.7.7.7:1000");
    let bare = || request(Method::ALLOCATE);
    ada.ask(bare()).expect(error(400));
    ada.ask(bare().with(kopru_sim::Raw::<0x0019>(vec![17]))).expect(error(400));
    ada.ask(bare().with(RequestedTransport(6))).expect(error(442));
    ada.ask(bare().with(RequestedTransport::UDP)).expect(success());
}

#[test]
fn dont_fragment_is_supported() {
    // 7.2 (4): only a server that can't set DF treats it as unknown
    let ada = World::start().client("7.7.7.7:1000");
    ada.ask(allocate().with(DontFragment)).expect(success());
}

#[test]
fn an_even_port_is_given_where_one_is_asked_for() {
    // 7.2: "with the R bit set to 0, then the server allocates a relayed transport address with an
    // even port number"
    let world = World::start();
    let even = || allocate().with(EvenPort { reserve_next: false });
    for client in ["7.7.7.7:1", "7.7.7.7:2", "7.7.7.7:3"] {
        let reply = world.client(client).ask(even()).expect(success());
        assert_eq!(reply.relayed().port() % 2, 0, "{}", reply.relayed());
    }
}

#[test]
fn the_requested_family_is_allocated() {
    // 7.2 (7): "If the REQUESTED-ADDRESS-FAMILY attribute is absent …, the server MUST allocate an
    // IPv4 relayed transport address"
    let world = World::start();
    for (client, family, ipv4) in [
        ("7.7.7.7:1", None, true),
        ("7.7.7.7:2", Some(RequestedAddressFamily::IPV4), true),
        ("7.7.7.7:3", Some(RequestedAddressFamily::IPV6), false),
        ("[2a00::7]:4", None, true),
        ("[2a00::7]:5", Some(RequestedAddressFamily::IPV6), false),
    ] {
        let asked = family.map_or_else(allocate, |family| allocate().with(family));
        let reply = world.client(client).ask(asked).expect(success());
        assert_eq!(reply.relayed().is_ipv4(), ipv4);
    }
}

#[test]
fn a_family_without_relay_addresses_is_not_supported() {
    // 7.2 (7): "the server does not support the address family … 440"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().with(RequestedAddressFamily(3))).expect(error(440));
    world.relay_only(&[AddressFamily::V4]);
    ada.ask(allocate().with(RequestedAddressFamily::IPV6)).expect(error(440));
    world.relay_only(&[AddressFamily::V6]);
    ada.ask(allocate()).expect(error(440));
    ada.ask(allocate().with(RequestedAddressFamily::IPV6)).expect(success());
}

#[test]
fn a_user_has_a_quota() {
    // 7.2 (10): "486 (Allocation Quota Reached) … SHOULD define it based on the username"
    let world = World::start();
    for port in 0..QUOTA {
        world.client(&format!("7.7.7.7:{}", 1000 + port)).allocate();
    }
    let late = world.client("6.6.6.6:1");
    late.ask(allocate()).expect(error(486));
    world.client("7.7.7.7:2000").as_user("bob", "ross").allocate();
    world.client("7.7.7.7:1000").ask(refresh(0)).expect(success());
    late.ask(allocate()).expect(success());
}

#[test]
fn without_a_free_port_there_is_insufficient_capacity() {
    // 19: "508 … the server having no more relayed transport addresses available at that time"
    let world = World::start();
    world.limit_ports(1);
    let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    ada.allocate();
    bea.ask(allocate()).expect(error(508));
    ada.ask(refresh(0)).expect(success());
    bea.ask(allocate()).expect(success());
}

#[test]
fn a_worker_has_a_limit() {
    // 19: 508, "due to some capacity limit being reached"
    let limits = Limits { allocations: 2, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    world.client("7.7.7.7:1").allocate();
    world.client("7.7.7.7:2").allocate();
    let late = world.client("7.7.7.7:3");
    late.ask(allocate()).expect(error(508));
    world.advance_without_timers(Duration::from_secs(600));
    late.ask(allocate()).expect(success());
    assert_eq!(world.open_ports(), 1, "what had expired made room, timer or not");
    assert_eq!(world.replied(RequestMethod::Allocate, 508), 1);
}

#[test]
fn a_lifetime_is_between_default_and_maximum() {
    // 7.2: "the minimum of the client's proposed lifetime and the server's maximum … greater than
    // the default …. Otherwise, the server uses the default lifetime."
    let world = World::start();
    for (proposed, granted) in
        [(0, 600), (599, 600), (601, 601), (3600, 3600), (3601, 3600), (u32::MAX, 3600)]
    {
        let ada = world.client("7.7.7.7:1000");
        let reply = ada.ask(allocate().with(Lifetime { seconds: proposed })).expect(success());
        assert_eq!(reply.lifetime_s(), granted);
        world.advance(Duration::from_secs(granted.into()) - Duration::from_millis(1));
        assert_eq!(world.open_ports(), 1);
        world.advance(Duration::from_millis(1));
        assert_eq!(world.open_ports(), 0);
    }
}

#[test]
fn a_malformed_attribute_is_a_bad_request() {
    // 7.2 (3); RFC 8489 §14.8: 400, "The request was malformed"
    let ada = World::start().client("7.7.7.7:1000");
    ada.ask(allocate().with(kopru_sim::Raw::<0x000d>(vec![1]))).expect(error(400));
    ada.ask(allocate().with(kopru_sim::Raw::<0x0017>(vec![1]))).expect(error(400));
    ada.ask(allocate().with(kopru_sim::Raw::<0x001a>(vec![1]))).expect(error(400));
}

#[test]
fn a_relayed_address_may_be_somebody_else_s_next() {
    // 6: "The relayed transport address MUST be unique across all allocations", those that live
    let world = World::start();
    let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate();
    ada.permit(&bob);
    ada.ask(refresh(0)).expect(success());
    assert_eq!(bea.allocate(), relayed);
    bob.send(relayed, b"permitted by the one before");
    bea.permit(&bob);
    bob.send(relayed, b"permitted");
    bea.expect_data(bob.address(), b"permitted");
    ada.expect_nothing();
}

#[test]
fn a_five_tuple_is_free_again_when_its_allocation_has_expired() {
    // 6: "When an allocation expires, the state data associated with the allocation can be freed."
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    world.advance_without_timers(Duration::from_secs(600));
    assert_eq!(ada.ask(allocate()).expect(success()).lifetime_s(), 600);
    assert_eq!(world.open_ports(), 1);
}
