//! What was not given back, and limits that did not limit, or limited the wrong ones.

use kopru_sim::{QUOTA, TurnClient, World, allocate, binding, error, refresh, settings, success};
use kopru_turn::{DropReason, Limits, PerSecond, ReplyLimit, Settings};

fn full(world: &World, from_port: u16) -> Vec<TurnClient> {
    let ports = from_port..from_port + QUOTA as u16;
    let clients: Vec<_> = ports.map(|port| world.client(&format!("7.7.7.7:{port}"))).collect();
    clients.iter().for_each(|client| _ = client.allocate());
    world.client("7.7.7.7:9").ask(allocate()).expect(error(486));
    clients
}

#[test]
fn coturn_243_and_786_and_webrtc_rs_232_and_894_every_end_gives_quota_and_port_back() {
    let world = World::start();
    for client in full(&world, 1000) {
        client.ask(refresh(0)).expect(success());
    }
    assert_eq!(world.open_ports(), 0);
    full(&world, 2000);
    world.advance_s(600);
    assert_eq!(world.open_ports(), 0, "clients that never say goodbye leave nothing either");
    full(&world, 3000);
    world.revoke("ada");
    assert_eq!((world.open_ports(), world.next_timeout()), (0, None));
}

#[test]
fn coturn_243_the_quota_of_a_user_is_not_that_of_all() {
    let world = World::start();
    full(&world, 1000);
    world.client("7.7.7.7:2000").as_user("bob", "ross").allocate();
}

#[test]
fn firezone_12310_a_client_whose_nat_changed_its_port_gets_another_allocation() {
    let world = World::start();
    let before = world.client("7.7.7.7:1000");
    let orphan = before.allocate();
    world.advance_s(300);
    let after = world.client("7.7.7.7:61000");
    assert_ne!(after.allocate(), orphan);
    // The orphan takes nothing but its time: then its port and its place are there again.
    assert_eq!(world.open_ports(), 2);
    world.advance_s(300);
    assert_eq!(world.open_ports(), 1);
    after.ask(refresh(0)).expect(success());
    full(&world, 2000);
}

#[test]
fn stuntman_a_flood_locks_out_nobody_who_has_a_nonce_and_resets_nothing() {
    let replies = ReplyLimit { packets: PerSecond(20), bytes: PerSecond(0) };
    let limits = Limits { replies, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    let (ada, eve) = (world.client("7.7.7.7:1000"), world.client("7.7.7.9:1000"));
    ada.ask(allocate().without_credentials()).expect(error(401));
    // The office of the client is spoofed, and then as many others as any table could hold.
    (0..100).for_each(|_| eve.send(&binding()));
    eve.forget_arrived();
    for other in 0..20_000_u32 {
        let [_, _, a, b] = other.to_be_bytes();
        world.stranger(&format!("100.{a}.{b}.1:1")).send(&binding());
    }
    eve.send(&binding());
    eve.expect_nothing();
    ada.ask(allocate()).expect(success());
    let dropped = world.dropped(DropReason::ReplyBudget);
    assert!((82..1000).contains(&dropped), "{dropped}: those who share a place are few");
    world.advance_s(1);
    eve.ask(binding()).expect(success());
}
