//! A call of two, from the first ring to each of its ends.

use serde_json::json;

use crate::devices::{Device, all_see, in_a_call, in_the_lab, nobody_hears};
use crate::stage::{Stage, secs};

#[test]
fn a_call_from_the_first_ring_to_the_end() {
    let stage = Stage::new();
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let call = ada.calls(json!({"to": bo.member, "data": {"video": true}}));
    let invitation = bo.sees("inviting");
    assert_eq!((&invitation["call"], &invitation["caller"]), (&json!(call), &json!(ada.member)));
    assert_eq!(
        (&invitation["data"], &invitation["room"]),
        (&json!({"video": true}), &json!("lab"))
    );
    assert_eq!(ada.part_in(&invitation).0, "accepted");

    let id = bo.says("ringing", &call);
    all_see(&[&ada, &bo], "ringing");
    bo.client.expect_ok(&id);
    let id = bo.says("accept", &call);
    assert_eq!(ada.sees("accepted")["data"], json!(null));
    bo.sees("accepted");
    bo.client.expect_ok(&id);

    // It is as far as two have come.
    ada.reports(&call, "connecting");
    all_see(&[&ada, &bo], "accepted");
    bo.reports(&call, "connecting");
    all_see(&[&ada, &bo], "connecting");
    ada.reports(&call, "connected");
    all_see(&[&ada, &bo], "connecting");
    bo.reports(&call, "connected");
    all_see(&[&ada, &bo], "connected");
    ada.reports(&call, "reconnecting");
    assert_eq!(ada.part_in(&bo.sees("reconnecting")).0, "reconnecting");
    bo.reports(&call, "connected"); // is so already
    ada.reports(&call, "connected");
    bo.sees("connected");
    assert_eq!(stage.stats().calls, [("connected", 1)].into());
    stage.advance(secs(50)); // no deadline is left
    ada.client.drain();

    let id = ada.says("hang_up", &call);
    ada.sees_end("hung_up");
    ada.client.expect_ok(&id);
    bo.sees_end("hung_up");
    nobody_hears(&[&ada, &bo, &cy]);
    assert_eq!((stage.stats().calls, stage.stats().calls_ended["hung_up"]), ([].into(), 1));
}

#[test]
fn who_is_called_says_no_or_has_another_call() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let no: [fn(&Device, &str) -> String; 4] = [
        |bo, call| bo.says("reject", call),
        |bo, call| bo.says_because("reject", call, "rejected"),
        |bo, call| bo.says("hang_up", call),
        |bo, call| bo.says_because("reject", call, "busy"),
    ];
    for (no, reason) in no.into_iter().zip(["rejected", "rejected", "rejected", "busy"]) {
        let call = ada.calls_member(&bo);
        bo.sees("inviting");
        let id = no(&bo, &call);
        bo.sees_end(reason);
        bo.client.expect_ok(&id);
        ada.sees_end(reason);
    }
    nobody_hears(&[&ada, &bo]);
}

#[test]
fn the_caller_thinks_better_of_it() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = ada.calls_member(&bo);
    bo.sees("inviting");
    ada.says("hang_up", &call);
    bo.sees_end("cancelled");
    bo.says("accept", &call);
    bo.is_refused("no_such_call");
}

#[test]
fn nobody_answers() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = ada.calls_member(&bo);
    bo.says("ringing", &call);
    ada.client.drain();
    bo.client.drain();
    stage.advance(secs(44));
    nobody_hears(&[&ada, &bo]);
    stage.advance(secs(1));
    ada.sees_end("timeout");
    bo.sees_end("timeout");

    ada.calls(json!({"to": bo.member, "timeout_s": 3}));
    bo.sees("inviting");
    stage.advance(secs(2));
    nobody_hears(&[&ada, &bo]);
    stage.advance(secs(1));
    ada.sees_end("timeout");
    bo.sees_end("timeout");
    stage.advance(secs(20));
    nobody_hears(&[&ada, &bo]);
}

#[test]
fn what_was_accepted_has_to_be_connected_in_time() {
    let stage = Stage::with(|settings| settings.limits.connect_timeout = secs(20));
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = in_a_call(&ada, &bo);
    ada.reports(&call, "connected");
    bo.reports(&call, "connecting");
    ada.client.drain();
    bo.client.drain();
    stage.advance(secs(19));
    nobody_hears(&[&ada, &bo]);
    stage.advance(secs(1));
    ada.sees_end("failed");
    bo.sees_end("failed");
}

