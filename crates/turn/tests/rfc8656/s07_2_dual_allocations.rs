//! RFC 8656 §7.2: Receiving an Allocate Request; RFC 8656 §18.11: ADDITIONAL-ADDRESS-FAMILY. One
//! five-tuple, a relayed transport address of each family.

use std::net::SocketAddr;
use std::time::Duration;

use kopru_sim::{
    QUOTA, Raw, Request, TurnClient, World, allocate, channel_bind, create_permission, error,
    refresh, settings, success,
};
use kopru_stun::attribute::{
    AdditionalAddressFamily, AddressErrorCode, AttributeType, CoturnAdditionalAddressFamily,
    ErrorCode, EvenPort, RequestedAddressFamily,
};
use kopru_turn::relay_sockets::AddressFamily;
use kopru_turn::{DropReason, EndReason, Event, Limits, Settings};

const IPV4: RequestedAddressFamily = RequestedAddressFamily::IPV4;
const IPV6: RequestedAddressFamily = RequestedAddressFamily::IPV6;

fn both() -> Request {
    allocate().with(AdditionalAddressFamily(IPV6))
}

/// A client with a dual allocation, and its relayed transport addresses.
fn dual(world: &World, address: &str) -> (TurnClient, SocketAddr, SocketAddr) {
    let ada = world.client(address);
    let all = ada.ask(both()).expect(success()).all_relayed();
    let &[v4, v6] = all.as_slice() else { panic!("two addresses: {all:?}") };
    (ada, v4, v6)
}

#[test]
fn one_address_of_each_family_is_given() {
    // 7.2 (9): "in two XOR-RELAYED-ADDRESS attributes"
    let world = World::start();
    for address in ["7.7.7.7:1000", "[2a00::7]:1000"] {
        let (_, v4, v6) = dual(&world, address);
        assert!(v4.is_ipv4() && v6.is_ipv6());
    }
    assert_eq!((world.open_ports(), world.counters().allocations), (4, 4));
}

#[test]
fn older_clients_of_coturn_ask_by_another_number() {
    let world = World::start();
    let asked = allocate().with(CoturnAdditionalAddressFamily(IPV6));
    let reply = world.client("7.7.7.7:1000").ask(asked).expect(success());
    assert_eq!(reply.all_relayed().len(), 2);
}

#[test]
fn data_takes_the_address_of_its_peer_s_family() {
    // 10.2: "For dual allocations … the client MAY include XOR-PEER-ADDRESS attributes with
    // addresses of IPv4 and IPv6 address families"; 11.2, 11.3
    let world = World::start();
    let (ada, v4, v6) = dual(&world, "7.7.7.7:1000");
    let (bob, eve) = (world.peer("8.8.8.8:2000"), world.peer("[2a00::8]:2000"));
    ada.ask(create_permission(&["8.8.8.8", "2a00::8"])).expect(success());
    for (peer, relayed) in [(&bob, v4), (&eve, v6)] {
        ada.send_to(peer, b"out");
        peer.expect(relayed, b"out");
        peer.send(relayed, b"in");
        ada.expect_data(peer.address(), b"in");
    }
    for (channel, peer, relayed) in [(0x4000, &bob, v4), (0x4001, &eve, v6)] {
        ada.bind(channel, peer);
        ada.send_on(channel, b"out");
        peer.expect(relayed, b"out");
        peer.send(relayed, b"in");
        ada.expect_channel_data(channel, b"in");
    }
    bob.send(v6, b"no permission for an IPv4 address there");
    ada.send_on(0x4002, b"bound nowhere");
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoChannel), 1);
}

#[test]
fn a_channel_number_belongs_to_one_of_them() {
    // 12.2: "The channel number is not currently bound to a different transport address"
    let world = World::start();
    let (ada, ..) = dual(&world, "7.7.7.7:1000");
    ada.ask(channel_bind(0x4000, "8.8.8.8:1")).expect(success());
    ada.ask(channel_bind(0x4000, "[2a00::8]:1")).expect(error(400));
    ada.ask(channel_bind(0x4001, "[2a00::8]:1")).expect(success());
    ada.ask(channel_bind(0x4001, "8.8.8.8:2")).expect(error(400));
    ada.ask(channel_bind(0x4000, "8.8.8.8:1")).expect(success());
}

