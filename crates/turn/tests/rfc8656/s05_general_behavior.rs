//! RFC 8656 §5: General Behavior

use kopru_sim::{World, allocate, channel_bind, create_permission, error, refresh, success};
use kopru_stun::attribute::RequestedAddressFamily;
use kopru_turn::DropReason;

#[test]
fn a_request_without_an_allocation_is_a_mismatch() {
    // 5: "if the 5-tuple does not identify an existing allocation, then the message MUST … be
    // rejected with a 437"
    let ada = World::start().client("7.7.7.7:1000");
    ada.ask(refresh(600)).expect(error(437));
    ada.ask(refresh(0)).expect(error(437));
    ada.ask(create_permission(&["8.8.8.8"])).expect(error(437));
    ada.ask(channel_bind(0x4000, "8.8.8.8:1")).expect(error(437));
}

#[test]
fn an_indication_or_channel_data_without_an_allocation_is_ignored() {
    // 5: "or be silently ignored (if it is an indication or a ChannelData message)"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.send_to(&bob, b"x");
    ada.send_on(0x4000, b"x");
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoAllocation), 2);
}

#[test]
fn an_allocation_belongs_to_its_five_tuple() {
    // 5: "the server uses the 5-tuple in the message to identify the associated allocation"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    for elsewhere in ["7.7.7.7:1001", "7.7.7.8:1000"] {
        world.client(elsewhere).ask(refresh(0)).expect(error(437));
    }
    assert_eq!(world.open_ports(), 1);
}

#[test]
fn another_user_on_the_same_five_tuple_has_wrong_credentials() {
    // 5: "All requests after the initial Allocate must use the same username … 441"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    ada.become_user("bob", "ross");
    ada.ask(refresh(0)).expect(error(441));
    ada.ask(create_permission(&["8.8.8.8"])).expect(error(441));
    ada.ask(channel_bind(0x4000, "8.8.8.8:1")).expect(error(441));
    ada.ask(allocate()).expect(error(437));
    ada.become_user("ada", "lovelace");
    ada.ask(refresh(600)).expect(success());
}

#[test]
fn responses_to_allocate_come_back_on_the_same_five_tuple_over_both_families() {
    // 5: "TURN, as defined in this specification, supports both IPv4 and IPv6."
    let world = World::start();
    for (client, family) in [
        ("7.7.7.7:1000", RequestedAddressFamily::IPV4),
        ("7.7.7.7:1001", RequestedAddressFamily::IPV6),
        ("[2a00::7]:1002", RequestedAddressFamily::IPV4),
    ] {
        let ada = world.client(client);
        let reply = ada.ask(allocate().with(family)).expect(success());
        assert_eq!(reply.mapped(), ada.address());
        assert_eq!(reply.relayed().is_ipv4(), family == RequestedAddressFamily::IPV4);
    }
}
