//! Broken frames, sizes and rates: each limit reached, and stayed just below.

use kopru_signal::{CloseReason, Limits, Rate};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, secs};

/// A stage with these limits, and without a limit on errors.
fn with(change: impl FnOnce(&mut Limits)) -> Stage {
    Stage::with(|settings| {
        settings.limits.refusals = Rate { per_second: 0, burst: 0 };
        change(&mut settings.limits);
    })
}

#[test]
fn what_is_no_json_object_is_answered_without_re() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    for bad in [
        "",
        " ",
        "{",
        "nonsense",
        "null",
        "7",
        "[]",
        r#"["ping","1"]"#,
        r#"{"type":"ping","id":"1"} x"#,
        r#"{"type":"ping","id":"1","id":"2"}"#,
        r#"{"type":"ping","type":"join","id":"1"}"#,
        r#"{'type':'ping'}"#,
        "{\"type\":\"pi\nng\",\"id\":\"1\"}",
        &"[".repeat(60_000),
        &r#"{"a":"#.repeat(10_000),
    ] {
        ada.say(bad);
        assert_eq!(ada.expect_error("bad_json").get("re"), None, "{bad:.40}");
    }
    ada.say(" \r\n\t{ \"id\" : \"1\" , \"type\" : \"ping\" } ");
    ada.expect("pong");
}

#[test]
fn every_field_that_is_wrong_or_missing_is_named() {
    let stage = with(|_| ());
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    let to = bo.enter("lab");
    ada.expect("member_joined");
    let good: [Value; 6] = [
        json!({"type": "join", "room": "kitchen"}),
        json!({"type": "update", "room": "lab", "name": "A", "meta": {}}),
        json!({"type": "leave", "room": "kitchen"}),
        json!({"type": "description", "room": "lab", "to": to, "connection": "c",
            "negotiation": 1, "description": {"type": "offer", "sdp": ""}}),
        json!({"type": "candidate", "room": "lab", "to": to, "connection": "c",
            "candidate": {}}),
        json!({"type": "message", "room": "lab", "data": 1}),
    ];
    let optional = [("update", "name"), ("update", "meta")];
    let any_value = ["data"];
    for message in good {
        let kind = message["type"].as_str().expect("a type").to_owned();
        for field in message.as_object().expect("an object").keys() {
            if !optional.contains(&(kind.as_str(), field.as_str())) {
                let mut without = message.clone();
                without.as_object_mut().expect("an object").remove(field);
                let id = ada.send(without);
                let error = ada.expect_error("missing_field");
                assert_eq!((&error["field"], &error["re"]), (&json!(field), &json!(id)));
            }
            if !any_value.contains(&field.as_str()) {
                let mut wrong = message.clone();
                wrong[field] = json!([7]);
                let id = ada.send(wrong);
                let error = ada.expect_error("bad_field");
                assert_eq!((&error["field"], &error["re"]), (&json!(field), &json!(id)));
            }
        }
    }
    bo.expect_nothing();
}

#[test]
fn the_envelope_is_checked_too() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    for (bad, code, field, re) in [
        (json!({"id": "1"}), "missing_field", json!("type"), json!("1")),
        (json!({"id": "1", "type": 7}), "bad_field", json!("type"), json!("1")),
        (json!({"id": "1", "type": "Ping"}), "unknown_type", json!(null), json!("1")),
        (json!({"type": "ping"}), "missing_field", json!("id"), json!(null)),
        (json!({"id": "", "type": "ping"}), "bad_field", json!("id"), json!(null)),
        (json!({"id": 1, "type": "ping"}), "bad_field", json!("id"), json!(null)),
        (json!({"id": null, "type": "ping"}), "bad_field", json!("id"), json!(null)),
        (json!({"id": "i".repeat(65), "type": "ping"}), "bad_field", json!("id"), json!(null)),
    ] {
        ada.say(&bad.to_string());
        let error = ada.expect_error(code);
        assert_eq!((&error["field"], &error["re"]), (&field, &re), "{bad}");
    }
    ada.say(&json!({"id": "ü\"\\".repeat(21), "type": "ping", "later": {"x": 1}}).to_string());
    assert_eq!(ada.expect("pong")["re"], "ü\"\\".repeat(21));
}

#[test]
fn a_frame_of_64_kib_and_not_a_byte_more() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    let frame = |bytes: usize| {
        let empty = r#"{"type":"ping","id":"1","x":""}"#;
        empty.replace(r#""""#, &format!(r#""{}""#, "x".repeat(bytes - empty.len())))
    };
    ada.say(&frame(65_536));
    ada.expect("pong");
    ada.say(&frame(65_537));
    assert_eq!(ada.expect_error("frame_too_large").get("re"), None);
}

