//! `docs/protocol.md` against the code: every example, every code, every limit.

use std::collections::{BTreeMap, BTreeSet};

use kopru_signal::limits::{
    ANNOUNCED_MAX, ANSWERED_IDS_MAX, CONNECTION_CHARS_MAX, CONNECTIONS_PER_PAIR_MAX,
    EARLY_SIGHT_AGE_MAX, EARLY_SIGHTS_MAX, EMPTY_S_MAX, ENDED_ROOMS_MAX, HELD_BYTES_MAX,
    HELD_CANDIDATES_MAX, ID_CHARS_MAX, IDENTITY_CHARS_MAX, LISTED_ROOMS_MAX, LISTED_STORIES_MAX,
    MEDIA_KINDS_MAX, MEDIA_NAME_CHARS_MAX, MEDIA_NAMES_MAX, NAME_CHARS_MAX, NEGOTIATION_MAX,
    PACES_MAX, REPORT_ERRORS_MAX, REPORT_TEXT_CHARS_MAX, ROOM_CHARS_MAX, SETUP_MS_MAX,
    SIGHTED_STORIES_MAX, STALLED_AFTER, TIMELINE_ENTRIES_MAX, TIMELINE_TEXT_BYTES_MAX,
};
use kopru_signal::protocol::{ClientMessage, Request};
use kopru_signal::{Claims, CloseReason, Limits, Rejection, RoomPattern};
use kopru_stun::credentials::Secret;
use serde_json::{Value, json};

use crate::document_calls::{frames_of_calls, kind_of_step};
use crate::document_stories::frames_of_stories;
use crate::nat::frames_of_nats;
use crate::stage::{START_UNIX, Stage, claims, claims_for, secs};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

#[test]
fn every_client_example_is_understood_and_every_message_has_one() {
    let mut seen = BTreeSet::new();
    for example in examples("client") {
        let request = Request::parse(&example, &Limits::default());
        let request = request.unwrap_or_else(|error| panic!("{error:?} in {example}"));
        assert!(
            request.id.is_some() || matches!(request.message, ClientMessage::Hello(_)),
            "{example}"
        );
        seen.insert(match request.message {
            ClientMessage::Hello(_) => "hello",
            ClientMessage::Join(_) => "join",
            ClientMessage::Update(_) => "update",
            ClientMessage::Leave(_) => "leave",
            ClientMessage::Description(_) => "description",
            ClientMessage::Candidate(_) => "candidate",
            ClientMessage::Message(_) => "message",
            ClientMessage::Call(_) => "call",
            ClientMessage::CallStep(step) => kind_of_step(step.step),
            ClientMessage::Report(_) => "report",
            ClientMessage::Why(_) => "why",
            ClientMessage::Token => "token",
            ClientMessage::IceServers => "ice_servers",
            ClientMessage::Ping => "ping",
        });
    }
    assert_eq!(seen.len(), 18, "{seen:?}");
}

#[test]
fn every_server_example_is_a_frame_that_the_hub_sends_and_each_kind_has_one() {
    let mut frames = frames_of_every_kind();
    frames.extend(frames_of_calls());
    frames.extend(frames_of_nats());
    frames.extend(frames_of_stories());
    let shapes: BTreeSet<String> = frames.iter().map(shape).collect();
    let mut kinds = BTreeSet::new();
    for example in examples("server") {
        let example: Value = serde_json::from_str(&example).expect("JSON");
        kinds.insert(kind(&example));
        let shape = shape(&example);
        assert!(shapes.contains(&shape), "{shape}\nis none of {shapes:#?}");
    }
    assert_eq!(kinds, frames.iter().map(kind).collect());
}

