//! Every way out of a room, and what stays behind: nothing.

use serde_json::json;

use crate::stage::{Stage, claims, secs};

#[test]
fn who_leaves_is_gone_and_the_others_hear_why() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    let bo_member = bo.enter("lab");
    ada.expect("member_joined");

    let id = bo.send(json!({"type": "leave", "room": "lab"}));
    bo.expect_ok(&id);
    let left = ada.expect("member_left");
    assert_eq!(left["member"]["member"], bo_member);
    assert_eq!(left["reason"], "left");
    assert_eq!(left["version"], 3);

    ada.send(json!({"type": "message", "room": "lab", "to": bo_member, "data": 1}));
    ada.expect_error("no_such_member");
    bo.leave("lab");
    bo.expect_error("not_in_room");
    bo.expect_nothing();
}

#[test]
fn who_closes_the_connection_leaves_every_room_at_once() {
    let stage = Stage::new();
    let (ada, bo, cy) = (stage.session("ada"), stage.session("bo"), stage.session("cy"));
    ada.enter("lab");
    cy.enter("kitchen");
    bo.enter("lab");
    bo.enter("kitchen");
    ada.expect("member_joined");
    cy.expect("member_joined");

    bo.say_goodbye();
    assert_eq!(ada.expect("member_left")["reason"], "left");
    assert_eq!(cy.expect("member_left")["reason"], "left");
    // The owner of the sockets may notice twice.
    bo.say_goodbye();
    bo.drop_connection();
    ada.expect_nothing();
}

#[test]
fn who_loses_the_connection_leaves_every_room_when_the_grace_is_over() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.enter("lab");
    ada.expect("member_joined");

    bo.drop_connection();
    assert_eq!(ada.expect("member_updated")["member"]["reconnecting"], true);
    stage.advance(secs(29));
    ada.expect_nothing();
    stage.advance(secs(1));
    let left = ada.expect("member_left");
    assert_eq!((&left["reason"], &left["version"]), (&json!("disconnected"), &json!(3)));
}

#[test]
fn who_is_not_heard_of_is_gone() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.enter("lab");
    ada.expect("member_joined");
    stage.advance(secs(50));
    ada.send(json!({"type": "ping"}));
    ada.expect("pong");
    stage.advance(secs(25));
    assert_eq!(ada.expect("member_updated")["member"]["reconnecting"], true);
    stage.advance(secs(30));
    assert_eq!(ada.expect("member_left")["reason"], "timed_out");
    ada.expect_nothing();
}

#[test]
fn the_version_counts_every_change_by_one() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.enter("lab");
    assert_eq!(ada.expect("member_joined")["version"], 2);
    bo.send(json!({"type": "update", "room": "lab", "name": "Bo"}));
    assert_eq!(bo.expect("ok")["version"], 3);
    assert_eq!(ada.expect("member_updated")["version"], 3);
    bo.leave("lab");
    bo.expect("ok");
    assert_eq!(ada.expect("member_left")["version"], 4);
    // What happens elsewhere does not count.
    bo.enter("kitchen");
    let cy = stage.session("cy");
    cy.join("lab");
    assert_eq!(cy.expect("joined")["version"], 5);
}

#[test]
fn an_empty_room_is_forgotten() {
    let stage = Stage::new();
    let ada = stage.session("ada");
    ada.enter("lab");
    assert_eq!(stage.stats().rooms, 1);
    ada.leave("lab");
    ada.expect("ok");
    assert_eq!(stage.stats().rooms, 0);
    ada.join("lab");
    assert_eq!(ada.expect("joined")["version"], 1);
}

#[test]
fn nothing_stays_when_everybody_has_gone() {
    let stage = Stage::new();
    let sessions = ["ada", "bo", "cy"].map(|name| stage.session(name));
    for session in &sessions {
        session.enter("lab");
        session.enter("kitchen");
    }
    let waiting = stage.client(claims("dee"));
    let full = stage.stats();
    assert_eq!((full.connections, full.sessions, full.rooms, full.members), (4, 3, 2, 6));
    sessions[0].leave("lab");
    for session in &sessions {
        session.drop_connection();
    }
    waiting.drop_connection();
    let lost = stage.stats();
    assert_eq!((lost.connections, lost.sessions, lost.members), (0, 3, 5));
    stage.advance(secs(30));
    let empty = stage.stats();
    assert_eq!((empty.connections, empty.sessions, empty.identities), (0, 0, 0));
    assert_eq!((empty.rooms, empty.members), (0, 0));
    assert!(!stage.has_deadline());
}
