//! One structured record for each allocation that ended.

use std::time::Duration;

use kopru_sim::{SECRET, World, allocate, error, refresh, settings, success};
use kopru_stun::attribute::{
    AdditionalAddressFamily, EvenPort, RequestedAddressFamily, ReservationToken,
};
use kopru_stun::credentials::{Secret, mint};
use kopru_turn::{EndReason, Ended, Event, Settings, Traffic};

/// The record of the allocation that ended, after any other events.
fn record(world: &World) -> Ended {
    let mut events = std::iter::from_fn(|| world.event());
    let ended = events.find_map(|event| match event {
        Event::Ended(ended) => Some(*ended),
        _ => None,
    });
    ended.expect("an allocation ended")
}

#[test]
fn an_allocation_s_life_in_events() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    let Some(Event::Created { five_tuple, relayed: told, username, lifetime }) = world.event()
    else {
        panic!("created first");
    };
    assert_eq!((five_tuple.client.0, told.0), (ada.address(), relayed));
    assert_eq!((&*username, lifetime), ("ada", Duration::from_secs(600)));

    ada.ask(refresh(900)).expect(success());
    let lifetime = Duration::from_secs(900);
    assert_eq!(world.event(), Some(Event::Refreshed { five_tuple, relayed: told, lifetime }));

    ada.permit(&bob);
    ada.bind(0x4000, &bob);
    ada.permit(&world.peer("8.8.4.4:1"));
    ada.send_to(&bob, b"12345");
    ada.send_on(0x4000, b"123");
    bob.send(relayed, b"12345678901");
    ada.expect_channel_data(0x4000, b"12345678901");
    bob.send("9.9.9.9:50001".parse().unwrap(), b"to nobody");
    world.advance_s(100);
    assert_eq!(world.event(), None);
    ada.ask(refresh(0)).expect(success());
    let ended = record(&world);
    assert_eq!((ended.five_tuple, ended.relayed.0), (five_tuple, relayed));
    assert_eq!((&*ended.username, ended.reason), ("ada", EndReason::Deleted));
    assert_eq!((ended.age, ended.peers), (Duration::from_secs(100), 2));
    assert_eq!(ended.to_peers, Traffic { packets: 2, bytes: 8 });
    assert_eq!(ended.to_client, Traffic { packets: 1, bytes: 11 });
    assert_eq!((world.event(), world.counters().to_peers.bytes), (None, 8));
}

#[test]
fn an_allocation_ends_with_the_connection_of_its_client() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    let Some(Event::Created { five_tuple, .. }) = world.event() else { panic!("created") };
    ada.permit(&bob);
    world.advance_s(100);
    assert_eq!(world.time_to_expiry(&five_tuple), Some(Duration::from_secs(500)));
    world.disconnect(&five_tuple);
    let ended = record(&world);
    assert_eq!((ended.relayed.0, ended.reason), (relayed, EndReason::Disconnected));
    assert_eq!((world.open_ports(), world.counters().allocations), (0, 0));
    assert_eq!((world.time_to_expiry(&five_tuple), world.next_timeout()), (None, None));
    world.disconnect(&five_tuple);
    assert_eq!(world.event(), None, "once");
    bob.send(relayed, b"too late");
    ada.expect_nothing();
    ada.allocate();
}

#[test]
fn every_way_to_end_has_its_reason() {
    let max_session = Duration::from_secs(700);
    let world = World::with(Settings { max_session, ..settings() });
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    world.advance_s(600);
    assert_eq!(record(&world).reason, EndReason::Expired);
    ada.allocate();
    world.advance_s(300);
    ada.ask(refresh(600)).expect(success());
    world.advance_s(400);
    assert_eq!(record(&world).reason, EndReason::MaxSession);
    ada.allocate();
    world.advance_without_timers(Duration::from_secs(601));
    ada.ask(refresh(600)).expect(error(437));
    assert_eq!(record(&world).reason, EndReason::Expired);
    ada.allocate();
    world.revoke("ada");
    assert_eq!(record(&world).reason, EndReason::Revoked);
    let bob = world.client("7.7.7.7:1000").as_user("bob", "ross");
    bob.allocate();
    world.shut_down();
    assert_eq!(record(&world).reason, EndReason::Shutdown);
}

#[test]
fn who_is_revoked_opens_nothing_and_nobody_else_is_concerned() {
    let world = World::with_workers(settings(), 2);
    let secret = Secret::new(SECRET);
    let client = |port: u16, id: &str| {
        let minted = mint(&secret, world.now(), Duration::from_secs(600), id);
        let client = world.client(&format!("7.7.7.7:{port}"));
        client.as_user(&minted.username, &minted.password)
    };
    let bob = world.peer("8.8.8.8:2000");
    let lives = [client(1000, "eve"), client(1001, "eve"), client(1002, "eve.2")];
    for client in &lives {
        client.allocate();
        client.bind(0x4000, &bob);
    }
    world.revoke("eve");
    assert_eq!(world.open_ports(), 1);
    lives[0].send_on(0x4000, b"still here?");
    bob.expect_nothing();
    lives[0].ask(refresh(600)).expect(error(437));
    lives[1].ask(allocate()).expect(error(403));
    lives[2].ask(refresh(600)).expect(success());
}

#[test]
fn who_is_revoked_keeps_neither_half_nor_reservation() {
    let world = World::start();
    let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    ada.ask(allocate().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6)));
    let reply = bea.ask(allocate().with(EvenPort { reserve_next: true })).expect(success());
    let token: ReservationToken = reply.get();
    assert_eq!(world.open_ports(), 3);
    world.revoke("ada");
    assert_eq!(world.open_ports(), 0);
    bea.ask(allocate().with(token)).expect(error(403));
    let both = allocate().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6));
    ada.ask(both).expect(error(403));
    world.advance_s(30);
    assert_eq!(world.next_timeout(), None);
}

#[test]
fn a_crowd_is_ended_in_portions_and_none_is_forgotten() {
    let world = World::start();
    for number in 0..600_u16 {
        let name = format!("1900000000:{number}");
        let password = Secret::new(SECRET).password(&name);
        let client = world.client(&format!("7.7.{}.7:{}", number / 5, 1000 + number));
        client.as_user(&name, &password).allocate();
    }
    world.shut_down();
    assert_eq!((world.open_ports(), world.next_timeout()), (0, None));
    assert_eq!((0..600).filter(|_| record(&world).reason == EndReason::Shutdown).count(), 600);
}
