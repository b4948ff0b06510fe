//! What back ends do to members, rooms and identities.

use kopru_signal::{CloseReason, NewRoom, RoomName};
use serde_json::json;

use crate::devices::in_the_lab;
use crate::stage::{Stage, claims, secs};

#[test]
fn who_is_kicked_is_told_and_so_are_the_others() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    assert!(stage.kick("lab", &bo.member));
    let left = bo.client.expect("left");
    assert_eq!((&left["room"], &left["reason"]), (&json!("lab"), &json!("kicked")));
    assert_eq!(left["member"], bo.member.as_str());
    let gone = ada.client.expect("member_left");
    assert_eq!((&gone["reason"], &gone["version"]), (&json!("kicked"), &json!(3)));
    // The session goes on, and the token still allows the room.
    bo.client.enter("lab");
}

#[test]
fn nobody_is_kicked_who_is_not_there() {
    let stage = Stage::new();
    let [ada] = in_the_lab(&stage, ["ada"]);
    stage.session("bo").enter("hall");
    for (room, member) in [("hall", &*ada.member), ("attic", &ada.member), ("lab", "m_nobody")] {
        assert!(!stage.kick(room, member), "{room} {member}");
    }
    ada.client.expect_nothing();
}

#[test]
fn a_kick_ends_the_calls_of_who_is_gone() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    ada.calls_member(&bo);
    stage.kick("lab", &bo.member);
    assert_eq!(ada.sees("ended")["reason"], "left");
    ada.client.expect("member_left");
    assert_eq!(stage.stats().calls.values().sum::<usize>(), 0);
}

#[test]
fn a_room_that_is_closed_tells_everybody_once() {
    let stage = Stage::new();
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    ada.client.enter("hall");
    cy.client.drop_connection();
    for device in [&ada, &bo] {
        device.client.drain();
    }
    assert!(stage.close_room("lab"));
    assert!(!stage.close_room("lab"));
    for device in [&ada, &bo] {
        assert_eq!(device.client.expect("left")["reason"], "room_closed");
        device.client.expect_nothing();
    }
    // Who was away hears of it when it is back; its frames are kept.
    let again = stage.client(claims("cy"));
    again.hello_with(json!({"resume": cy.resume, "ack": 2}));
    assert_eq!(again.expect("left")["reason"], "room_closed");
    assert_eq!((stage.stats().rooms, stage.stats().members), (1, 1));
    bo.client.enter("lab");
}

#[test]
fn a_room_that_is_closed_ends_its_calls() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    ada.calls(json!({}));
    bo.sees("inviting");
    assert!(stage.close_room("lab"));
    for device in [&ada, &bo] {
        assert_eq!(device.sees("ended")["reason"], "left");
        assert_eq!(device.client.expect("left")["reason"], "room_closed");
    }
    assert_eq!(stage.stats().calls.values().sum::<usize>(), 0);
}

#[test]
fn a_room_that_waits_is_closed_with_its_deadline() {
    let stage = Stage::new();
    let new = NewRoom { room: RoomName::new("lab"), empty_s: 60, ..NewRoom::default() };
    stage.create_room(new).expect("a room");
    assert!(stage.close_room("lab"));
    assert_eq!((stage.stats().rooms, stage.has_deadline()), (0, false));
}

#[test]
fn a_revocation_ends_all_sessions_of_an_identity_and_no_other() {
    let stage = Stage::new();
    let [ada, phone, laptop] = in_the_lab(&stage, ["ada", "bo", "bo"]);
    laptop.client.drop_connection();
    for device in [&ada, &phone] {
        device.client.drain();
    }
    assert_eq!(stage.revoke("bo"), 2);
    phone.client.expect_close(CloseReason::Revoked);
    for _ in 0..2 {
        assert_eq!(ada.client.expect("member_left")["reason"], "revoked");
    }
    ada.client.expect_nothing();
    assert_eq!(stage.revoke("bo"), 0);
    // Nothing is left to come back to.
    let again = stage.client(claims("bo"));
    assert_eq!(again.hello_with(json!({"resume": phone.resume}))["resumed"], false);
    let stats = stage.stats();
    assert_eq!((stats.sessions, stats.members, stats.closed["revoked"]), (2, 1, 1));
    stage.advance(secs(30)); // the time for which the lost one would have waited
}
