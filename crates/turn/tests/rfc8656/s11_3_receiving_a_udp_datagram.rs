//! RFC 8656 §11.3: Receiving a UDP Datagram

use kopru_sim::{World, allocate, create_permission, success};
use kopru_stun::attribute::RequestedAddressFamily;
use kopru_turn::DropReason;

#[test]
fn without_a_channel_it_becomes_a_data_indication() {
    // 11.3: "The Data indication MUST contain both an XOR-PEER-ADDRESS and a DATA attribute."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    for len in [0, 1, 2, 3, 4, 5, 1200, 60_000] {
        let payload = vec![0xcd; len];
        bob.send(relayed, &payload);
        ada.expect_data(bob.address(), &payload);
    }
}

#[test]
fn over_ipv6_on_either_side() {
    // 5: "IPv6 support in TURN includes IPv4-to-IPv6, IPv6-to-IPv6, and IPv6-to-IPv4 relaying."
    let world = World::start();
    for (client, family, peer) in [
        ("7.7.7.7:1", RequestedAddressFamily::IPV6, "[2a00::8]:2001"),
        ("[2a00::7]:2", RequestedAddressFamily::IPV6, "[2a00::8]:2002"),
        ("[2a00::7]:3", RequestedAddressFamily::IPV4, "8.8.8.8:2003"),
    ] {
        let (ada, bob) = (world.client(client), world.peer(peer));
        let relayed = ada.ask(allocate().with(family)).expect(success()).relayed();
        ada.permit(&bob);
        ada.send_to(&bob, b"to the peer");
        bob.expect(relayed, b"to the peer");
        bob.send(relayed, b"to the client");
        ada.expect_data(bob.address(), b"to the client");
    }
}

#[test]
fn no_two_indications_have_one_transaction_id() {
    // RFC 8489 §5: "uniformly and randomly chosen"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    let ids: std::collections::HashSet<_> = (0..100)
        .map(|_| {
            bob.send(relayed, b"x");
            ada.expect_message().message().transaction_id()
        })
        .collect();
    assert_eq!(ids.len(), 100);
}

#[test]
fn what_does_not_fit_into_a_datagram_is_dropped_and_counted() {
    // 11.3: with 36 bytes in front, it would be longer than UDP over IPv4 carries
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    let (fits, too_large) = (vec![1; 65_507 - 39], vec![1; 65_507 - 35]);
    bob.send(relayed, &fits);
    ada.expect_data(bob.address(), &fits);
    bob.send(relayed, &too_large);
    ada.expect_nothing();
    ada.bind(0x4000, &bob);
    bob.send(relayed, &too_large);
    ada.expect_channel_data(0x4000, &too_large);
    bob.send(relayed, &vec![1; 65_507 - 3]);
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::TooLarge), 2);
}

#[test]
fn over_ipv6_a_datagram_carries_20_bytes_more() {
    // 11.3: "The Data indication is then sent on the 5-tuple associated with the allocation."
    let world = World::start();
    let (ada, bob) = (world.client("[2a00::7]:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    let fits = vec![1; 65_527 - 39];
    bob.send(relayed, &fits);
    ada.expect_data(bob.address(), &fits);
    bob.send(relayed, &vec![1; 65_527 - 35]);
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::TooLarge), 1);
}

#[test]
fn a_scope_in_the_source_address_is_the_kernel_s_and_not_the_peer_s() {
    // 12: a channel is bound to a transport address, which is an IP address and a port
    let world = World::start();
    let ada = world.client("[2a00::7]:1000");
    let relayed =
        ada.ask(allocate().with(RequestedAddressFamily::IPV6)).expect(success()).relayed();
    ada.bind(0x4000, &world.peer("[2a00::8]:2000"));
    world.peer("[2a00::8%3]:2000").send(relayed, b"x");
    ada.expect_channel_data(0x4000, b"x");
}

#[test]
fn no_datagram_comes_from_port_0_or_from_a_listener_of_ours() {
    // 11.2, 21: what can't be answered is not delivered
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let relayed = ada.allocate();
    ada.ask(create_permission(&["8.8.8.8", "9.9.9.9"])).expect(success());
    world.peer("8.8.8.8:0").send(relayed, b"x");
    world.peer("9.9.9.9:3478").send(relayed, b"x");
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::PeerForbidden), 2);
}
