//! RFC 6062 §5.5: Data Connection Maintenance

use std::time::Duration;

use kopru_sim::{World, connect, connection_bind, refresh, success};
use kopru_turn::{Direction, EndReason, Event, PeerConnectionEnd, Traffic};

use crate::{over_tcp, world};

/// A client with one connection that is being made, one that is pending, and one that is bound.
fn busy(world: &World) -> kopru_sim::TurnClient {
    let ada = over_tcp(world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    over_tcp(world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
    ada.connect(&world.peer("8.8.8.8:81"));
    ada.send(&connect("8.8.8.8:82"));
    assert_eq!(world.wires(), 3);
    ada
}

fn expect_all_closed(world: &World, reason: EndReason) {
    assert_eq!((world.wires(), world.open_ports()), (0, 0));
    assert_eq!(world.wires_ended(PeerConnectionEnd::AllocationEnded), 3);
    assert_eq!(world.next_timeout(), None);
    let last = std::iter::from_fn(|| world.event()).last();
    let Some(Event::Ended(record)) = last else { panic!("{last:?}") };
    assert_eq!(record.reason, reason);
}

#[test]
fn a_refresh_of_zero_closes_everything() {
    let world = world();
    busy(&world).send(&refresh(0));
    expect_all_closed(&world, EndReason::Deleted);
}

#[test]
fn expiry_closes_everything() {
    // "If the allocation associated with a data connection expires, the data connection MUST be
    // closed."
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
    world.advance_s(500);
    ada.ask(refresh(600)).expect(success());
    world.advance_s(599);
    assert_eq!(world.wires(), 1, "as long as the allocation is refreshed");
    ada.connect(&world.peer("8.8.8.8:81"));
    ada.send(&connect("8.8.8.8:82"));
    world.advance_s(1);
    expect_all_closed(&world, EndReason::Expired);
}

#[test]
fn the_end_of_the_control_connection_closes_everything() {
    let world = world();
    let ada = busy(&world);
    world.disconnect(&ada.five_tuple());
    expect_all_closed(&world, EndReason::Disconnected);
    ada.expect_nothing();
}

#[test]
fn a_credential_that_is_taken_back_closes_everything() {
    let world = world();
    busy(&world);
    world.revoke("ada");
    expect_all_closed(&world, EndReason::Revoked);
}

#[test]
fn a_server_that_stops_closes_everything() {
    let world = world();
    busy(&world);
    world.shut_down();
    expect_all_closed(&world, EndReason::Shutdown);
}

#[test]
fn others_stay_connected() {
    let world = world();
    let bea = over_tcp(&world, "7.7.7.8:1000").as_user("bob", "ross");
    bea.allocate_tcp();
    bea.connect(&world.peer("8.8.8.8:80"));
    busy_and_gone(&world);
    assert_eq!((world.wires(), world.open_ports()), (1, 1));
}

fn busy_and_gone(world: &World) {
    let ada = over_tcp(world, "7.7.7.7:1000");
    ada.allocate_tcp();
    ada.connect(&world.peer("8.8.8.8:80"));
    ada.ask(refresh(0)).expect(success());
}

#[test]
fn a_connection_that_ends_at_one_side_ends() {
    // "When a peer data connection is closed, the server MUST close the corresponding client data
    // connection", and the other way round.
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    let id = ada.connect(&bob);
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
    bob.hang_up(relayed);
    assert_eq!((world.wires(), world.wires_ended(PeerConnectionEnd::Closed)), (0, 1));
    assert_eq!(world.open_ports(), 1, "the allocation lives on");
}

#[test]
fn what_is_carried_is_counted_for_the_allocation() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    let id = ada.connect(&bob);
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
    for len in [1, 16_384] {
        assert_eq!(world.piece_wait(relayed, &bob, Direction::ToPeer), Duration::ZERO);
        world.carry(relayed, &bob, Direction::ToPeer, len);
    }
    world.carry(relayed, &bob, Direction::ToClient, 100);
    let counters = world.counters();
    assert_eq!(counters.to_peers, Traffic { packets: 2, bytes: 16_385 });
    assert_eq!(counters.to_clients, Traffic { packets: 1, bytes: 100 });
    ada.ask(refresh(0)).expect(success());
    let last = std::iter::from_fn(|| world.event()).last();
    let Some(Event::Ended(record)) = last else { panic!("{last:?}") };
    assert_eq!((record.to_peers, record.to_client), (counters.to_peers, counters.to_clients));
    assert_eq!(record.peers, 1, "who was connected to without a permission");
}
