//! What `docs/protocol.md` says about calls, against the code: its messages, states and reasons.

use std::collections::BTreeSet;

use kopru_signal::protocol::Step;
use serde_json::{Value, json};

use crate::devices::{Device, in_the_lab};
use crate::stage::Stage;

pub(crate) fn kind_of_step(step: Step) -> &'static str {
    match step {
        Step::Ringing => "ringing",
        Step::Accept => "accept",
        Step::Reject { .. } => "reject",
        Step::HangUp { .. } => "hang_up",
        Step::Report { .. } => "call_state",
    }
}

/// A ladder in which the hub says everything about calls that it can say.
pub(crate) fn frames_of_calls() -> Vec<Value> {
    let stage = Stage::with(|settings| settings.limits.replay_frames_max = 2);
    let [ada, bo, cy] = in_the_lab(&stage, ["ada", "bo", "cy"]);
    let meeting = ada.calls(json!({}));
    cy.says("reject", &meeting);
    for (device, step) in [(&bo, "accept"), (&ada, "hang_up")] {
        device.says(step, &meeting);
    }
    ada.asks_to_call(json!({"to": bo.member, "data": 1}));
    let mut frames = drained(&[&ada, &bo, &cy]);
    let call = frames.iter().rfind(|frame| frame["data"] == 1).expect("an invitation");
    bo.says("hang_up", call["call"].as_str().expect("an id"));

    // Two are there, of whom one comes back and has missed too much.
    cy.client.leave("lab");
    frames.extend(drained(&[&ada, &bo, &cy]));
    let mut bo = bo;
    let call = ada.calls(json!({"to": bo.member, "data": 1}));
    bo.says("accept", &call);
    bo.client.drop_connection();
    bo.comes_back(&stage, "bo", 2);
    frames.extend(drained(&[&ada, &bo]));
    frames
}

fn drained(devices: &[&Device]) -> Vec<Value> {
    devices.iter().flat_map(|device| device.client.drain().0).collect()
}

#[test]
fn every_reason_that_a_call_may_end_for_is_told_by_the_document() {
    let page = include_str!("../../../docs/protocol.md");
    let (_, rest) = page.split_once("\n| `reason` | |\n").expect("the table of reasons");
    let rows = rest.lines().skip(1).take_while(|line| line.starts_with('|'));
    let rows: BTreeSet<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    // Each of them is reached by a ladder in `calls*.rs`.
    let reasons = [
        "rejected",
        "busy",
        "timeout",
        "cancelled",
        "answered_elsewhere",
        "hung_up",
        "left",
        "failed",
        "glare",
    ];
    assert_eq!(rows, BTreeSet::from(reasons));
}
