//! Each limit of `limits.rs`, reached and just below. Those of Allocate are in §7.2.

use std::time::Duration;

use kopru_sim::{World, channel_bind, create_permission, error, settings, success};
use kopru_turn::{Limits, Settings};

fn limited(limits: Limits) -> World {
    World::with(Settings { limits, ..settings() })
}

#[test]
fn permissions_of_one_allocation() {
    let world = limited(Limits { permissions: 3, ..Limits::default() });
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let all = create_permission(&["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.1", "8.8.8.2"]);
    ada.ask(all).expect(success());
    ada.ask(create_permission(&["8.8.8.4"])).expect(error(508));
    ada.ask(channel_bind(0x4000, "8.8.8.4:1")).expect(error(508));
    ada.ask(create_permission(&["8.8.8.3", "8.8.8.1"])).expect(success());
    ada.ask(channel_bind(0x4000, "8.8.8.1:1")).expect(success());
    let bob = world.peer("8.8.8.4:1");
    ada.send_to(&bob, b"x");
    bob.expect_nothing();
    world.advance_s(300);
    ada.ask(create_permission(&["8.8.8.4"])).expect(success());
}

#[test]
fn more_permissions_in_one_request_than_an_allocation_may_have() {
    let world = limited(Limits { permissions: 3, ..Limits::default() });
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let many = ["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4"];
    ada.ask(create_permission(&many)).expect(error(508));
    ada.ask(create_permission(&many[1..])).expect(success());
}

#[test]
fn channels_of_one_allocation() {
    let world = limited(Limits { channels: 2, ..Limits::default() });
    let ada = world.client("7.7.7.7:1000");
    ada.ask(kopru_sim::allocate().with(kopru_stun::attribute::Lifetime { seconds: 3600 }));
    ada.ask(channel_bind(0x4000, "8.8.8.8:1")).expect(success());
    ada.ask(channel_bind(0x4001, "8.8.8.8:2")).expect(success());
    ada.ask(channel_bind(0x4002, "8.8.8.8:3")).expect(error(508));
    ada.ask(channel_bind(0x4001, "8.8.8.8:2")).expect(success());
    world.advance_s(899);
    ada.ask(channel_bind(0x4002, "8.8.8.8:3")).expect(error(508));
    world.advance_s(1);
    ada.ask(channel_bind(0x4002, "8.8.8.8:3")).expect(success());
}

#[test]
fn a_crowd_expires_in_portions() {
    let world = World::start();
    for number in 0..600_u16 {
        let client = world.client(&format!("7.7.{}.7:{}", number / 5, 1000 + number));
        client.become_user(&format!("1900000000:{number}"), &password(number));
        client.allocate();
    }
    assert_eq!(world.open_ports(), 600);
    world.advance_without_timers(Duration::from_secs(600));
    assert_eq!(world.handle_timeout_once(), 600 - 256, "packets wait for no crowd");
    world.advance_s(0);
    assert_eq!((world.open_ports(), world.next_timeout()), (0, None));
}

fn password(number: u16) -> String {
    let secret = kopru_stun::credentials::Secret::new(kopru_sim::SECRET);
    secret.password(&format!("1900000000:{number}"))
}
