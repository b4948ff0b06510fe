//! RFC 8656 §19: what is told of error responses to whoever minted the user name. The codes
//! themselves are tested where their sections are.

use std::time::Duration;

use kopru_sim::{
    QUOTA, SECRET, TurnClient, World, allocate, allocate_tcp, channel_bind, connect,
    create_permission, error, refresh, request, settings, success,
};
use kopru_stun::Method;
use kopru_stun::attribute::AttributeType;
use kopru_stun::credentials::{Secret, mint};
use kopru_turn::five_tuple::{PeerAddr, Transport};
use kopru_turn::{Event, Limits, PeerPolicy, RefusalReason, Refused, Settings};

/// A client with credentials of this id, minted now for ten minutes.
fn client(world: &World, address: &str, id: &str) -> TurnClient {
    let minted = mint(&Secret::new(SECRET), world.now(), Duration::from_secs(600), id);
    world.client(address).as_user(&minted.username, &minted.password)
}

/// What was told since this was last asked.
fn told(world: &World) -> Vec<Refused> {
    let events = std::iter::from_fn(|| world.event());
    let refused = events.filter_map(|event| match event {
        Event::Refused(refused) => Some(*refused),
        _ => None,
    });
    refused.collect()
}

#[track_caller]
fn expect_told(world: &World, of: &TurnClient, method: Method, reason: RefusalReason) {
    let told = told(world);
    let [refused] = &told[..] else { panic!("one refusal: {told:?}") };
    let found = (refused.five_tuple, refused.method, refused.reason);
    assert_eq!(found, (of.five_tuple(), method, reason));
}

fn forbidden(peer: &str) -> RefusalReason {
    RefusalReason::PeerForbidden(PeerAddr(peer.parse().expect("an address and port")))
}

#[test]
fn a_wrong_password_is_told_and_the_challenge_before_it_is_not() {
    let world = World::start();
    let eve = client(&world, "7.7.7.7:1000", "eve");
    eve.ask(allocate().without_credentials()).expect(error(401));
    assert_eq!(told(&world), []);
    let username = format!("{}:eve", world.now().unix + 600);
    eve.become_user(&username, "guessed");
    eve.ask(allocate()).expect(error(401));
    let refused = told(&world);
    assert_eq!(refused[0].username[..], username);
    assert_eq!((refused.len(), refused[0].reason), (1, RefusalReason::WrongPassword));
    assert!(!refused[0].reason.is_proved(), "anybody can be refused in her name");
    // Nor does an allocation make another's guess a proof.
    eve.become_user(&username, &Secret::new(SECRET).password(&username));
    eve.allocate();
    eve.become_user(&username, "guessed");
    eve.ask(refresh(0)).expect(error(401));
    expect_told(&world, &eve, Method::REFRESH, RefusalReason::WrongPassword);
}

#[test]
fn who_has_the_right_password_is_told_how_late_he_is() {
    let world = World::start();
    let eve = client(&world, "7.7.7.7:1000", "eve");
    world.advance_s(600);
    eve.ask(allocate()).expect(error(401));
    let reason = RefusalReason::Expired { ago_s: 0 };
    expect_told(&world, &eve, Method::ALLOCATE, reason);
    assert!(reason.is_proved());
    world.advance_s(123);
    eve.ask(allocate()).expect(error(401));
    expect_told(&world, &eve, Method::ALLOCATE, RefusalReason::Expired { ago_s: 123 });
    let username = format!("{}:eve", world.now().unix - 123);
    eve.become_user(&username, "guessed");
    eve.ask(allocate()).expect(error(401));
    expect_told(&world, &eve, Method::ALLOCATE, RefusalReason::WrongPassword);
}

#[test]
fn who_may_not_receive_the_answer_is_not_told_of() {
    let world = World::start();
    let (ada, eve) = (client(&world, "7.7.7.7:1000", "ada"), world.stranger("7.7.7.8:1000"));
    ada.allocate();
    eve.become_user(&format!("{}:ada", world.now().unix + 600), "guessed");
    eve.send(&allocate().realm("example.org").nonce("obMatJos2gAAA"));
    eve.send(&allocate().realm("example.org").nonce(&ada.nonce()));
    assert_eq!((told(&world), world.counters().refusals_untold), (vec![], 0));
    let over_tcp = world.client("7.7.7.8:1001").over(Transport::Tcp);
    over_tcp.become_user(&format!("{}:ada", world.now().unix + 600), "guessed");
    over_tcp.ask(allocate()).expect(error(401));
    expect_told(&world, &over_tcp, Method::ALLOCATE, RefusalReason::WrongPassword);
}

#[test]
fn names_that_nobody_minted_are_nobody_s() {
    let world = World::start();
    let refuse = |username: &str| {
        let client = world.client("7.7.7.7:1000").as_user(username, "guessed");
        client.ask(allocate()).expect(error(401));
    };
    let expiry = world.now().unix + 600;
    ["ada", "nobody", "x:eve"].into_iter().for_each(refuse);
    [format!("{expiry}"), format!("{expiry}:")].iter().for_each(|username| refuse(username));
    let eve = client(&world, "7.7.7.7:1001", "eve");
    eve.ask(allocate().realm("elsewhere")).expect(error(401));
    assert_eq!(told(&world), []);
}

