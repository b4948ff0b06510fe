//! Kinds of rooms: as many as there may be, or two.

use kopru_signal::RoomKind;
use serde_json::{Value, json};

use crate::stage::{Client, Stage};

fn join(client: &Client, kind: Value) {
    client.send(json!({"type": "join", "room": "lab", "kind": kind}));
}

#[test]
fn a_pair_takes_two_and_no_third_until_one_leaves() {
    let stage = Stage::new();
    let [ada, bo, cy] = ["ada", "bo", "cy"].map(|name| stage.session(name));
    join(&ada, json!("pair"));
    let joined = ada.expect("joined");
    assert_eq!((&joined["kind"], &joined["capacity"]), (&json!("pair"), &json!(2)));
    bo.join("lab"); // whatever it is
    assert_eq!(bo.expect("joined")["kind"], "pair");
    join(&cy, json!("pair"));
    assert_eq!(cy.expect_error("room_full")["retry_after_s"], 10);
    ada.leave("lab");
    join(&cy, json!("pair"));
    cy.expect("joined");
}

#[test]
fn the_first_to_join_says_of_which_kind_a_room_is() {
    let stage = Stage::new();
    let [ada, bo] = ["ada", "bo"].map(|name| stage.session(name));
    ada.join("lab");
    let joined = ada.expect("joined");
    assert_eq!((&joined["kind"], &joined["capacity"]), (&json!("mesh"), &json!(16)));
    join(&bo, json!("pair"));
    bo.expect_error("other_room_kind");
    join(&bo, json!("mesh"));
    bo.expect("joined");
    for client in [&ada, &bo] {
        client.leave("lab");
    }
    // And when it was empty, the next first one.
    for client in [&ada, &bo] {
        client.drain();
    }
    join(&ada, json!("pair"));
    assert_eq!(ada.expect("joined")["capacity"], 2);
    for bad in [json!("sfu"), json!(""), json!(2), json!(null)] {
        join(&bo, bad);
        assert_eq!(bo.expect_error("bad_field")["field"], "kind");
    }
}

#[test]
fn the_server_says_it_where_nobody_does() {
    let stage = Stage::with(|settings| settings.room_kind = RoomKind::Pair);
    let [ada, bo] = ["ada", "bo"].map(|name| stage.session(name));
    ada.join("lab");
    assert_eq!(ada.expect("joined")["kind"], "pair");
    join(&bo, json!("mesh"));
    bo.expect_error("other_room_kind");
    bo.send(json!({"type": "join", "room": "hall", "kind": "mesh"}));
    assert_eq!(bo.expect("joined")["kind"], "mesh");
}
