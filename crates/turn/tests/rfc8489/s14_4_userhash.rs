//! RFC 8489 §14.4: USERHASH

use kopru_sim::{Dialect, World, allocate, error, refresh, settings, success};
use kopru_stun::attribute::{AttributeType, Userhash};
use kopru_turn::{Event, Settings};

fn users_alone() -> Settings {
    Settings { secrets: [].into(), ..settings() }
}

#[test]
fn a_listed_user_is_found_by_userhash() {
    // 9.2.5: "has the STUN Security Feature "Username anonymity" bit set to 1, then the USERHASH
    // attribute MUST be used"
    let world = World::with(users_alone());
    let ada = world.client("7.7.7.7:1000").speaking(Dialect::Rfc8489);
    ada.ask(allocate()).expect(success());
    let sent = ada.write(&refresh(600));
    let sent = kopru_stun::Message::parse(&sent).unwrap();
    assert_eq!(sent.get(), Ok(Some(Userhash::of("ada", "example.org"))));
    assert!(sent.attributes().all(|(found, _)| found != AttributeType::USERNAME));
    ada.ask(refresh(600)).expect(success());
    let Some(Event::Created { username, .. }) = world.event() else { panic!("created first") };
    assert_eq!(&*username, "ada", "the records know her name");
}

#[test]
fn userhash_and_username_name_the_same_user() {
    // RFC 8656 §5: 441 is for another user
    let world = World::with(users_alone());
    let ada = world.client("7.7.7.7:1000").speaking(Dialect::Rfc8489);
    ada.ask(allocate()).expect(success());
    let ada = ada.speaking(Dialect::Rfc5389);
    ada.ask(refresh(600)).expect(success());
    ada.as_user("bob", "ross").speaking(Dialect::Rfc8489).ask(refresh(600)).expect(error(441));
}

#[test]
fn a_userhash_of_nobody_gets_the_answer_of_an_unknown_user() {
    // 9.2.4: "If the value of the USERNAME or USERHASH attribute is not valid … 401"
    let world = World::with(users_alone());
    for (username, password) in [("eve", "lovelace"), ("ada", "babbage")] {
        let eve = world.client("7.7.7.7:1000").speaking(Dialect::Rfc8489);
        let reply = eve.as_user(username, password).ask(allocate()).expect(error(401));
        let secret = [AttributeType::USERNAME, AttributeType::USERHASH];
        assert!(!reply.attributes().iter().any(|found| secret.contains(found)));
    }
}
