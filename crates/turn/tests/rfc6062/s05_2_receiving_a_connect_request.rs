//! RFC 6062 §5.2: Receiving a Connect Request

use kopru_sim::{Raw, Wire, connect, error, refresh, request, success};
use kopru_stun::Method;
use kopru_stun::attribute::{AttributeType, ConnectionId};
use kopru_turn::relay_sockets::ConnectRefusal;
use kopru_turn::{PeerConnectionEnd, RequestMethod};

use crate::{over_tcp, world};

#[test]
fn a_peer_that_answers_is_connected() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80").with_fingerprint());
    ada.expect_nothing();
    assert_eq!(world.wire(relayed, bob.address()), Some(Wire::Connecting));
    bob.answer(relayed);
    let reply = ada.expect_response(Method::CONNECT).expect(success());
    let expected = [
        AttributeType::CONNECTION_ID,
        AttributeType::MESSAGE_INTEGRITY,
        AttributeType::FINGERPRINT,
    ];
    assert_eq!(reply.attributes(), expected);
    assert_eq!(reply.message().verify_fingerprint(), Some(true));
    assert_eq!(world.wire(relayed, bob.address()), Some(Wire::Open));
    assert_eq!(world.replied(RequestMethod::Connect, 0), 1);
}

#[test]
fn every_peer_connection_has_an_id_of_its_own() {
    // "The attribute's value MUST uniquely identify the peer data connection."
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let peers: Vec<_> = (0..10).map(|port| world.peer(&format!("8.8.8.8:{}", 80 + port))).collect();
    let mut ids: Vec<ConnectionId> = peers.iter().map(|peer| ada.connect(peer)).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

#[test]
fn requests_at_the_same_time_are_answered_each_in_its_time() {
    // 4.3: "multiple Connect requests MAY be sent simultaneously"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let (bob, cyd) = (world.peer("8.8.8.8:80"), world.peer("8.8.4.4:80"));
    let relayed = ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80").transaction([1; 12]));
    ada.send(&connect("8.8.4.4:80").transaction([2; 12]));
    cyd.answer(relayed);
    let reply = ada.expect_response(Method::CONNECT).expect(success());
    assert_eq!(reply.message().transaction_id().0, [2; 12]);
    bob.refuse_connection(relayed);
    let reply = ada.expect_response(Method::CONNECT).expect(error(447));
    assert_eq!(reply.message().transaction_id().0, [1; 12]);
}

#[test]
fn without_an_allocation_there_is_nothing_to_connect_from() {
    // "for which no allocation exists … 437"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.ask(connect("8.8.8.8:80")).expect(error(437));
    ada.allocate();
    // One for UDP is none for this.
    ada.ask(connect("8.8.8.8:80")).expect(error(437));
    assert_eq!(world.wires(), 0);
}

#[test]
fn an_address_that_is_missing_or_malformed_is_a_bad_request() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    ada.ask(request(Method::CONNECT)).expect(error(400));
    ada.ask(request(Method::CONNECT).with(Raw::<0x0012>(vec![0, 1, 0]))).expect(error(400));
    assert_eq!(world.wires(), 0);
}

#[test]
fn a_peer_of_another_family_is_out_of_reach() {
    let ada = over_tcp(&world(), "7.7.7.7:1000");
    ada.allocate_tcp();
    ada.ask(connect("[2a00::1]:80")).expect(error(443));
}

#[test]
fn one_connection_to_a_peer_at_a_time() {
    // "currently processing a Connect request … with the same XOR-PEER-ADDRESS", "either pending or
    // active": 446
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80"));
    ada.ask(connect("8.8.8.8:80")).expect(error(446));
    bob.answer(relayed);
    let id = ada.expect_response(Method::CONNECT).expect(success()).get();
    ada.ask(connect("8.8.8.8:80")).expect(error(446));
    over_tcp(&world, "7.7.7.7:1001").ask(kopru_sim::connection_bind(id)).expect(success());
    ada.ask(connect("8.8.8.8:80")).expect(error(446));
    // Another port is another peer, and so is the same peer for another allocation.
    ada.connect(&world.peer("8.8.8.8:81"));
    let bea = over_tcp(&world, "7.7.7.8:1000");
    bea.allocate_tcp();
    bea.connect(&bob);
    // When it is over there may be another.
    bob.hang_up(relayed);
    ada.connect(&bob);
}

