//! The JSON Schemas of `docs/schema/` against the code: they are its own, whatever it says and
//! understands is valid, and what is not valid it refuses.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use kopru_signal::limits::{
    CONNECTION_CHARS_MAX, MEDIA_KINDS_MAX, MEDIA_NAME_CHARS_MAX, MEDIA_NAMES_MAX, NEGOTIATION_MAX,
};
use kopru_signal::protocol::{Request, client_schema, server_schema};
use kopru_signal::{Limits, Rejection};
use serde_json::{Value, json};

use crate::document::{examples, frames_of_every_kind};
use crate::document_calls::frames_of_calls;
use crate::document_stories::frames_of_stories;
use crate::nat::frames_of_nats;

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    for (file, schema) in [("client.json", client_schema()), ("server.json", server_schema())] {
        let path = folder("docs/schema").join(file);
        if std::env::var_os("KOPRU_RENEW_SCHEMA").is_some() {
            fs::write(&path, format!("{schema:#}\n")).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        // The order of fields is no part of it.
        let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
        assert!(
            committed == schema,
            "docs/schema/{file} is not what the code says: `cargo xtask schema` renews it"
        );
    }
}

#[test]
fn every_example_of_the_document_is_valid_on_its_own_side() {
    let (client, server) = (validator(&client_schema()), validator(&server_schema()));
    for example in examples("client") {
        assert_valid(&client, &value(&example));
        assert!(!server.is_valid(&value(&example)), "{example}");
    }
    for example in examples("server") {
        assert_valid(&server, &value(&example));
        assert!(!client.is_valid(&value(&example)), "{example}");
    }
}

#[test]
fn what_the_server_says_is_valid_and_what_it_never_says_is_not() {
    let server = validator(&server_schema());
    let mut kinds = BTreeSet::new();
    let frames = [frames_of_every_kind(), frames_of_calls(), frames_of_stories(), frames_of_nats()];
    for frame in frames.concat() {
        assert_valid(&server, &frame);
        if kinds.insert(frame["type"].to_string()) {
            // Nothing that is always there may be missing, and nothing is ever null.
            for name in frame.as_object().unwrap().keys() {
                let mut other = frame.clone();
                other[name] = Value::Null;
                let may_be_null = matches!(name.as_str(), "candidate" | "data");
                assert_eq!(server.is_valid(&other), may_be_null, "{other}");
            }
        }
    }
    assert_eq!(kinds.len(), 17, "{kinds:?}");
    for wrong in [
        json!({"type": "pong", "re": "1"}),
        json!({"type": "pong", "seq": 0, "re": "1"}),
        json!({"type": "ping", "seq": 1}),
        json!({"type": "receipt", "seq": 1, "of": "1", "status": "lost"}),
        json!({"type": "error", "code": "no_such_code", "message": ""}),
        json!({"type": "left", "seq": 1, "room": "lab", "member": "m_x"}),
    ] {
        assert!(!server.is_valid(&wrong), "{wrong}");
    }
}

/// Each example, with each of its fields taken away, and with each field that any of them has as
/// each of some values: the parser and the schema say the same of all.
#[test]
fn the_parser_takes_what_is_valid_and_nothing_else() {
    let client = validator(&client_schema());
    let examples: Vec<Value> = examples("client").iter().map(|text| value(text)).collect();
    let fields: BTreeSet<&String> =
        examples.iter().flat_map(|frame| frame.as_object().unwrap().keys()).collect();
    let (mut taken, mut refused) = (0, 0);
    let mut compare = |frame: &Value| {
        let is_taken = is_taken(&frame.to_string());
        assert_eq!(is_taken, client.is_valid(frame), "{frame}");
        *if is_taken { &mut taken } else { &mut refused } += 1;
    };
    for example in &examples {
        for &name in &fields {
            let mut without = example.clone();
            without.as_object_mut().unwrap().remove(name);
            compare(&without);
            for value in strange_values() {
                if is_beyond_a_schema(name, &value) {
                    continue;
                }
                let mut with = example.clone();
                with[name] = value;
                compare(&with);
            }
        }
    }
    assert!(taken > 1000 && refused > 1000, "{taken} were taken, {refused} refused");
}