#[test]
fn every_error_example_says_what_the_code_says() {
    for example in examples("server") {
        let example: Value = serde_json::from_str(&example).expect("JSON");
        if example["type"] == "error" {
            let code = example["code"].as_str().expect("a code");
            let rejection = REJECTIONS.into_iter().find(|rejection| rejection.code() == code);
            let rejection = rejection.unwrap_or_else(|| panic!("no such code: {code}"));
            assert_eq!(example["message"], *rejection.message());
            assert_eq!(example["field"].as_str(), rejection.field());
            assert_eq!(example["retry_after_s"], json!(rejection.retry_after_s()));
        }
    }
}

#[test]
fn every_error_code_has_its_row_and_every_row_its_code() {
    let rows: Vec<String> = table("| code | meaning | what the client should do | try again? |")
        .into_iter()
        .map(|row| unquoted(&row[0]))
        .collect();
    assert_eq!(rows, Rejection::CODES);
    assert_eq!(REJECTIONS.map(Rejection::code), Rejection::CODES);
}

#[test]
fn every_close_code_has_its_row_and_every_row_its_code() {
    let rows: Vec<(String, String)> =
        table("| code | reason | meaning | what the client should do |")
            .into_iter()
            .map(|row| (row[0].clone(), unquoted(&row[1])))
            .collect();
    let known =
        CloseReason::ALL.map(|reason| (reason.code().to_string(), reason.reason().to_owned()));
    assert_eq!(rows, known);
}

#[test]
fn every_limit_has_its_row_and_every_row_its_limit() {
    let rows = |header: &str| -> BTreeMap<String, u64> {
        let rows = table(header);
        let rows = rows.iter().map(|row| (unquoted(&row[0]), row[1].parse().expect("a number")));
        rows.collect()
    };
    let fixed = [
        ("id_chars_max", ID_CHARS_MAX as u64),
        ("connection_chars_max", CONNECTION_CHARS_MAX as u64),
        ("room_chars_max", ROOM_CHARS_MAX as u64),
        ("name_chars_max", NAME_CHARS_MAX as u64),
        ("identity_chars_max", IDENTITY_CHARS_MAX as u64),
        ("answered_ids_max", ANSWERED_IDS_MAX as u64),
        ("connections_per_pair_max", CONNECTIONS_PER_PAIR_MAX as u64),
        ("held_candidates_max", HELD_CANDIDATES_MAX as u64),
        ("held_bytes_max", HELD_BYTES_MAX as u64),
        ("media_kinds_max", MEDIA_KINDS_MAX as u64),
        ("media_names_max", MEDIA_NAMES_MAX as u64),
        ("media_name_chars_max", MEDIA_NAME_CHARS_MAX as u64),
        ("ended_rooms_max", ENDED_ROOMS_MAX as u64),
        ("listed_rooms_max", LISTED_ROOMS_MAX as u64),
        ("empty_s_max", EMPTY_S_MAX),
        ("report_errors_max", REPORT_ERRORS_MAX as u64),
        ("report_text_chars_max", REPORT_TEXT_CHARS_MAX as u64),
        ("setup_ms_max", SETUP_MS_MAX.into()),
        ("timeline_entries_max", TIMELINE_ENTRIES_MAX as u64),
        ("timeline_text_bytes_max", TIMELINE_TEXT_BYTES_MAX as u64),
        ("announced_max", ANNOUNCED_MAX as u64),
        ("sighted_stories_max", SIGHTED_STORIES_MAX as u64),
        ("early_sights_max", EARLY_SIGHTS_MAX as u64),
        ("early_sight_age_max_s", EARLY_SIGHT_AGE_MAX.as_secs()),
        ("paces_max", PACES_MAX as u64),
        ("stalled_after_s", STALLED_AFTER.as_secs()),
        ("listed_stories_max", LISTED_STORIES_MAX as u64),
        ("negotiation_max", NEGOTIATION_MAX),
    ];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(rows("| limit | value | |"), BTreeMap::from(fixed));
    assert_eq!(rows("| limit | default | |"), defaults());
}