#[test]
fn what_says_nothing_about_a_credential_is_not_told() {
    let world = World::start();
    let eve = client(&world, "7.7.7.7:1000", "eve");
    eve.ask(refresh(600)).expect(error(437));
    eve.ask(request(Method::ALLOCATE)).expect(error(400));
    eve.ask(allocate_tcp()).expect(error(442));
    eve.ask(allocate().without(AttributeType::USERNAME)).expect(error(400));
    world.advance_s(3600);
    let eve = client(&world, "7.7.7.7:1000", "eve");
    eve.ask(allocate()).expect(success());
    world.advance_s(500);
    let stale = "obMatJos2gAAAobMatJos2gAAAobMatJos2gAAA";
    eve.ask(refresh(600).nonce(stale)).expect(error(438));
    eve.ask(create_permission(&["2a00::8"])).expect(error(443));
    assert_eq!(told(&world), []);
}

#[test]
fn a_forbidden_peer_is_named_however_it_was_asked_for() {
    let peers = PeerPolicy { listeners: vec!["8.8.8.8:3478".parse().unwrap()], ..<_>::default() };
    let world = World::with(Settings { peers: peers.into(), tcp_relay: true, ..settings() });
    let eve = client(&world, "7.7.7.7:1000", "eve");
    eve.allocate();
    eve.ask(create_permission(&["8.8.8.8", "10.0.0.1:5", "10.0.0.2"])).expect(error(403));
    expect_told(&world, &eve, Method::CREATE_PERMISSION, forbidden("10.0.0.1:5"));
    eve.ask(channel_bind(0x4000, "192.168.0.1:7")).expect(error(403));
    expect_told(&world, &eve, Method::CHANNEL_BIND, forbidden("192.168.0.1:7"));
    let listener = world.peer("8.8.8.8:3478");
    eve.permit(&listener);
    eve.send_to(&listener, b"hello myself");
    listener.expect_nothing();
    expect_told(&world, &eve, Method::SEND, forbidden("8.8.8.8:3478"));
    let over_tcp = client(&world, "7.7.7.7:1001", "eve").over(Transport::Tcp);
    over_tcp.ask(allocate_tcp()).expect(success());
    over_tcp.ask(connect("127.0.0.1:80")).expect(error(403));
    expect_told(&world, &over_tcp, Method::CONNECT, forbidden("127.0.0.1:80"));
    // Ada is listed, and no hub waits for news of her.
    let ada = world.client("7.7.7.7:1002");
    ada.allocate();
    ada.permit(&listener);
    ada.send_to(&listener, b"hello myself");
    ada.ask(create_permission(&["10.0.0.1"])).expect(error(403));
    assert_eq!(told(&world), []);
}

#[test]
fn every_other_reason_has_its_word() {
    let limits = Limits { allocations: QUOTA + 1, permissions: 1, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    let another = |port: usize, id: &str| client(&world, &format!("7.7.7.7:{port}"), id);
    let all: Vec<_> = (1000..1000 + QUOTA).map(|port| another(port, "eve")).collect();
    all.iter().for_each(|eve| _ = eve.allocate());
    let quota = another(2000, "eve");
    quota.ask(allocate()).expect(error(486));
    expect_told(&world, &quota, Method::ALLOCATE, RefusalReason::Quota);
    let many = create_permission(&["8.8.8.8", "8.8.4.4"]);
    all[0].ask(many).expect(error(508));
    expect_told(&world, &all[0], Method::CREATE_PERMISSION, RefusalReason::Capacity);
    another(2001, "bob").allocate();
    let full = another(2002, "bob");
    full.ask(allocate()).expect(error(508));
    expect_told(&world, &full, Method::ALLOCATE, RefusalReason::Capacity);
    let mallory = another(1000, "mallory");
    mallory.ask(refresh(0)).expect(error(441));
    expect_told(&world, &mallory, Method::REFRESH, RefusalReason::WrongCredentials);
    world.revoke("eve");
    assert_eq!(told(&world), []);
    quota.ask(allocate()).expect(error(403));
    expect_told(&world, &quota, Method::ALLOCATE, RefusalReason::Barred);
}

#[test]
fn who_is_refused_without_end_is_told_of_twenty_times_a_second() {
    let world = World::start();
    let username = format!("{}:ada", world.now().unix + 600);
    let eve = world.client("7.7.7.7:1000").as_user(&username, "guessed");
    let guess = || (0..100).for_each(|_| drop(eve.ask(allocate()).expect(error(401))));
    guess();
    assert_eq!((told(&world).len(), world.counters().refusals_untold), (20, 80));
    let ada = client(&world, "7.7.6.7:1000", "ada");
    ada.allocate();
    ada.ask(create_permission(&["10.0.0.1"])).expect(error(403));
    assert_eq!(told(&world).len(), 1, "another network is heard");
    world.advance_s(1);
    guess();
    assert_eq!((told(&world).len(), world.counters().refusals_untold), (20, 160));
}

#[test]
fn many_networks_are_told_of_five_hundred_times_a_second() {
    let world = World::start();
    let username = format!("{}:ada", world.now().unix + 600);
    let mut heard = 0;
    for network in 0..30 {
        let eve = world.client(&format!("7.7.{network}.7:1000")).as_user(&username, "guessed");
        (0..20).for_each(|_| drop(eve.ask(allocate()).expect(error(401))));
        heard += told(&world).len();
    }
    assert_eq!((heard, world.counters().refusals_untold), (500, 100));
}
