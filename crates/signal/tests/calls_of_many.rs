//! Calls to several devices, to the whole room, and of two who call each other.

use serde_json::json;

use crate::devices::{Device, all_see, in_the_lab, nobody_hears};
use crate::stage::{Stage, secs};

#[test]
fn the_first_device_to_accept_is_the_one() {
    let stage = Stage::new();
    let [ada, phone, laptop] = in_the_lab(&stage, ["ada", "bo", "bo"]);
    let call = ada.calls(json!({"identity": "bo"}));
    all_see(&[&phone, &laptop], "inviting");
    phone.says("ringing", &call);
    all_see(&[&ada, &phone, &laptop], "ringing");
    laptop.says("accept", &call);
    all_see(&[&ada, &laptop], "accepted");
    phone.is_out("accepted", "answered_elsewhere");
    phone.says("accept", &call);
    phone.is_refused("no_such_call");

    // What goes on without it, it is not told.
    ada.says("hang_up", &call);
    ada.sees_end("hung_up");
    laptop.sees_end("hung_up");
    nobody_hears(&[&phone, &laptop]);
}

#[test]
fn one_device_that_says_no_leaves_the_others_ringing() {
    let stage = Stage::new();
    let [ada, phone, laptop] = in_the_lab(&stage, ["ada", "bo", "bo"]);
    // What the two devices do, and what that comes to.
    for (first, second, reason) in [
        ("busy", Some("busy"), "busy"),
        ("busy", Some("rejected"), "rejected"),
        ("rejected", Some("busy"), "rejected"),
        ("rejected", None, "rejected"),
        ("busy", None, "timeout"),
    ] {
        let call = ada.calls(json!({"identity": "bo", "timeout_s": 5}));
        all_see(&[&phone, &laptop], "inviting");
        phone.says_because("reject", &call, first);
        phone.is_out("inviting", first);
        all_see(&[&ada, &laptop], "inviting");
        match second {
            Some(second) => drop(laptop.says_because("reject", &call, second)),
            None => stage.advance(secs(5)),
        }
        ada.sees_end(reason);
        laptop.sees_end(reason);
        laptop.client.drain();
        nobody_hears(&[&phone]);
        stage.advance(secs(1));
    }
}

#[test]
fn a_call_of_the_whole_room_takes_all_who_accept() {
    let stage = Stage::new();
    let [ada, bo, cy, dee] = in_the_lab(&stage, ["ada", "bo", "cy", "dee"]);
    let call = ada.calls(json!({"data": "stand-up"}));
    for device in [&bo, &cy, &dee] {
        let invitation = device.sees("inviting");
        assert_eq!(
            (&invitation["whole_room"], &invitation["data"]),
            (&json!(true), &json!("stand-up"))
        );
    }
    bo.says("accept", &call);
    all_see(&[&ada, &bo, &cy, &dee], "accepted");
    cy.says("reject", &call);
    cy.is_out("accepted", "rejected");
    all_see(&[&ada, &bo, &dee], "accepted");
    for device in [&ada, &bo] {
        device.reports(&call, "connected");
    }
    assert_eq!(dee.sees("accepted")["reason"], json!(null));
    dee.sees("connected");

    // The caller may go: those who are left go on, and late ones are given up.
    ada.says("hang_up", &call);
    dee.sees("inviting"); // `bo` is there, and she may come
    stage.advance(secs(45));
    assert_eq!(dee.sees_end("timeout")["call"], call);
    bo.client.drain();
    nobody_hears(&[&bo]);
    assert_eq!(stage.stats().calls_ended, [("timeout", 1)].into());
}

#[test]
fn who_calls_the_room_comes_into_its_call() {
    let stage = Stage::new();
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let call = ada.calls(json!({"data": 7}));
    // Called, and has not answered.
    assert_eq!(bo.sees("inviting")["data"], 7);
    cy.sees("inviting");
    assert_eq!(bo.calls(json!({})), call);
    all_see(&[&ada, &cy], "accepted");
    // Was in it, and went out.
    cy.says("accept", &call);
    cy.says("hang_up", &call);
    cy.client.drain();
    bo.client.drain();
    cy.asks_to_call(json!({}));
    let back = cy.sees("accepted");
    assert_eq!((&back["call"], &back["data"]), (&json!(call), &json!(7)));
    bo.sees("accepted");
    // Came later.
    let dee = Device::enter(&stage, "dee");
    assert_eq!(dee.calls(json!({"data": "of no use"})), call);
    dee.asks_to_call(json!({}));
    dee.is_refused("wrong_call_state");
    bo.hears("member_joined");
    let members = bo.sees("accepted")["members"].as_array().map(Vec::len);
    assert_eq!((members, stage.stats().calls), (Some(4), [("accepted", 1)].into()));
}

#[test]
fn those_who_left_the_room_are_forgotten() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = ada.calls(json!({}));
    bo.says("accept", &call);
    for hangs_up_first in [false, true, false] {
        let visitor = Device::enter(&stage, "visitor");
        visitor.calls(json!({}));
        if hangs_up_first {
            visitor.says("hang_up", &call);
        }
        bo.client.drain();
        visitor.client.leave("lab");
        if !hangs_up_first {
            let last = bo.sees("accepted");
            assert_eq!(visitor.part_in(&last), ("ended".into(), "left".into()));
        }
        bo.hears("member_left");
    }
    ada.reports(&call, "connecting");
    assert_eq!(bo.sees("accepted")["members"].as_array().map(Vec::len), Some(2));
}

#[test]
fn two_who_call_each_other_have_one_call() {
    // `ada` is polite towards `bo`, and so gives way, whoever calls first.
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    let call = bo.calls_member(&ada);
    ada.sees("inviting");
    assert_eq!(ada.calls_member(&bo), call);
    bo.sees("accepted");
    nobody_hears(&[&ada, &bo]);
    ada.says("hang_up", &call);
    ada.client.drain();
    bo.sees_end("hung_up");

    let given_way = ada.calls_member(&bo);
    bo.sees("inviting");
    bo.asks_to_call(json!({"to": ada.member, "data": "from bo"}));
    assert_eq!(bo.sees_end("glare")["call"], given_way);
    let answer = bo.sees("accepted");
    assert_eq!((&answer["caller"], &answer["re"]), (&json!(bo.member), &json!("3")));
    assert_eq!(ada.sees_end("glare")["call"], given_way);
    let taken = ada.sees("accepted");
    assert_eq!((&taken["call"], &taken["data"]), (&answer["call"], &json!("from bo")));
    nobody_hears(&[&ada, &bo]);
    assert_eq!(stage.stats().calls, [("accepted", 1)].into());
    stage.advance(secs(60));
    ada.sees_end("failed");
}

#[test]
fn two_who_call_each_other_and_have_other_devices_too() {
    let stage = Stage::new();
    let [ada, phone, laptop] = in_the_lab(&stage, ["ada", "bo", "bo"]);
    let given_way = ada.calls(json!({"identity": "bo"}));
    all_see(&[&phone, &laptop], "inviting");
    phone.asks_to_call(json!({"identity": "ada"}));
    assert_eq!(laptop.sees_end("glare")["call"], given_way);
    ada.sees_end("glare");
    ada.sees("accepted");
    nobody_hears(&[&laptop]);
    phone.client.drain();

    // A call to somebody else is none of this.
    let cy = Device::enter(&stage, "cy");
    ada.client.drain();
    let other = cy.calls_member(&ada);
    ada.sees("inviting");
    assert_ne!(ada.calls_member(&laptop), other);
    assert_eq!(stage.stats().calls, [("accepted", 1), ("inviting", 2)].into());
}
