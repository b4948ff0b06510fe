//! RFC 6062 §5.4: Receiving a ConnectionBind Request

use kopru_sim::{Dialect, Raw, SECRET, Wire, connection_bind, error, request, success};
use kopru_stun::Method;
use kopru_stun::attribute::{AttributeType, ConnectionId};
use kopru_stun::credentials::Secret;
use kopru_turn::five_tuple::Transport;
use kopru_turn::{DropReason, RequestMethod};

use crate::{over_tcp, world};

#[test]
fn the_connection_of_the_request_is_bound_to_the_peer_s() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let (bob, cyd) = (world.peer("8.8.8.8:80"), world.peer("8.8.4.4:2000"));
    let relayed = ada.allocate_tcp();
    let id = ada.connect(&bob);
    let data = over_tcp(&world, "7.7.7.7:1001");
    let reply = data.ask(connection_bind(id)).expect(success());
    assert_eq!(reply.attributes(), [AttributeType::MESSAGE_INTEGRITY]);
    assert_eq!(world.wire(relayed, bob.address()), Some(Wire::Spliced(data.five_tuple())));
    // The same for a peer that has connected, and over TLS.
    ada.permit(&cyd);
    cyd.connect(relayed);
    let id = ada.expect_attempt(&cyd);
    let data = world.client("7.7.7.7:1002").over(Transport::Tls);
    data.ask(connection_bind(id)).expect(success());
    assert_eq!(world.wire(relayed, cyd.address()), Some(Wire::Spliced(data.five_tuple())));
    world.advance_s(100);
    assert_eq!(world.wires(), 2, "bound, it waits for nobody any more");
    assert_eq!(world.replied(RequestMethod::ConnectionBind, 0), 2);
}

#[test]
fn over_udp_nothing_is_bound() {
    // "If the client connection transport is not TCP or TLS … 400"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    world.client("7.7.7.7:1001").ask(connection_bind(id)).expect(error(400));
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
}

#[test]
fn an_id_that_is_missing_or_names_nothing_is_a_bad_request() {
    // "does not contain the CONNECTION-ID attribute, or if this attribute does not refer to an
    // existing pending connection … 400"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    let ConnectionId(id) = ada.connect(&bob);
    let data = over_tcp(&world, "7.7.7.7:1001");
    data.ask(request(Method::CONNECTION_BIND)).expect(error(400));
    for wrong in [0, id ^ 1, id + 1, u32::MAX] {
        data.ask(connection_bind(ConnectionId(wrong))).expect(error(400));
    }
    let short = request(Method::CONNECTION_BIND).with(Raw::<0x002a>(vec![1, 2]));
    data.ask(short).expect(error(400));
    assert_eq!(world.wire(relayed, bob.address()), Some(Wire::Open));
}

#[test]
fn an_id_is_good_for_one_request() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
    over_tcp(&world, "7.7.7.7:1002").ask(connection_bind(id)).expect(error(400));
}

#[test]
fn a_connection_that_is_not_there_yet_is_not_pending() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    ada.send(&kopru_sim::connect("8.8.8.8:80"));
    let id = world.wire_id(relayed, bob.address()).expect("it is being made");
    let data = over_tcp(&world, "7.7.7.7:1001");
    data.ask(connection_bind(id)).expect(error(400));
    bob.answer(relayed);
    data.ask(connection_bind(id)).expect(success());
}

#[test]
fn the_control_connection_is_bound_to_nothing() {
    // 4.3: "This connection MUST be made using a different local transport address."
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    ada.ask(connection_bind(id)).expect(error(400));
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
}

#[test]
fn it_takes_the_credentials_of_the_control_connection() {
    // 4.3: "MUST use the same method and credentials as for the control connection"
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    let data = over_tcp(&world, "7.7.7.7:1001");
    data.ask(connection_bind(id).without_credentials()).expect(error(401));
    data.become_user("bob", "ross");
    data.ask(connection_bind(id)).expect(error(441));
    data.become_user("ada", "guessed");
    data.ask(connection_bind(id)).expect(error(401));
    data.become_user("ada", "lovelace");
    data.ask(connection_bind(id)).expect(success());
}

#[test]
fn a_credential_that_has_expired_since_is_that_of_the_allocation() {
    let world = world();
    let username = format!("{}:ada", world.now().unix + 100);
    let password = Secret::new(SECRET).password(&username);
    let ada = over_tcp(&world, "7.7.7.7:1000").as_user(&username, &password);
    ada.allocate_tcp();
    world.advance_s(200);
    for (port, dialect) in [(1001, Dialect::Rfc5389), (1002, Dialect::Rfc8489)] {
        let id = ada.connect(&world.peer(&format!("8.8.8.8:{port}")));
        let data = over_tcp(&world, &format!("7.7.7.7:{port}")).as_user(&username, &password);
        let bound = data.speaking(dialect).ask(connection_bind(id)).outcome();
        // The key is one of the algorithm that the allocation was made with.
        let same = dialect == Dialect::Rfc5389;
        assert_eq!(bound, if same { success() } else { error(401) });
    }
}

#[test]
fn a_connection_that_has_ended_can_t_be_bound() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let bob = world.peer("8.8.8.8:80");
    let relayed = ada.allocate_tcp();
    let id = ada.connect(&bob);
    bob.hang_up(relayed);
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(error(400));
}

#[test]
fn an_allocation_that_has_expired_binds_nothing() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    ada.allocate_tcp();
    world.advance_s(590);
    let id = ada.connect(&world.peer("8.8.8.8:80"));
    world.advance_without_timers(std::time::Duration::from_secs(10));
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(error(400));
}

#[test]
fn as_an_indication_it_is_discarded() {
    let world = world();
    let ada = over_tcp(&world, "7.7.7.7:1000");
    for method in [Method::CONNECT, Method::CONNECTION_BIND, Method::CONNECTION_ATTEMPT] {
        ada.send(&request(method).as_indication());
        ada.expect_nothing();
    }
    assert_eq!(world.dropped(DropReason::UnexpectedClass), 3);
    ada.send(&request(Method::CONNECTION_ATTEMPT));
    assert_eq!(world.dropped(DropReason::UnknownMethod), 1);
}