#[test]
fn a_client_that_gives_up_says_so() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = in_a_call(&ada, &bo);
    ada.says_because("hang_up", &call, "failed");
    ada.sees_end("failed");
    bo.sees_end("failed");
}

#[test]
fn late_and_repeated_answers_do_no_harm() {
    let stage = Stage::new();
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let call = ada.calls_member(&bo);
    ada.says("accept", &call); // her own
    ada.is_refused("wrong_call_state");
    ada.reports(&call, "connected"); // with whom?
    ada.is_refused("wrong_call_state");
    cy.says("accept", &call); // is not for cy
    cy.is_refused("no_such_call");
    bo.reports(&call, "connecting");
    bo.sees("inviting");
    bo.is_refused("wrong_call_state");
    bo.says("accept", &call);
    ada.sees("accepted");
    bo.client.drain();

    for late in ["ringing", "accept", "reject"] {
        bo.says(late, &call);
        bo.is_refused("wrong_call_state");
    }
    bo.reports(&call, "reconnecting"); // never was connected
    bo.is_refused("wrong_call_state");
    bo.reports(&call, "connected");
    bo.client.drain();
    ada.sees("accepted");
    bo.reports(&call, "connecting"); // is past that
    bo.is_refused("wrong_call_state");
    nobody_hears(&[&ada, &bo, &cy]);
    bo.says("hang_up", &call);
    ada.sees_end("hung_up");
    for unknown in [call.as_str(), "call_", "", "call_Zq0w2Yk1mJ3b5sXnR8uVtA", "m_x"] {
        ada.says("hang_up", unknown);
        ada.is_refused("no_such_call");
    }
}

#[test]
fn a_repeated_message_is_done_once() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let id = ada.asks_to_call(json!({"to": bo.member}));
    let call = ada.sees("inviting")["call"].take();
    bo.sees("inviting");
    bo.client.send(json!({"type": "ringing", "call": call}));
    ada.sees("ringing");
    bo.client.drain();
    let again = json!({"type": "call", "id": id, "room": "lab", "to": bo.member}).to_string();
    ada.client.say(&again);
    // The call as it is now.
    let answer = ada.sees("ringing");
    assert_eq!((&answer["re"], &answer["call"]), (&json!(id), &call));
    nobody_hears(&[&bo]);
    bo.client.send(json!({"type": "reject", "call": call}));
    ada.sees_end("rejected");
    ada.client.say(&again);
    ada.is_refused("no_such_call");
    assert_eq!(stage.stats().calls, [].into());
}

#[test]
fn who_cannot_be_called() {
    let stage = Stage::new();
    let [ada, _bo] = in_the_lab(&stage, ["ada", "bo"]);
    for (fields, code, field) in [
        (json!({"to": "m_nobody"}), "no_such_member", None),
        (json!({"identity": "cy"}), "no_such_member", None),
        (json!({"identity": "ada"}), "no_such_member", None), // has no other device here
        (json!({"to": ada.member}), "bad_field", Some("to")),
        (json!({"to": "m_x", "identity": "bo"}), "bad_field", Some("identity")),
        (json!({"identity": "bo", "timeout_s": 0}), "bad_field", Some("timeout_s")),
        (json!({"identity": "bo", "timeout_s": 301}), "bad_field", Some("timeout_s")),
        (json!({"identity": "bo", "timeout_s": "9"}), "bad_field", Some("timeout_s")),
        (json!({"identity": "bo", "data": "x".repeat(16384)}), "field_too_large", Some("data")),
    ] {
        ada.asks_to_call(fields);
        assert_eq!(ada.is_refused(code)["field"].as_str(), field);
    }
    for (message, field) in [
        (json!({"type": "reject", "call": "call_x", "reason": "hung_up"}), "reason"),
        (json!({"type": "hang_up", "call": "call_x", "reason": "left"}), "reason"),
        (json!({"type": "call_state", "call": "call_x", "state": "ended"}), "state"),
        (json!({"type": "accept", "call": 7}), "call"),
    ] {
        ada.client.send(message);
        assert_eq!(ada.is_refused("bad_field")["field"], field);
    }
    let elsewhere = stage.session("dee");
    elsewhere.send(json!({"type": "call", "room": "lab"}));
    elsewhere.expect_error("not_in_room");
    let alone = stage.session("ema");
    alone.enter("hall");
    alone.send(json!({"type": "call", "room": "hall"}));
    alone.expect_error("no_such_member");
}
