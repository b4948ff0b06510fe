//! Calls whose members leave, lose their connections and come back.

use serde_json::{Value, json};

use crate::devices::{Device, in_a_call, in_the_lab, nobody_hears};
use crate::stage::{Stage, secs};

#[test]
fn who_leaves_the_room_leaves_its_calls() {
    let stage = Stage::new();
    let leave: [fn(&Device); 2] =
        [|device| device.client.leave("lab"), |device| device.client.say_goodbye()];
    for leave in leave {
        let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
        in_a_call(&ada, &bo);
        leave(&bo);
        ada.sees_end("left");
        ada.hears("member_left");
        nobody_hears(&[&ada]);
        // The caller of a call that nobody has accepted.
        let cy = Device::enter(&stage, "cy");
        ada.client.drain();
        cy.calls_member(&ada);
        ada.sees("inviting");
        leave(&cy);
        ada.sees_end("left");
        // The only one who was called.
        let dee = Device::enter(&stage, "dee");
        ada.client.drain();
        ada.calls_member(&dee);
        leave(&dee);
        ada.sees_end("left");
        ada.client.say_goodbye();
        assert_eq!(stage.stats().calls, [].into());
    }
}

#[test]
fn a_room_that_is_empty_has_no_calls() {
    let stage = Stage::new();
    let devices = in_the_lab(&stage, ["ada", "bo", "cy"]);
    devices[0].calls(json!({}));
    devices[0].calls_member(&devices[1]);
    devices[2].asks_to_call(json!({"to": devices[1].member}));
    assert_eq!(stage.stats().calls, [("inviting", 3)].into());
    for device in &devices {
        device.client.say_goodbye();
    }
    assert_eq!((stage.stats().calls, stage.stats().rooms), ([].into(), 0));
    assert!(!stage.has_deadline());
}

#[test]
fn a_lost_connection_is_seen_in_the_call_and_its_return_as_well() {
    let stage = Stage::new();
    let [ada, mut bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = in_a_call(&ada, &bo);
    for device in [&ada, &bo] {
        device.reports(&call, "connected");
    }
    ada.client.drain();
    let read = bo.client.drain().0.last().map(|frame| frame["seq"].clone());
    bo.client.drop_connection();
    ada.hears("member_updated");
    assert_eq!(bo.part_in(&ada.sees("reconnecting")).0, "reconnecting");
    assert_eq!(stage.stats().calls, [("reconnecting", 1)].into());
    stage.advance(secs(29));

    let ack = read.and_then(|seq| seq.as_u64()).expect("has read something");
    let welcome = bo.comes_back(&stage, "bo", ack);
    assert_eq!(welcome["complete"], true);
    bo.sees("reconnecting"); // what it missed
    bo.sees("connected");
    ada.hears("member_updated");
    ada.sees("connected");
    nobody_hears(&[&ada, &bo]);

    bo.client.drop_connection();
    stage.advance(secs(30));
    ada.hears("member_updated");
    ada.sees("reconnecting");
    ada.sees_end("left");
    assert_eq!(ada.hears("member_left")["reason"], "disconnected");
}

#[test]
fn who_is_called_may_be_away_and_come_back_to_it() {
    let stage = Stage::new();
    let [ada, mut bo] = in_the_lab(&stage, ["ada", "bo"]);
    bo.client.drop_connection();
    ada.hears("member_updated");
    let call = ada.calls_member(&bo);
    bo.comes_back(&stage, "bo", 2);
    ada.hears("member_updated");
    bo.sees("inviting");
    bo.says("accept", &call);
    bo.sees("accepted");
    ada.sees("accepted");
}

#[test]
fn who_missed_too_much_is_shown_the_calls_as_they_are() {
    let stage = Stage::with(|settings| settings.limits.replay_frames_max = 2);
    let [ada, mut bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let over = in_a_call(&ada, &bo);
    let goes_on = cy.calls(json!({"to": bo.member, "data": "hi"}));
    bo.says("accept", &goes_on);
    let others = ada.calls_member(&cy);
    bo.client.drop_connection();
    ada.says("hang_up", &over);
    for device in [&ada, &cy] {
        device.client.drain();
    }

    let welcome = bo.comes_back(&stage, "bo", 2);
    assert_eq!(welcome["complete"], false);
    let joined = bo.hears("joined");
    let calls = joined["calls"].as_array().expect("calls");
    let ids: Vec<&Value> = calls.iter().map(|call| &call["call"]).collect();
    assert_eq!(ids, [&json!(goes_on)]);
    assert_eq!((&calls[0]["data"], bo.part_in(&calls[0]).0), (&json!("hi"), "reconnecting".into()));
    bo.sees("accepted"); // now that it is back
    nobody_hears(&[&bo]);
    cy.says("hang_up", &others);
    ada.client.drain();
    nobody_hears(&[&bo]);
}

#[test]
fn under_a_former_member_id_nothing_of_before_is_left() {
    let stage = Stage::new();
    let [ada, mut bo] = in_the_lab(&stage, ["ada", "bo"]);
    let former = in_a_call(&ada, &bo);
    bo.client.drop_connection();
    stage.advance(secs(30));
    ada.client.drain();
    let welcome = bo.comes_back(&stage, "bo", 3);
    assert_eq!(welcome["resumed"], false);
    bo.client.send(json!({"type": "join", "room": "lab", "member": bo.member}));
    let joined = bo.hears("joined");
    assert_eq!((&joined["member"], &joined["calls"]), (&json!(bo.member), &json!(null)));
    bo.says("accept", &former);
    bo.is_refused("no_such_call");
    ada.hears("member_joined");

    // Also in a call that went on without it.
    let cy = Device::enter(&stage, "cy");
    for device in [&ada, &bo] {
        device.client.drain();
    }
    let meeting = ada.calls(json!({}));
    cy.says("accept", &meeting);
    cy.client.drain();
    bo.client.leave("lab");
    bo.client.drain();
    bo.client.send(json!({"type": "join", "room": "lab", "member": bo.member}));
    assert_eq!(bo.hears("joined")["calls"], json!(null));
    cy.reports(&meeting, "connecting");
    nobody_hears(&[&bo]);
    bo.says("accept", &meeting);
    bo.is_refused("no_such_call");
    assert_eq!(bo.calls(json!({})), meeting);
}