#[test]
fn payloads_have_their_own_limits() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    ada.enter("lab");
    let bo = stage.session("bo");
    let to = bo.enter("lab");
    ada.expect("member_joined");
    // {"x":"…"} is 8 bytes and what is in it.
    let object = |bytes: usize| json!({"x": "x".repeat(bytes - 8)});
    let message = |field: &str, value: Value| {
        let kind = match field {
            "meta" => "update",
            "data" => "message",
            _ => "candidate",
        };
        let mut message = json!({"type": kind, "room": "lab", "to": to, "connection": "c"});
        message[field] = value;
        message
    };
    for (field, bytes) in [("meta", 4096), ("candidate", 4096), ("data", 16_384)] {
        ada.send(message(field, object(bytes)));
        ada.expect("ok");
        ada.send(message(field, object(bytes + 1)));
        assert_eq!(ada.expect_error("field_too_large")["field"], field);
    }
    ada.send(json!({"type": "join", "room": "kitchen", "meta": object(4097)}));
    ada.expect_error("field_too_large");
}

#[test]
fn texts_have_their_limits() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    ada.enter("lab");
    let bo = stage.session("bo");
    let to = bo.enter("lab");
    ada.expect("member_joined");
    for (chars, kind) in [(64, "ok"), (65, "error"), (0, "error")] {
        ada.send(json!({"type": "candidate", "room": "lab", "to": to,
            "connection": "ü".repeat(chars), "candidate": null}));
        let answer = ada.expect(kind);
        if kind == "error" {
            assert_eq!(answer["field"], "connection");
        }
    }
    for (chars, kind) in [(64, "ok"), (65, "error"), (0, "ok")] {
        ada.send(json!({"type": "update", "room": "lab", "name": "ü".repeat(chars)}));
        let answer = ada.expect(kind);
        if kind == "error" {
            assert_eq!(answer["field"], "name");
        }
    }
    for (negotiation, kind) in [((1_u64 << 53) - 1, "ok"), (1 << 53, "error")] {
        ada.send(json!({"type": "description", "room": "lab", "to": to, "connection": "c",
            "negotiation": negotiation, "description": {"type": "rollback"}}));
        ada.expect(kind);
    }
}

#[test]
fn each_kind_of_message_has_its_rate() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    ada.enter("lab"); // one request
    let bo = stage.session("bo");
    let to = bo.enter("lab");
    ada.expect("member_joined");
    let kinds = [
        (
            100,
            20,
            json!({"type": "description", "room": "lab", "to": to, "connection": "c",
            "negotiation": 1, "description": {"type": "rollback"}}),
        ),
        (
            600,
            100,
            json!({"type": "candidate", "room": "lab", "to": to, "connection": "c",
            "candidate": null}),
        ),
        (100, 50, json!({"type": "message", "room": "lab", "data": 1})),
        (39, 10, json!({"type": "ping"})),
    ];
    // Together: none takes from another.
    for (burst, _, message) in &kinds {
        for _ in 0..*burst {
            ada.send(message.clone());
            assert_ne!(ada.expect_text().find("\"error\""), Some(8));
        }
        ada.send(message.clone());
        assert_eq!(ada.expect_error("rate_limited")["retry_after_s"], 1);
    }
    stage.advance(secs(1));
    for (_, per_second, message) in &kinds {
        assert_eq!(accepted(&ada, message, 700), *per_second);
    }
    // Who was refused was not delivered.
    assert_eq!(bo.drain().0.len(), 100 + 600 + 100 + 20 + 100 + 50);
    // Others have rates of their own.
    bo.send(json!({"type": "ping"}));
    bo.expect("pong");
}

fn accepted(client: &Client, message: &Value, times: usize) -> usize {
    for _ in 0..times {
        client.send(message.clone());
    }
    client.drain().0.iter().filter(|frame| frame["type"] != "error").count()
}

#[test]
fn who_is_refused_too_often_is_closed() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.enter("lab");
    ada.expect("member_joined");
    for _ in 0..50 {
        bo.say("nonsense");
        bo.expect_error("bad_json");
    }
    stage.advance(secs(1));
    for _ in 0..5 {
        bo.say("nonsense");
        bo.expect_error("bad_json");
    }
    bo.say("nonsense");
    bo.expect_error("bad_json");
    bo.expect_close(CloseReason::TooManyRefusals);
    assert_eq!(ada.expect("member_left")["reason"], "disconnected");
    let stats = stage.stats();
    assert_eq!((stats.refused["bad_json"], stats.closed["too_many_refusals"]), (56, 1));
}

#[test]
fn garbage_before_hello_ends_the_same_way() {
    let stage = Stage::new();
    let stranger = stage.client(claims("ada"));
    for _ in 0..51 {
        stranger.say("\u{0}");
    }
    let (frames, closed) = stranger.drain();
    assert_eq!((frames.len(), closed), (51, Some(CloseReason::TooManyRefusals)));
    assert_eq!(stage.stats().connections, 0);
}