#[test]
fn the_parser_and_the_schema_agree_about_what_fuzzers_begin_with() {
    let client = validator(&client_schema());
    let mut compared = 0;
    for seed in fs::read_dir(folder("fuzz/corpus/signal_frames")).unwrap() {
        for line in fs::read_to_string(seed.unwrap().path()).unwrap().lines() {
            let is_valid = serde_json::from_str(line).is_ok_and(|frame| client.is_valid(&frame));
            assert_eq!(is_valid, is_taken(line), "{line}");
            compared += 1;
        }
    }
    assert!(compared >= 50, "{compared} lines");
}

/// What the schemas say in words only.
#[test]
fn what_no_schema_says_the_parser_refuses() {
    let client = validator(&client_schema());
    let limits = Limits::default();
    let long = |len: usize| "x".repeat(len);
    for (frame, rejection) in [
        (
            json!({"type": "join", "id": "1", "room": long(65)}).to_string(),
            Rejection::BadField("room"),
        ),
        (
            json!({"type": "join", "id": "1", "room": "lab", "name": long(65)}).to_string(),
            Rejection::BadField("name"),
        ),
        (
            json!({"type": "message", "id": "1", "room": "lab",
                "data": long(limits.message_bytes_max)})
            .to_string(),
            Rejection::FieldTooLarge("data"),
        ),
        (
            json!({"type": "call", "id": "1", "room": "lab", "timeout_s": 301}).to_string(),
            Rejection::BadField("timeout_s"),
        ),
        (r#"{"type":"ping","id":"1","ack":1.0}"#.to_owned(), Rejection::BadField("ack")),
        (r#"{"type":"ping","id":"1","id":"1"}"#.to_owned(), Rejection::BadJson),
    ] {
        assert_valid(&client, &value(&frame));
        let refused = Request::parse(&frame, &limits).expect_err("refused");
        assert_eq!(refused.rejection, rejection, "{frame:.80}");
    }
}

/// Where a schema takes what the parser refuses: see the test above.
fn is_beyond_a_schema(field: &str, value: &Value) -> bool {
    match field {
        "room" | "name" => value.as_str().is_some_and(|text| text.chars().count() > 64),
        "timeout_s" => value.as_u64().is_some_and(|seconds| seconds > 300),
        _ => false,
    }
}

fn strange_values() -> Vec<Value> {
    let kinds = |count| (0..count).map(|kind| (format!("k{kind}"), json!([]))).collect::<Value>();
    let long = |chars| "ü".repeat(chars);
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1.5),
        json!(NEGOTIATION_MAX),
        json!(NEGOTIATION_MAX + 1),
        json!(""),
        json!("x"),
        json!("a\nb"),
        json!("\u{9f}"),
        json!("\"\\"),
        json!(long(CONNECTION_CHARS_MAX)),
        json!(long(CONNECTION_CHARS_MAX + 1)),
        json!("pair"),
        json!("busy"),
        json!("failed"),
        json!("reconnecting"),
        json!("ping"),
        json!("call_state"),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({"type": "rollback"}),
        json!({"type": "rollback", "sdp": 1}),
        json!({"type": "offer"}),
        json!({"type": "pranswer", "sdp": ""}),
        json!({"type": "else", "sdp": ""}),
        json!({"busy": null}),
        json!({"rollback": null}),
        json!({"rollback": true, "ice_restart": 1}),
        json!({"audio": [""]}),
        json!({"": []}),
        json!({"audio": vec!["x"; MEDIA_NAMES_MAX]}),
        json!({"audio": vec!["x"; MEDIA_NAMES_MAX + 1]}),
        json!({"audio": [long(MEDIA_NAME_CHARS_MAX)]}),
        json!({"audio": [long(MEDIA_NAME_CHARS_MAX + 1)]}),
        kinds(MEDIA_KINDS_MAX),
        kinds(MEDIA_KINDS_MAX + 1),
    ]
}

fn is_taken(frame: &str) -> bool {
    Request::parse(frame, &Limits::default()).is_ok()
}

fn assert_valid(validator: &Validator, frame: &Value) {
    if let Err(error) = validator.validate(frame) {
        panic!("{error}\nin {frame}");
    }
}

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).expect("a schema")
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn folder(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
