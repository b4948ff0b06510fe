//! RFC 8656 §9: Permissions

use std::time::Duration;

use kopru_sim::World;
use kopru_turn::DropReason;

#[test]
fn a_permission_lasts_300_seconds() {
    // 9: "The Permission Lifetime MUST be 300 seconds (= 5 minutes)."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    world.advance(Duration::from_millis(299_999));
    bob.send(relayed, b"in time");
    ada.expect_data(bob.address(), b"in time");
    ada.send_to(&bob, b"in time");
    bob.expect(relayed, b"in time");
    world.advance(Duration::from_millis(1));
    bob.send(relayed, b"too late");
    ada.send_to(&bob, b"too late");
    ada.expect_nothing();
    bob.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoPermission), 2);
}

#[test]
fn create_permission_and_channel_bind_refresh_the_same_permission() {
    // 9: "may be initially installed … with a CreatePermission request and then later refreshed
    // with a ChannelBind request, or vice versa"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    world.advance_s(200);
    ada.bind(0x4000, &bob);
    world.advance_s(200);
    ada.permit(&bob);
    world.advance_s(199);
    bob.send(relayed, b"x");
    ada.expect_channel_data(0x4000, b"x");
}

#[test]
fn only_addresses_are_compared_and_ports_are_not() {
    // 9: "Note that only addresses are compared and port numbers are not considered."
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let (bob, other_port) = (world.peer("8.8.8.8:2000"), world.peer("8.8.8.8:2001"));
    let other_host = world.peer("8.8.8.9:2000");
    let relayed = ada.allocate();
    ada.permit(&bob);
    other_port.send(relayed, b"the same host");
    ada.expect_data(other_port.address(), b"the same host");
    ada.send_to(&other_port, b"x");
    other_port.expect(relayed, b"x");
    other_host.send(relayed, b"another host");
    ada.expect_nothing();
}

#[test]
fn permissions_of_one_allocation_mean_nothing_to_another() {
    // 9: "The permissions for one allocation are totally unrelated to the permissions for a
    // different allocation."
    let world = World::start();
    let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    let bob = world.peer("8.8.8.8:2000");
    ada.allocate();
    ada.permit(&bob);
    let relayed = bea.allocate();
    bob.send(relayed, b"x");
    bea.expect_nothing();
    bea.send_to(&bob, b"x");
    bob.expect_nothing();
}

#[test]
fn data_refreshes_no_permission() {
    // 11.2: "Note that a Send indication never causes the server to refresh the permission."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    world.advance_s(299);
    ada.send_to(&bob, b"x");
    bob.expect(relayed, b"x");
    bob.send(relayed, b"y");
    ada.expect_data(bob.address(), b"y");
    world.advance_s(1);
    ada.send_to(&bob, b"x");
    bob.expect_nothing();
}
