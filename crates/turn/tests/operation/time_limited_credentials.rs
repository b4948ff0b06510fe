//! draft-uberti-behave-turn-rest-00: user names that carry their expiry, as `stun::credentials`
//! mints them.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use kopru_sim::{
    QUOTA, SECRET, TurnClient, World, allocate, create_permission, error, refresh, settings,
    success,
};
use kopru_stun::credentials::{Secret, limited_id, mint};
use kopru_turn::{Settings, UserKeys, Users};

fn client(world: &World, address: &str, secret: &str, name: &str) -> TurnClient {
    let minted = mint(&Secret::new(secret), world.now(), Duration::from_secs(600), name);
    world.client(address).as_user(&minted.username, &minted.password)
}

#[test]
fn what_is_minted_opens_an_allocation() {
    let world = World::start();
    client(&world, "7.7.7.7:1000", SECRET, "eve").allocate();
    client(&world, "7.7.7.7:1001", "another secret", "eve").ask(allocate()).expect(error(401));
}

#[test]
fn an_older_secret_is_still_good() {
    let secrets = ["the newest", "the one before"].map(Secret::new);
    let world = World::with(Settings { secrets: secrets.into(), ..settings() });
    client(&world, "7.7.7.7:1000", "the newest", "eve").allocate();
    client(&world, "7.7.7.7:1001", "the one before", "eve").allocate();
    client(&world, "7.7.7.7:1002", "one long gone", "eve").ask(allocate()).expect(error(401));
}

#[test]
fn an_expired_one_is_not() {
    let world = World::start();
    let (early, late) = (
        client(&world, "7.7.7.7:1000", SECRET, "eve"),
        client(&world, "7.7.7.7:1001", SECRET, "eve"),
    );
    world.advance_s(599);
    early.allocate();
    world.advance_s(1);
    late.ask(allocate()).expect(error(401));
}

#[test]
fn expiry_ends_no_call() {
    let world = World::start();
    let eve = client(&world, "7.7.7.7:1000", SECRET, "eve");
    let bob = world.peer("8.8.8.8:2000");
    let bytes = {
        eve.ask(allocate().without_credentials()).expect(error(401));
        eve.write(&allocate())
    };
    eve.ask_bytes(&bytes).expect(success());
    for _ in 0..20 {
        world.advance_s(500);
        eve.ask(refresh(600)).expect(success());
        eve.permit(&bob);
        eve.bind(0x4000, &bob);
    }
    eve.ask(refresh(0)).expect(success());
    eve.ask(allocate()).expect(error(401));
    eve.ask(create_permission(&["8.8.8.8"])).expect(error(401));
}

#[test]
fn an_expired_stranger_learns_nothing_about_a_live_allocation() {
    let world = World::start();
    client(&world, "7.7.7.7:1000", SECRET, "eve").allocate();
    let mallory = client(&world, "7.7.7.7:1000", SECRET, "mallory");
    mallory.ask(refresh(0)).expect(error(441));
    world.advance_s(599);
    mallory.ask(refresh(0)).expect(error(441));
    world.advance_s(1);
    mallory.ask(refresh(0)).expect(error(401));
}

#[test]
fn the_name_behind_the_expiry_has_the_quota() {
    let world = World::start();
    for port in 0..QUOTA {
        client(&world, &format!("7.7.7.7:{}", 1000 + port), SECRET, "eve").allocate();
        world.advance_s(1);
    }
    client(&world, "7.7.7.7:2000", SECRET, "eve").ask(allocate()).expect(error(486));
    client(&world, "7.7.7.7:2001", SECRET, "mallory").allocate();
}

#[test]
fn a_limit_in_the_name_gives_nobody_a_second_quota() {
    let world = World::start();
    for port in 0..QUOTA {
        let name = limited_id("eve", NonZero::new(port as u64));
        client(&world, &format!("7.7.7.7:{}", 1000 + port), SECRET, &name).allocate();
    }
    client(&world, "7.7.7.7:2000", SECRET, "eve;bps=8000").ask(allocate()).expect(error(486));
    // Nobody but who has the secret writes a limit, or takes one away.
    let minted = mint(&Secret::new(SECRET), world.now(), Duration::from_secs(600), "bob;bps=8000");
    let (bare, _) = minted.username.split_once(';').expect("a limit");
    for name in [bare, &format!("{bare};bps=9000")] {
        world
            .client("7.7.7.7:2001")
            .as_user(name, &minted.password)
            .ask(allocate())
            .expect(error(401));
    }
}

#[test]
fn without_a_name_the_whole_user_name_has_the_quota() {
    let world = World::start();
    for number in 0..=QUOTA {
        let username = (world.now().unix + 600 + number as u64).to_string();
        let password = Secret::new(SECRET).password(&username);
        let eve = world.client(&format!("7.7.7.7:{}", 1000 + number));
        eve.as_user(&username, &password).allocate();
    }
}

#[test]
fn a_listed_user_has_its_own_quota_whatever_its_name_looks_like() {
    let names = ["1900000000:eve", "1900000001:eve"];
    let key = |name| UserKeys::derive(name, "example.org", "pw");
    let users = names.map(|name| (name.to_owned(), key(name)));
    let world =
        World::with(Settings { users: Arc::new(Users::new("example.org", users)), ..settings() });
    for port in 0..QUOTA {
        world.client(&format!("7.7.7.7:{}", 1000 + port)).as_user(names[0], "pw").allocate();
    }
    world.client("7.7.7.7:2000").as_user(names[1], "pw").allocate();
}

#[test]
fn a_listed_user_has_its_own_password_whatever_its_name_looks_like() {
    let key = UserKeys::derive("1900000000:eve", "example.org", "her own");
    let users = [("1900000000:eve".to_owned(), key)];
    let world =
        World::with(Settings { users: Arc::new(Users::new("example.org", users)), ..settings() });
    let minted = Secret::new(SECRET).password("1900000000:eve");
    let mallory = world.client("7.7.7.7:1000").as_user("1900000000:eve", &minted);
    mallory.ask(allocate()).expect(error(401));
    world.client("7.7.7.7:1000").as_user("1900000000:eve", "her own").allocate();
}

#[test]
fn without_a_secret_no_user_name_is_time_limited() {
    let world = World::with(Settings { secrets: [].into(), ..settings() });
    client(&world, "7.7.7.7:1000", "", "eve").ask(allocate()).expect(error(401));
}