/// All limits by their names in the document: numbers, times and rates. A field of [`Limits`] that
/// is not listed does not compile.
macro_rules! rows_of {
    ($limits:expr; [$($number:ident),*], [$($time:ident),*], [$($rate:ident),*]) => {{
        let Limits { $($number,)* $($time,)* $($rate,)* } = $limits;
        BTreeMap::from([
            $((stringify!($number).to_owned(), $number as u64),)*
            $((concat!(stringify!($time), "_s").to_owned(), $time.as_secs()),)*
            $((concat!(stringify!($rate), "_per_second").to_owned(), $rate.per_second.into()),)*
            $((concat!(stringify!($rate), "_burst").to_owned(), $rate.burst.into()),)*
        ])
    }};
}

fn defaults() -> BTreeMap<String, u64> {
    rows_of!(
        Limits::default();
        [
            frame_bytes_max, meta_bytes_max, candidate_bytes_max, message_bytes_max,
            queue_bytes_max, replay_frames_max, replay_bytes_max, members_per_room_max,
            rooms_per_session_max, sessions_per_identity_max, sessions_per_network_max,
            connections_max, memory_bytes_max, rooms_max, waiting_rooms_max, members_max,
            calls_per_room_max, calls_per_session_max, calls_max, stories_max,
            stories_per_identity_max
        ],
        [
            story_age_max, ring_timeout, ring_timeout_max, connect_timeout, hello_timeout,
            heartbeat, grace
        ],
        [
            descriptions, candidates, messages, calls, reports, requests, refusals,
            identity_sessions, network_sessions
        ]
    )
}

/// One of each, in the order of the document.
const REJECTIONS: [Rejection; 34] = [
    Rejection::FrameTooLarge,
    Rejection::BadJson,
    Rejection::UnknownType,
    Rejection::MissingField("room"),
    Rejection::BadField("meta"),
    Rejection::FieldTooLarge("data"),
    Rejection::BadAck,
    Rejection::HelloFirst,
    Rejection::AlreadyGreeted,
    Rejection::UnsupportedVersion,
    Rejection::Unauthorized,
    Rejection::TokenExpired,
    Rejection::TokenLivesTooLong,
    Rejection::TokenRevoked,
    Rejection::TooManyFailedLogins { retry_after_s: 1 },
    Rejection::AnotherIdentity,
    Rejection::RoomNotAllowed,
    Rejection::NoSuchRoom,
    Rejection::AlreadyJoined,
    Rejection::IdentityInRoom,
    Rejection::NotInRoom,
    Rejection::NoSuchMember,
    Rejection::Superseded,
    Rejection::RelayOnly,
    Rejection::RoomFull,
    Rejection::OtherRoomKind,
    Rejection::TooManyRooms,
    Rejection::NoSuchCall,
    Rejection::WrongCallState,
    Rejection::TooManyCalls,
    Rejection::TooManySessions,
    Rejection::TooManyNewSessions { retry_after_s: 1 },
    Rejection::ServerFull,
    Rejection::RateLimited { retry_after_s: 1 },
];