#[test]
fn permissions_of_both_families_are_installed_together_or_not_at_all() {
    // 10.2, and 508 for want of room
    let limits = Limits { permissions: 1, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    let (ada, ..) = dual(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    ada.ask(create_permission(&["8.8.8.8", "2a00::8", "2a00::9"])).expect(error(508));
    ada.send_to(&bob, b"not permitted");
    bob.expect_nothing();
    ada.ask(create_permission(&["8.8.8.8", "2a00::8"])).expect(success());
    ada.send_to(&bob, b"permitted");
    bob.expect(ada.relayed(), b"permitted");
}

#[test]
fn what_contradicts_itself_is_a_bad_request() {
    // 7.2 (6), (8), (9)
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for request in [
        both().with(IPV4),
        both().with(IPV6),
        both().with(EvenPort { reserve_next: true }),
        allocate().with(AdditionalAddressFamily(IPV4)),
        allocate().with(AdditionalAddressFamily(RequestedAddressFamily(9))),
        allocate().with(Raw::<0x8000>(vec![2])),
    ] {
        ada.ask(request).expect(error(400));
    }
    assert_eq!(world.open_ports(), 0);
    let even = ada.ask(both().with(EvenPort { reserve_next: false })).expect(success());
    assert!(even.all_relayed().iter().all(|relayed| relayed.port() % 2 == 0));
}

#[test]
fn who_can_have_half_of_it_is_told_why() {
    // 7.2 (9): "The error code value signaled in the ADDRESS-ERROR-CODE attribute could be 440 …
    // or 508"
    for (left, missing) in [(AddressFamily::V4, IPV6), (AddressFamily::V6, IPV4)] {
        let world = World::start();
        world.relay_only(&[left]);
        let ada = world.client("7.7.7.7:1000");
        let again = || both().transaction(*b"once is good");
        for reply in [ada.ask(again()), ada.ask(again())] {
            let reply = reply.expect(success());
            let code = ErrorCode::ADDRESS_FAMILY_NOT_SUPPORTED;
            assert_eq!(reply.get::<AddressErrorCode>(), AddressErrorCode { family: missing, code });
            assert_eq!(reply.all_relayed().len(), 1);
            assert_eq!(reply.relayed().is_ipv4(), left == AddressFamily::V4);
        }
        assert_eq!(world.open_ports(), 1);
    }
    let world = World::start();
    world.limit_ports(1);
    let reply = world.client("7.7.7.7:1000").ask(both()).expect(success());
    let code = ErrorCode::INSUFFICIENT_CAPACITY;
    assert_eq!(reply.get::<AddressErrorCode>(), AddressErrorCode { family: IPV6, code });
}

#[test]
fn who_can_have_nothing_of_it_gets_508() {
    // 7.2 (9): "If the server cannot satisfy the request … 508"
    let world = World::start();
    world.limit_ports(0);
    world.client("7.7.7.7:1000").ask(both()).expect(error(508));
    world.relay_only(&[]);
    world.client("7.7.7.7:1000").ask(both()).expect(error(508));
}

#[test]
fn it_counts_twice() {
    // 7.2 (10)
    let world = World::start();
    let client = |port| world.client(&format!("7.7.7.7:{port}"));
    for port in 0..QUOTA as u16 / 2 {
        client(1000 + port).ask(both()).expect(success());
    }
    client(2000).ask(both()).expect(error(486));
    assert_eq!(world.open_ports(), QUOTA / 2 * 2, "the half that could be had is given back");
    client(2000).allocate();

    let limits = Limits { allocations: 3, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    dual(&world, "7.7.7.7:1000");
    world.client("7.7.7.7:1001").ask(both()).expect(error(508));
    world.client("7.7.7.7:1001").allocate();
}

#[test]
fn a_retransmission_gets_both_again() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let again = || both().transaction(*b"once is good");
    let first = ada.ask(again()).expect(success()).all_relayed();
    let second = ada.ask(again()).expect(success());
    assert_eq!((second.all_relayed(), world.open_ports()), (first, 2));
    assert!(!second.attributes().contains(&AttributeType::ADDRESS_ERROR_CODE));
    ada.ask(allocate()).expect(error(437));
}

#[test]
fn refresh_is_for_both_unless_a_family_is_named() {
    // 8.1: "If no REQUESTED-ADDRESS-FAMILY attribute is included, then the request should be
    // treated as applying to all current allocations."
    for (request, left_v4, left_v6) in [
        (refresh(1200), true, true),
        (refresh(1200).with(IPV4), true, false),
        (refresh(1200).with(IPV6), false, true),
    ] {
        let world = World::start();
        let (ada, v4, v6) = dual(&world, "7.7.7.7:1000");
        let (bob, eve) = (world.peer("8.8.8.8:2000"), world.peer("[2a00::8]:2000"));
        world.advance_s(500);
        assert_eq!(ada.ask(request).expect(success()).lifetime_s(), 1200);
        world.advance_s(100);
        assert_eq!(world.open_ports(), usize::from(left_v4) + usize::from(left_v6));
        for (peer, relayed, left) in [(&bob, v4, left_v4), (&eve, v6, left_v6)] {
            let expected = if left { success() } else { error(443) };
            ada.ask(create_permission(&[&peer.text()])).expect(expected);
            peer.send(relayed, b"hello");
            if left {
                ada.expect_data(peer.address(), b"hello");
            }
            ada.expect_nothing();
        }
    }
}

#[test]
fn ending_one_does_nothing_to_the_other() {
    // 8.1: "it MUST NOT affect any permissions or channels associated with allocations for the
    // other address family"
    for (ended, channel) in [(IPV4, 0x4001), (IPV6, 0x4000)] {
        let world = World::start();
        let (ada, v4, v6) = dual(&world, "7.7.7.7:1000");
        let (bob, eve) = (world.peer("8.8.8.8:2000"), world.peer("[2a00::8]:2000"));
        ada.bind(0x4000, &bob);
        ada.bind(0x4001, &eve);
        assert_eq!(ada.ask(refresh(0).with(ended)).expect(success()).lifetime_s(), 0);
        assert_eq!(world.open_ports(), 1);
        let (peer, relayed) = if ended == IPV4 { (&eve, v6) } else { (&bob, v4) };
        ada.send_on(channel, b"still here");
        peer.expect(relayed, b"still here");
        peer.send(relayed, b"me too");
        ada.expect_channel_data(channel, b"me too");
        ada.send_on(0x4000 + 0x4001 - channel, b"over");
        ada.ask(refresh(0).with(ended)).expect(error(443));
        ada.ask(both()).expect(error(437));
        ada.ask(refresh(0)).expect(success());
        ada.ask(refresh(0)).expect(error(437));
        assert_eq!(world.open_ports(), 0);
        assert_eq!(world.dropped(DropReason::NoChannel), 1);
        ada.ask(both()).expect(success());
    }
}

#[test]
fn each_has_its_record() {
    let world = World::start();
    let (ada, v4, v6) = dual(&world, "7.7.7.7:1000");
    ada.ask(create_permission(&["2a00::8"])).expect(success());
    ada.send_to_address("[2a00::8]:1".parse().unwrap(), b"12345");
    ada.ask(refresh(0).with(IPV4)).expect(success());
    world.advance(Duration::from_secs(600));
    let records: Vec<_> = std::iter::from_fn(|| world.event())
        .filter_map(|event| if let Event::Ended(ended) = event { Some(ended) } else { None })
        .map(|ended| (ended.relayed.0, ended.reason, ended.to_peers.bytes))
        .collect();
    assert_eq!(records, [(v4, EndReason::Deleted, 0), (v6, EndReason::Expired, 5)]);
}
