//! RFC 6062 §5.3: Receiving a TCP Connection on a Relayed Transport Address

use kopru_sim::{Wire, connect, connection_bind, error, success};
use kopru_stun::attribute::AttributeType;
use kopru_turn::PeerConnectionEnd;
use kopru_turn::relay_sockets::ConnectRefusal;

use crate::{over_tcp, world};

#[test]
fn a_peer_with_a_permission_is_announced() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate_tcp();
    ada.permit(&bob);
    bob.connect(relayed);
    let indication = ada.expect_message();
    let expected = [AttributeType::CONNECTION_ID, AttributeType::XOR_PEER_ADDRESS];
    assert_eq!(indication.attributes(), expected);
    assert_eq!(world.wire(relayed, bob.address()), Some(Wire::Open));
    ada.expect_nothing();
}

#[test]
fn a_peer_without_is_closed_at_once() {
    // "the server MUST close the connection with the peer immediately after it has been accepted"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let (bob, eve) = (world.peer("8.8.8.8:2000"), world.peer("8.8.4.4:2000"));
    let relayed = ada.allocate_tcp();
    bob.connect(relayed);
    ada.permit(&bob);
    eve.connect(relayed);
    ada.expect_nothing();
    assert_eq!(world.wires(), 0);
    assert_eq!(world.wires_ended(PeerConnectionEnd::NoPermission), 2);
    // A permission has no port, and an end.
    world.peer("8.8.8.8:2001").connect(relayed);
    assert_eq!(world.wires(), 1);
    world.advance_s(300);
    bob.connect(relayed);
    assert_eq!(world.wires_ended(PeerConnectionEnd::NoPermission), 3);
}

#[test]
fn who_connects_is_no_less_subject_to_the_policy() {
    // A permission for a relay address of this server is always granted, so that two clients can be
    // each other's peers. Other programs on this host can't.
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let relayed = ada.allocate_tcp();
    ada.ask(kopru_sim::create_permission(&["9.9.9.9"])).expect(success());
    for program in ["9.9.9.9:22", "9.9.9.9:3478"] {
        world.peer(program).connect(relayed);
        ada.expect_nothing();
    }
    assert_eq!(world.wires_ended(PeerConnectionEnd::PeerForbidden), 2);
    let bea = over_tcp(&world, "7.7.7.8:1000");
    let at_bea = world.peer(&bea.allocate_tcp().to_string());
    at_bea.connect(relayed);
    ada.expect_attempt(&at_bea);
}

#[test]
fn who_does_not_come_for_it_loses_it() {
    // "If no ConnectionBind request … is received after 30 seconds"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate_tcp();
    ada.permit(&bob);
    bob.connect(relayed);
    let id = ada.expect_attempt(&bob);
    world.advance_s(29);
    assert_eq!(world.wires(), 1);
    world.advance_s(1);
    assert_eq!((world.wires(), world.wires_ended(PeerConnectionEnd::Unbound)), (0, 1));
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(error(400));
}

#[test]
fn who_has_connected_is_connected() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate_tcp();
    ada.permit(&bob);
    bob.connect(relayed);
    ada.expect_attempt(&bob);
    ada.ask(connect("8.8.8.8:2000")).expect(error(446));
}

#[test]
fn a_peer_that_nobody_has_a_descriptor_for_is_closed() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate_tcp();
    ada.permit(&bob);
    world.refuse_connections(Some(ConnectRefusal::Capacity));
    bob.connect(relayed);
    ada.expect_nothing();
    assert_eq!(world.wires_ended(PeerConnectionEnd::Capacity), 1);
}

#[test]
fn an_allocation_that_has_expired_accepts_nobody() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate_tcp();
    world.advance_s(400);
    ada.permit(&bob);
    world.advance_without_timers(std::time::Duration::from_secs(200));
    bob.connect(relayed);
    ada.expect_nothing();
    assert_eq!(world.wires_ended(PeerConnectionEnd::AllocationEnded), 1);
}
