//! Where sessions and rooms are, of which no client knows: what is connected is on one hub.

use std::time::Duration;

use kopru_signal::{NewRoom, RoomName};
use serde_json::json;

use crate::HUBS;
use crate::stage::{Client, Stage, claims, text};

/// A session that begins on this hub.
fn at_hub(stage: &Stage, hub: u64, subject: &str) -> Client {
    let client = connected(stage, hub, subject);
    client.hello();
    client
}

/// A connection to this hub.
fn connected(stage: &Stage, hub: u64, subject: &str) -> Client {
    let connect = || stage.client(claims(subject));
    std::iter::repeat_with(connect).find(|it| it.conn.0 % u64::from(HUBS) == hub).expect("one is")
}

fn say(client: &Client, room: &str, data: &str) {
    let id = client.send(json!({"type": "message", "room": room, "data": data}));
    client.expect_ok(&id);
}

#[test]
fn a_room_is_opened_where_there_is_least() {
    let stage = Stage::new();
    let ada = at_hub(&stage, 0, "ada");
    ada.enter("lab");
    assert_eq!((stage.sessions(), stage.moves()), (vec![1, 0, 0], 0));
    let bo = at_hub(&stage, 0, "bo");
    bo.enter("hall");
    assert_eq!((stage.sessions(), stage.moves()), (vec![1, 1, 0], 1));
    let cy = at_hub(&stage, 0, "cy");
    cy.enter("attic");
    assert_eq!(stage.sessions(), [1, 1, 1]);
    // Who is in a room already opens the next one where that is.
    ada.enter("cellar");
    assert_eq!(stage.sessions(), [1, 1, 1]);
}

#[test]
fn the_smaller_component_moves_and_nobody_notices() {
    let stage = Stage::new();
    let [ada, bo] = ["ada", "bo"].map(|name| at_hub(&stage, 0, name));
    let [cy, dee] = ["cy", "dee"].map(|name| at_hub(&stage, 1, name));
    let eve = at_hub(&stage, 1, "eve");
    ada.enter("lab");
    bo.enter("lab");
    cy.enter("hall");
    dee.enter("hall");
    eve.enter("hall");
    assert_eq!(stage.sessions(), [2, 3, 0]);
    for client in [&ada, &bo, &cy, &dee, &eve] {
        client.drain();
    }
    // What waits for Bo goes along with it, and so does its time.
    bo.drop_connection();
    ada.expect("member_updated");
    say(&ada, "lab", "before");
    let id = ada.join("hall");
    let joined = ada.expect("joined");
    assert_eq!((&joined["re"], joined["members"].as_array().map(Vec::len)), (&json!(id), Some(3)));
    assert_eq!(stage.sessions(), [0, 5, 0]);
    for client in [&cy, &dee, &eve] {
        client.expect("member_joined");
    }
    say(&ada, "lab", "after");
    say(&cy, "hall", "welcome");
    assert_eq!(ada.expect("message")["data"], "welcome");
    stage.advance(Duration::from_secs(30));
    let left = ada.expect("member_left");
    assert_eq!((&left["room"], &left["reason"]), (&json!("lab"), &json!("disconnected")));
    assert_eq!(stage.stats().members, 5);
}

#[test]
fn who_is_on_another_hub_is_resumed_there_with_all_that_waits() {
    let stage = Stage::new();
    let ada = at_hub(&stage, 0, "ada");
    let bo = connected(&stage, 0, "bo");
    let resume = text(&bo.hello()["resume"]);
    ada.enter("lab");
    bo.enter("lab");
    ada.expect("member_joined");
    bo.drop_connection();
    ada.expect("member_updated");
    say(&ada, "lab", "one");
    say(&ada, "lab", "two");
    let again = connected(&stage, 1, "bo");
    let welcome = again.hello_with(json!({"resume": resume, "ack": 2}));
    assert_eq!((&welcome["resumed"], &welcome["complete"]), (&json!(true), &json!(true)));
    assert_eq!(again.expect("message")["data"], "one");
    assert_eq!(again.expect("message")["data"], "two");
    assert_eq!(stage.sessions(), [2, 0, 0]);
}

#[test]
fn a_receipt_finds_who_has_moved_away() {
    let stage = Stage::new();
    let [ada, bo] = ["ada", "bo"].map(|name| at_hub(&stage, 0, name));
    let cy = at_hub(&stage, 1, "cy");
    cy.enter("hall");
    ada.enter("lab");
    let bo_id = bo.enter("lab");
    ada.expect("member_joined");
    let id = ada.send(json!({
        "type": "message", "room": "lab", "to": bo_id, "receipt": true, "data": 1,
    }));
    ada.expect_ok(&id);
    ada.leave("lab");
    ada.expect("ok");
    ada.enter("hall");
    assert_eq!(stage.sessions(), [1, 2, 0]);
    bo.send(json!({"type": "ping", "ack": 3}));
    let receipt = ada.expect("receipt");
    assert_eq!((&receipt["of"], &receipt["status"]), (&json!(id), &json!("delivered")));
}

#[test]
fn nobody_moves_for_a_room_that_is_full_or_of_another_kind() {
    let stage = Stage::with(|settings| settings.limits.members_per_room_max = 2);
    let [ada, bo, cy] = ["ada", "bo", "cy"].map(|name| at_hub(&stage, 0, name));
    ada.enter("lab");
    cy.enter("hall");
    bo.enter("hall");
    let before = (stage.sessions(), stage.moves());
    ada.join("hall");
    ada.expect_error("room_full");
    ada.send(json!({"type": "join", "room": "hall", "kind": "pair"}));
    ada.expect_error("other_room_kind");
    assert_eq!((stage.sessions(), stage.moves()), before);
}

#[test]
fn rooms_made_beforehand_are_spread_and_joined_from_anywhere() {
    let stage = Stage::new();
    for name in ["a", "b", "c"] {
        let room = RoomName::new(name);
        stage.create_room(NewRoom { room, empty_s: 60, ..NewRoom::default() }).expect("made");
    }
    let clients = ["ada", "bo", "cy"].map(|name| at_hub(&stage, 0, name));
    for (client, room) in clients.iter().zip(["a", "b", "c"]) {
        client.enter(room);
    }
    assert_eq!(stage.sessions(), [1, 1, 1]);
    stage.advance(Duration::from_secs(60));
    assert_eq!(stage.stats().rooms, 3);
}