#[test]
fn a_peer_that_is_out_of_reach_for_datagrams_is_for_connections() {
    // "forbidden by local policy … 403"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let relayed = ada.allocate_tcp();
    for peer in [
        "127.0.0.1:80",
        "10.0.0.1:80",
        "169.254.169.254:80",
        "0.0.0.0:80",
        "9.9.9.9:22",
        "9.9.9.9:3478",
        "8.8.8.8:0",
        "[::ffff:127.0.0.1]:80",
        "[::1]:80",
        "[64:ff9b::7f00:1]:80",
    ] {
        ada.ask(connect(peer)).expect(error(403));
    }
    ada.ask(connect(&relayed.to_string())).expect(error(403));
    assert_eq!(world.wires(), 0);
}

#[test]
fn the_relayed_address_of_another_client_is_a_peer_like_others() {
    let world = world();
    let (ada, bea) = (over_tcp(&world, "7.7.7.7:1000"), over_tcp(&world, "7.7.7.8:1000"));
    let (at_ada, at_bea) = (ada.allocate_tcp(), bea.allocate_tcp());
    ada.send(&connect(&at_bea.to_string()));
    assert_eq!(world.wire(at_ada, at_bea), Some(Wire::Connecting));
    // One that relays UDP has no listener.
    let cyd = world.client("7.7.7.9:1000").as_user("bob", "ross");
    let at_cyd = cyd.allocate();
    ada.ask(connect(&at_cyd.to_string())).expect(error(403));
}

#[test]
fn a_peer_that_does_not_answer_in_time_is_a_failure() {
    // "If the connection attempt fails or times out … 447 … The timeout value MUST be at least 30
    // seconds."
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80"));
    world.advance_s(29);
    ada.expect_nothing();
    world.advance_s(1);
    ada.expect_response(Method::CONNECT).expect(error(447));
    assert_eq!(world.wire(relayed, bob.address()), None);
    assert_eq!(world.wires_ended(PeerConnectionEnd::ConnectTimeout), 1);
    world.advance_s(60);
    ada.expect_nothing();
    ada.connect(&bob);
}

#[test]
fn a_peer_that_refuses_or_can_t_be_reached_is_a_failure() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80"));
    bob.refuse_connection(relayed);
    ada.expect_response(Method::CONNECT).expect(error(447));
    assert_eq!(world.wires_ended(PeerConnectionEnd::ConnectFailed), 1);
    world.refuse_connections(Some(ConnectRefusal::Failed));
    ada.ask(connect("8.8.8.8:80")).expect(error(447));
    world.refuse_connections(Some(ConnectRefusal::Capacity));
    ada.ask(connect("8.8.8.8:80")).expect(error(508));
    world.refuse_connections(None);
    ada.connect(&bob);
}

#[test]
fn who_does_not_come_for_a_connection_loses_it() {
    // "If no ConnectionBind request … is received after 30 seconds, the peer data connection MUST
    // be closed."
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80"));
    world.advance_s(20);
    bob.answer(relayed);
    let id = ada.expect_response(Method::CONNECT).expect(success()).get();
    world.advance_s(29);
    assert_eq!(world.wire(relayed, bob.address()), Some(Wire::Open));
    world.advance_s(1);
    assert_eq!(world.wire(relayed, bob.address()), None);
    assert_eq!(world.wires_ended(PeerConnectionEnd::Unbound), 1);
    over_tcp(&world, "7.7.7.7:1001").ask(kopru_sim::connection_bind(id)).expect(error(400));
    ada.expect_nothing();
}

#[test]
fn somebody_else_connects_nothing() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    ada.ask(connect("8.8.8.8:80").without_credentials()).expect(error(401));
    ada.become_user("bob", "ross");
    ada.ask(connect("8.8.8.8:80")).expect(error(441));
    assert_eq!(world.wires(), 0);
}

#[test]
fn an_allocation_that_ends_answers_what_it_was_asked() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    ada.send(&connect("8.8.8.8:80"));
    ada.send(&refresh(0));
    ada.expect_response(Method::REFRESH).expect(success());
    ada.expect_response(Method::CONNECT).expect(error(447));
    assert_eq!(world.wires(), 0);
}
