//! Two allocations of one server that are each other's peers: reached in memory, by their
//! advertised addresses, with the same checks.

use std::net::SocketAddr;

use kopru_sim::{
    RELAY_V4, World, channel_bind, create_permission, error, refresh, settings, success,
};
use kopru_turn::{DropReason, PeerPolicy, Settings};

/// Ada and Bea with an allocation each, on worker 0 and on the last one.
fn two_clients(workers: u8) -> (World, kopru_sim::TurnClient, kopru_sim::TurnClient) {
    let world = World::with_workers(settings(), workers);
    let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("6.6.6.6:1001"));
    ada.allocate();
    bea.allocate();
    (world, ada, bea)
}

#[test]
fn firezone_10286_data_reaches_the_other_client_on_the_same_and_on_another_worker() {
    for workers in [1, 2] {
        let (_, ada, bea) = two_clients(workers);
        let (a, b) = (ada.relayed(), bea.relayed());
        ada.ask(create_permission(&[&b.to_string()])).expect(success());
        bea.ask(create_permission(&[&a.to_string()])).expect(success());
        ada.send_to_address(b, b"by indication");
        bea.expect_data(a, b"by indication");
        ada.ask(channel_bind(0x4000, &b.to_string())).expect(success());
        bea.ask(channel_bind(0x4abc, &a.to_string())).expect(success());
        for len in [0, 1, 1200] {
            let payload = vec![7; len];
            ada.send_on(0x4000, &payload);
            bea.expect_channel_data(0x4abc, &payload);
            bea.send_on(0x4abc, &payload);
            ada.expect_channel_data(0x4000, &payload);
        }
    }
}

#[test]
fn the_other_client_s_permission_is_asked_for() {
    let (world, ada, bea) = two_clients(1);
    ada.ask(create_permission(&[&bea.relayed().to_string()])).expect(success());
    ada.send_to_address(bea.relayed(), b"unasked");
    bea.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoPermission), 1);
}

#[test]
fn an_allocation_that_has_ended_is_not_reached() {
    let (world, ada, bea) = two_clients(2);
    let b = bea.relayed();
    ada.ask(channel_bind(0x4000, &b.to_string())).expect(success());
    bea.ask(refresh(0)).expect(success());
    ada.send_on(0x4000, b"x");
    ada.send_to_address(b, b"x");
    assert_eq!(world.dropped(DropReason::PeerForbidden), 2, "its port is nobody's, and so ours");
    ada.ask(channel_bind(0x4000, &b.to_string())).expect(error(403));
}

#[test]
fn a_client_may_talk_to_itself() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let relayed = ada.allocate();
    ada.ask(channel_bind(0x4000, &relayed.to_string())).expect(success());
    ada.send_on(0x4000, b"echo");
    ada.expect_channel_data(0x4000, b"echo");
}

#[test]
fn nothing_else_on_our_addresses_is_reached() {
    let (world, ada, _) = two_clients(1);
    let relay = RELAY_V4.to_string();
    ada.ask(create_permission(&[&relay])).expect(success());
    for port in [22, 53, 3478, 49_152] {
        ada.send_to_address(SocketAddr::new(RELAY_V4, port), b"x");
    }
    assert_eq!(world.dropped(DropReason::PeerForbidden), 4);
    for port in [22, 53, 3478] {
        ada.ask(channel_bind(0x4000, &format!("{relay}:{port}"))).expect(error(403));
    }
}

#[test]
fn nothing_else_on_our_addresses_reaches_a_client() {
    let (world, ada, bea) = two_clients(2);
    let relayed = ada.relayed();
    ada.ask(create_permission(&[&RELAY_V4.to_string()])).expect(success());
    // A name server of this host, which somebody asked in the name of the relayed address.
    let program = world.peer(&SocketAddr::new(RELAY_V4, 53).to_string());
    program.send(relayed, b"by another program");
    program.send_train(relayed, b"by another program", 6);
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::PeerForbidden), 4);
    bea.send_to_address(relayed, b"no permission for ada there");
    bea.ask(create_permission(&[&RELAY_V4.to_string()])).expect(success());
    bea.send_to_address(relayed, b"in memory");
    ada.expect_data(bea.relayed(), b"in memory");
    // A port that was an allocation's is nobody's.
    let former = bea.relayed();
    bea.ask(refresh(0)).expect(success());
    world.peer(&former.to_string()).send(relayed, b"by another program");
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::PeerForbidden), 5);
}

#[test]
fn a_relay_address_that_is_allowed_has_both_in_memory_and_outside_peers() {
    // One machine for everything: the relay address is loopback, and a peer listens there too.
    let allow = ["9.9.9.9"].map(|range| range.parse().unwrap()).to_vec();
    let defaults = settings();
    let peers = PeerPolicy { allow, ..(*defaults.peers).clone() };
    let world = World::with(Settings { peers: peers.into(), ..defaults });
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("9.9.9.9:3480"));
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    ada.send_on(0x4000, b"outside");
    bob.expect(relayed, b"outside");
    bob.send(relayed, b"and back");
    ada.expect_channel_data(0x4000, b"and back");
    ada.ask(channel_bind(0x4001, &relayed.to_string())).expect(success());
    ada.send_on(0x4001, b"in memory");
    ada.expect_channel_data(0x4001, b"in memory");
}
