//! How many calls there may be: each limit reached, and a place that becomes free.

use kopru_signal::Limits;
use serde_json::json;

use crate::devices::{in_the_lab, nobody_hears};
use crate::stage::{Stage, secs};

fn with(change: impl FnOnce(&mut Limits)) -> Stage {
    Stage::with(|settings| change(&mut settings.limits))
}

#[test]
fn so_many_calls_in_one_room_and_no_more() {
    let stage = with(|limits| limits.calls_per_room_max = 2);
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let call = ada.calls_member(&bo);
    bo.sees("inviting");
    bo.calls_member(&cy);
    cy.asks_to_call(json!({"to": ada.member}));
    cy.sees("inviting");
    cy.is_refused("too_many_calls");
    // One that takes the place of another needs none.
    bo.asks_to_call(json!({"to": ada.member}));
    bo.sees_end("glare");
    let crossing = bo.sees("accepted")["call"].take();
    assert_ne!(crossing, json!(call));
    bo.client.send(json!({"type": "hang_up", "call": crossing}));
    cy.calls_member(&ada);
}

#[test]
fn a_session_is_in_eight_calls_at_most() {
    let stage = with(|limits| limits.calls.per_second = 0);
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let calls = [(); 8].map(|()| ada.calls_member(&bo));
    ada.asks_to_call(json!({"to": cy.member}));
    ada.is_refused("too_many_calls");
    // Being called counts when it is accepted.
    let others = [cy.calls_member(&ada), cy.calls_member(&bo)];
    ada.client.drain();
    ada.says("accept", &others[0]);
    ada.is_refused("too_many_calls");
    bo.says("accept", &others[1]);
    ada.says("hang_up", &calls[3]);
    ada.says("accept", &others[0]);
    ada.sees_end("cancelled");
    ada.sees("accepted");
}

#[test]
fn the_calls_of_all_rooms_together_are_limited() {
    let stage = with(|limits| limits.calls_max = 2);
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let call = ada.calls_member(&bo);
    ada.calls_member(&cy);
    bo.client.drain();
    bo.asks_to_call(json!({"to": cy.member}));
    assert_eq!(bo.is_refused("server_full")["retry_after_s"], 10);
    ada.says("hang_up", &call);
    bo.client.drain();
    bo.calls_member(&cy);
}

#[test]
fn who_calls_too_often_waits_and_may_answer_all_the_same() {
    let stage = Stage::new();
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    for _ in 0..10 {
        let call = ada.calls_member(&bo);
        ada.says("hang_up", &call);
        ada.client.drain();
    }
    ada.asks_to_call(json!({"to": bo.member}));
    assert_eq!(ada.is_refused("rate_limited")["retry_after_s"], 2);
    bo.client.drain();
    let call = bo.calls_member(&ada);
    ada.sees("inviting");
    ada.says("accept", &call);
    ada.sees("accepted");
    stage.advance(secs(1));
    nobody_hears(&[&ada]);
    ada.calls(json!({"identity": "bo"}));
}

#[test]
fn the_default_ring_and_the_longest_are_settings() {
    let stage = with(|limits| {
        limits.ring_timeout = secs(10);
        limits.ring_timeout_max = secs(20);
    });
    let [ada, bo] = in_the_lab(&stage, ["ada", "bo"]);
    ada.asks_to_call(json!({"to": bo.member, "timeout_s": 21}));
    ada.is_refused("bad_field");
    ada.calls(json!({"to": bo.member, "timeout_s": 20}));
    stage.advance(secs(19));
    nobody_hears(&[&ada]);
    stage.advance(secs(1));
    ada.sees_end("timeout");
    ada.calls_member(&bo);
    stage.advance(secs(10));
    ada.sees_end("timeout");
}
