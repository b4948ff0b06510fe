//! The examples and tables about stories in `docs/protocol.md`.

use std::collections::BTreeSet;

use kopru_signal::{RefusedWhy, RelaySight, TurnTransport, VerdictClass};
use serde_json::{Value, json};

use crate::document::{examples, shape, table, unquoted};
use crate::two::Two;

/// A `story` with all that one can have.
pub(crate) fn frames_of_stories() -> Vec<Value> {
    let two = Two::new();
    two.negotiate();
    two.turn_saw_bo(RelaySight::Refused { code: 401, why: RefusedWhy::WrongPassword });
    two.bo_reports(json!({"state": "checking"}));
    two.ada.client.send(json!({"type": "why", "room": "lab", "to": two.bo.member}));
    vec![two.ada.client.expect("story")]
}

#[test]
fn every_class_has_its_row_and_every_row_its_class() {
    let rows: Vec<String> = table("| `class` | meaning | what to do |")
        .into_iter()
        .map(|row| unquoted(&row[0]))
        .collect();
    assert_eq!(rows, VerdictClass::ALL.map(VerdictClass::as_str));
}

#[test]
fn every_example_of_an_entry_is_one_that_is_told() {
    let two = Two::who_can(|_| (), [json!({"video": ["VP8"]}), json!({"video": ["H264"]})]);
    two.negotiate();
    two.ada_proposes("udp 1 192.0.2.1 5001 typ host");
    let sights = [
        RelaySight::Allocated { transport: TurnTransport::Udp, relayed_private: true },
        RelaySight::Refused { code: 486, why: RefusedWhy::Quota },
        RelaySight::PeerRefused { peer: [10, 0, 0, 2].into(), code: 403 },
        RelaySight::Ended {
            reason: kopru_signal::AllocationEnd::Expired,
            transport: TurnTransport::Udp,
            to_peers_bytes: 1,
            to_client_bytes: 1,
        },
    ];
    for sight in sights {
        two.stage.relay_saw(&two.ada.credential, sight);
        two.stage.relay_saw(&two.ada.credential, sight);
    }
    let end =
        |kind: &str| json!({"type": kind, "protocol": "udp", "address": "192.0.2.1", "port": 1});
    let mut relayed = end("relay");
    relayed["relay_protocol"] = json!("tls");
    let errors = json!([{"url": "turn:a", "code": 701, "text": "timed out"}]);
    two.ada_reports(json!({"state": "checking", "errors": errors}));
    let pair = json!({"local": relayed, "remote": end("host")});
    two.ada_reports(json!({"state": "connected", "pair": pair}));
    two.bo.client.leave("lab");
    two.ada.client.expect("member_left");
    let story = two.told_to_ada();
    let known: BTreeSet<String> =
        story["timeline"].as_array().expect("a timeline").iter().map(shape).collect();
    for example in examples("entry") {
        for line in example.lines() {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            assert!(known.contains(&shape(&entry)), "{line}\nis none of {known:#?}");
        }
    }
}
