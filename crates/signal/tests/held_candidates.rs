//! Candidates that are held back for a description to be acknowledged: none is forgotten without a
//! word, and there is an end to how many are.

use kopru_signal::limits::{CONNECTIONS_PER_PAIR_MAX, HELD_BYTES_MAX};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims};

/// `ada` and `bo` in `lab`; `bo` holds candidates back, and has the second id.
fn pair(stage: &Stage) -> (Client, Client, String) {
    let (ada, bo) = (stage.session("ada"), stage.client(claims("bo")));
    bo.hello_with(json!({"capabilities": {"rollback": true, "hold_candidates": true}}));
    ada.enter("lab");
    let bo_member = bo.enter("lab");
    ada.expect("member_joined");
    (ada, bo, bo_member)
}

fn offer(from: &Client, to: &str, connection: &str, number: u64) {
    let description = json!({"type": "offer", "sdp": ""});
    let id = from.send(json!({"type": "description", "room": "lab", "to": to,
        "connection": connection, "negotiation": number, "description": description}));
    from.expect_ok(&id);
}

/// A candidate of which its sender wants to know what becomes of it: the message's id.
fn propose(from: &Client, to: &str, connection: &str, candidate: Value) -> String {
    let id = from.send(json!({"type": "candidate", "room": "lab", "to": to,
        "connection": connection, "candidate": candidate, "receipt": true}));
    from.expect_ok(&id);
    id
}

fn expect_receipt(client: &Client, of: &str, status: &str) {
    let receipt = client.expect("receipt");
    assert_eq!((&receipt["of"], &receipt["status"]), (&json!(of), &json!(status)));
}

#[test]
fn a_candidate_held_back_for_who_leaves_has_expired() {
    let stage = Stage::new();
    let (ada, bo, bo_member) = pair(&stage);
    offer(&ada, &bo_member, "main", 1);
    let id = propose(&ada, &bo_member, "main", json!({"candidate": ""}));
    bo.leave("lab");
    expect_receipt(&ada, &id, "expired");
    ada.expect("member_left");
    ada.expect_nothing();
}

#[test]
fn a_candidate_held_back_for_a_session_that_ends_has_expired() {
    let stage = Stage::new();
    let (ada, bo, bo_member) = pair(&stage);
    offer(&ada, &bo_member, "main", 1);
    let id = propose(&ada, &bo_member, "main", json!({"candidate": ""}));
    bo.say_goodbye();
    expect_receipt(&ada, &id, "expired");
    ada.expect("member_left");
}

#[test]
fn a_candidate_held_back_that_a_newer_offer_makes_useless_is_superseded() {
    let stage = Stage::new();
    let (ada, _bo, bo_member) = pair(&stage);
    offer(&ada, &bo_member, "main", 1);
    let id = propose(&ada, &bo_member, "main", json!({"candidate": ""}));
    let description = json!({"type": "offer", "sdp": ""});
    let newer = ada.send(json!({"type": "description", "room": "lab", "to": bo_member,
        "connection": "main", "negotiation": 2, "description": description}));
    expect_receipt(&ada, &id, "superseded");
    ada.expect_ok(&newer);
}

#[test]
fn a_connection_that_is_no_longer_followed_gives_out_what_it_held_back() {
    let stage = Stage::new();
    let (ada, bo, bo_member) = pair(&stage);
    offer(&ada, &bo_member, "first", 1);
    propose(&ada, &bo_member, "first", json!({"candidate": "held back"}));
    for number in 1..CONNECTIONS_PER_PAIR_MAX {
        offer(&ada, &bo_member, &number.to_string(), 1);
    }
    (0..CONNECTIONS_PER_PAIR_MAX).for_each(|_| drop(bo.expect("description")));
    bo.expect_nothing();
    offer(&ada, &bo_member, "one too many", 1);
    assert_eq!(bo.expect("candidate")["candidate"]["candidate"], "held back");
    bo.expect("description");
    bo.expect_nothing();
}

#[test]
fn so_many_bytes_of_candidates_wait_for_a_member_and_no_more() {
    let stage = Stage::new();
    let (ada, bo, bo_member) = pair(&stage);
    let long = json!({"candidate": "x".repeat(4000)});
    for connection in ["first", "second"] {
        offer(&ada, &bo_member, connection, 1);
        bo.expect("description");
    }
    let fitting = HELD_BYTES_MAX / 4200;
    for number in 0..fitting {
        let connection = if number % 2 == 0 { "first" } else { "second" };
        propose(&ada, &bo_member, connection, long.clone());
    }
    bo.expect_nothing();
    propose(&ada, &bo_member, "first", long);
    bo.expect("candidate");
    // Those that wait are not forgotten for it.
    bo.send(json!({"type": "ping", "ack": 4}));
    (0..fitting).for_each(|_| drop(bo.expect("candidate")));
    bo.expect("pong");
}
