//! RFC 8656 §10.2: Receiving a CreatePermission Request

use kopru_sim::{Raw, World, allocate, channel_bind, create_permission, error, request, success};
use kopru_stun::Method;
use kopru_stun::attribute::{AttributeType, RequestedAddressFamily};

#[test]
fn several_permissions_in_one_request() {
    // 10.2: "MUST contain at least one XOR-PEER-ADDRESS attribute and MAY contain multiple"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let (bob, cyd) = (world.peer("8.8.8.8:2000"), world.peer("8.8.4.4:2000"));
    let relayed = ada.allocate();
    let reply =
        ada.ask(create_permission(&["8.8.8.8", "8.8.4.4:9", "8.8.8.8:1"])).expect(success());
    assert_eq!(reply.attributes(), [AttributeType::MESSAGE_INTEGRITY]);
    for peer in [&bob, &cyd] {
        ada.send_to(peer, b"x");
        peer.expect(relayed, b"x");
    }
}

#[test]
fn no_address_or_a_malformed_one_is_a_bad_request() {
    // 10.2: "If no such attribute exists, or if any of these attributes are invalid, then a 400"
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(request(Method::CREATE_PERMISSION)).expect(error(400));
    ada.ask(create_permission(&["8.8.8.8"]).with(Raw::<0x0012>(vec![0, 1, 0]))).expect(error(400));
    ada.ask(create_permission(&["8.8.8.8"]).with(Raw::<0x0012>(vec![0; 8]))).expect(error(400));
}

#[test]
fn another_family_is_a_mismatch() {
    // 10.2: "not the same as that of a relayed transport address for the allocation … 443"
    let world = World::start();
    let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("[2a00::7]:1001"));
    ada.allocate();
    ada.ask(create_permission(&["2a00::1"])).expect(error(443));
    bea.ask(allocate().with(RequestedAddressFamily::IPV6)).expect(success());
    bea.ask(create_permission(&["8.8.8.8"])).expect(error(443));
    bea.ask(create_permission(&["2a00::1"])).expect(success());
}

#[test]
fn a_peer_out_of_reach_is_forbidden() {
    // 10.2: "The server MAY impose restrictions on the IP address allowed … 403"
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    for peer in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255"] {
        ada.ask(create_permission(&[peer])).expect(error(403));
    }
}

#[test]
fn all_permissions_are_installed_or_none() {
    // 10.2: "If the message is valid and the server is capable of carrying out the request, then …"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.allocate();
    for (poison, code) in [("10.0.0.1", 403), ("2a00::1", 443)] {
        ada.ask(create_permission(&["8.8.8.8", poison])).expect(error(code));
        ada.ask(create_permission(&[poison, "8.8.8.8"])).expect(error(code));
        ada.send_to(&bob, b"x");
        bob.expect_nothing();
    }
}

#[test]
fn a_retransmission_refreshes() {
    // 10.2 NOTE: "Retransmitted CreatePermission requests will simply refresh the permissions."
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    let bytes = ada.write(&create_permission(&["8.8.8.8"]));
    ada.ask_bytes(&bytes).expect(success());
    ada.ask_bytes(&bytes).expect(success());
}

#[test]
fn without_room_to_receive_no_permission_is_installed() {
    // 10.2: "due to some capacity limit being reached … 508 (Insufficient Capacity)"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    world.limit_ports(0);
    ada.ask(create_permission(&["8.8.8.8"])).expect(error(508));
    ada.ask(channel_bind(0x4000, "8.8.8.8:2000")).expect(error(508));
    ada.send_to(&bob, b"x");
    bob.expect_nothing();
    world.limit_ports(1);
    ada.ask(create_permission(&["8.8.8.8"])).expect(success());
    world.limit_ports(0);
    ada.ask(create_permission(&["8.8.8.8"])).expect(success());
    ada.send_to(&bob, b"x");
    bob.expect(relayed, b"x");
}