/// A ladder in which the hub says everything that it can say.
pub(crate) fn frames_of_every_kind() -> Vec<Value> {
    let stage = Stage::with(|settings| {
        settings.ice.stun_urls = vec!["stun:turn.example.org:3478".into()];
        settings.ice.turn_urls = vec!["turn:turn.example.org:3478?transport=udp".into()];
        settings.ice.secret = Some(Secret::new("s3cret"));
        settings.ice.ttl = secs(60);
        settings.ice.nat_probe_urls = vec!["stun:turn.example.org:3479".into()];
        settings.limits.requests.burst = 8;
        settings.relay_only = vec![RoomPattern::new("consulting/*").expect("a pattern")];
    });
    let mortal = |subject| Claims { expires_unix: Some(START_UNIX + 3600), ..claims(subject) };
    let ada = stage.client(mortal("ada"));
    ada.join("lab");
    let (mut frames, _) = ada.drain();
    // Neither `ada` nor the camera can roll back, `bo` can.
    ada.say(r#"{"type":"hello","v":1,"capabilities":{"ice_restart":true}}"#);
    let camera = stage.client(claims("camera"));
    camera.hello_with(json!({}));
    camera.enter("lab");
    let bo = stage.client(mortal("bo"));
    let welcome = bo.hello();
    bo.join("consulting/7");
    frames.push(bo.expect("joined"));
    let bo_member = bo.enter("lab");
    let cy = stage.session("cy");
    cy.enter("lab");
    for codec in ["VP8", "H264"] {
        let viewer = stage.session(codec);
        let media = json!({"audio": ["opus"], "video": [codec]});
        viewer.send(json!({"type": "join", "room": "cinema", "media": media}));
        frames.push(viewer.expect("joined"));
    }
    ada.join("lab");
    let to = |mut message: Value| {
        message["room"] = json!("lab");
        message["to"] = json!(bo_member);
        message
    };
    let offer = json!({"type": "offer", "sdp": ""});
    ada.send(to(json!({"type": "description", "connection": "main", "negotiation": 1,
        "description": offer})));
    ada.send(to(json!({"type": "candidate", "connection": "main", "candidate": {}})));
    ada.send(to(json!({"type": "message", "data": {}, "receipt": true})));
    bo.send(json!({"type": "ping", "ack": 8}));
    ada.send(json!({"type": "update", "room": "lab", "name": "Ada L."}));
    ada.send(json!({"type": "update", "room": "lab", "meta": 7}));
    ada.send(json!({"type": "leave", "room": "lab"}));
    ada.send(to(json!({"type": "message", "data": {}})));
    ada.say("{");
    for _ in 0..8 {
        ada.send(json!({"type": "ping"}));
    }
    bo.drop_connection();
    camera.send(to(json!({"type": "description", "connection": "main", "negotiation": 1,
        "description": {"type": "offer", "sdp": ""}})));
    camera.send(to(json!({"type": "description", "connection": "main", "negotiation": 2,
        "description": {"type": "offer", "sdp": ""}})));
    let bo_again = stage.client(mortal("bo"));
    frames.push(bo_again.hello_with(json!({"resume": welcome["resume"]})));
    bo_again.refresh(Ok(claims_for("bo", &[])));
    bo_again.refresh(Ok(mortal("bo")));
    stage.advance(secs(42)); // 70 % of the credentials' time
    frames.extend(ada.drain().0);
    frames.extend(bo.drain().0);
    frames.extend(bo_again.drain().0);
    frames.extend(camera.drain().0);
    frames.extend(cy.drain().0);
    frames
}

fn kind(frame: &Value) -> String {
    frame["type"].as_str().expect("a type").to_owned()
}

/// Which fields a frame has and of which JSON type they are, all the way down, but not into what
/// applications put there.
pub(crate) fn shape(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| match name.as_str() {
                    "meta" | "data" | "candidate" | "description" => format!("{name}: any"),
                    _ => format!("{name}: {}", shape(value)),
                })
                .collect();
            format!("{kind} {{{}}}", fields.join(", "))
        }
        Value::Array(items) => {
            let shapes: BTreeSet<String> = items.iter().map(shape).collect();
            format!("{shapes:?}")
        }
        Value::String(_) => "string".into(),
        Value::Number(_) => "number".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Null => "null".into(),
    }
}

/// The blocks marked "json client" or "json server".
pub(crate) fn examples(side: &str) -> Vec<String> {
    let fence = format!("```json {side}\n");
    let blocks = DOCUMENT.split(&fence).skip(1);
    let blocks: Vec<String> = blocks
        .map(|rest| rest.split("\n```").next().expect("an end of the block").to_owned())
        .collect();
    assert!(!blocks.is_empty());
    blocks
}

/// The cells of the table below this header.
pub(crate) fn table(header: &str) -> Vec<Vec<String>> {
    let (_, rest) = DOCUMENT.split_once(header).expect("a table with this header");
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

pub(crate) fn unquoted(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}
