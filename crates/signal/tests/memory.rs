//! What is held for clients is counted, and who comes when there is no room hears when to return.

use std::collections::BTreeMap;

use kopru_signal::{CloseReason, Limits, Pressure};
use serde_json::{Value, json};

use crate::stage::{Client, Stage, claims, secs};

fn with(change: impl FnOnce(&mut Limits)) -> Stage {
    Stage::with(|settings| {
        settings.limits.messages.per_second = 0;
        change(&mut settings.limits);
    })
}

/// Says something of so many bytes to everybody in the lab.
fn say(client: &Client, bytes: usize) {
    client.send(json!({"type": "message", "room": "lab", "data": "x".repeat(bytes)}));
    client.drain();
}

/// What each of these is told who wants a session: how long to wait.
fn refused(stage: &Stage, clients: usize) -> Vec<u32> {
    let told = |number: usize| {
        let client = stage.client(claims(&format!("late {number}")));
        client.say(r#"{"type":"hello","v":1}"#);
        let error = client.expect_error("server_full");
        let retry_after_s = error["retry_after_s"].as_u64().expect("a number") as u32;
        client.expect_close(CloseReason::ServerFull { retry_after_s });
        retry_after_s
    };
    (0..clients).map(told).collect()
}

#[test]
fn everything_is_given_back() {
    let stage = with(|_| ());
    let memory = stage.memory();
    assert_eq!(memory.held(), 0);
    let greeting = stage.client(claims("cy"));
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.send(json!({"type": "join", "room": "lab", "media": {"audio": ["opus", "PCMU"]}}));
    let bo_member = ada.expect("member_joined")["member"]["member"].clone();
    ada.send(json!({"type": "update", "room": "lab", "meta": {"more": "x".repeat(1000)}}));
    ada.send(json!({"type": "call", "room": "lab", "to": bo_member, "data": "x".repeat(1000)}));
    ada.send(json!({"type": "description", "room": "lab", "to": bo_member, "connection": "main",
        "negotiation": 1, "description": {"type": "offer", "sdp": "x".repeat(1000)}}));
    say(&ada, 5000);
    // Five thousand for bo to acknowledge, and what was told of meta, call and offer.
    assert!(memory.held() > 10_000, "{}", memory.held());
    greeting.drop_connection();
    ada.drop_connection();
    stage.advance(secs(30));
    bo.say_goodbye();
    // What is left is the story of their connection.
    let story = memory.held();
    assert!((1000..3000).contains(&story), "{story}");
    stage.advance(secs(900));
    assert_eq!(memory.held(), 0);
}

#[test]
fn candidates_that_are_held_back_count() {
    let stage = with(|_| ());
    let ada = stage.session("ada");
    ada.enter("lab");
    let bo = stage.client(claims("bo"));
    bo.hello_with(json!({"capabilities": {"hold_candidates": true}}));
    let to = bo.enter("lab");
    let with_peer = |mut message: Value| {
        let fields = [("room", json!("lab")), ("to", json!(to)), ("connection", json!("main"))];
        fields.into_iter().for_each(|(name, value)| message[name] = value);
        ada.send(message);
    };
    with_peer(json!({"type": "description", "negotiation": 1,
        "description": {"type": "offer", "sdp": ""}}));
    let before = stage.memory().held();
    let candidate = json!({"candidate": "x".repeat(2000)});
    with_peer(json!({"type": "candidate", "candidate": candidate}));
    assert!(stage.memory().held() > before + 2000);
    let (frames, _) = bo.drain();
    let seq = frames.last().expect("the offer")["seq"].clone();
    bo.send(json!({"type": "ping", "ack": seq}));
    let (frames, _) = bo.drain();
    bo.send(json!({"type": "ping", "ack": frames.last().expect("a pong")["seq"]}));
    assert!(stage.memory().held() < before + 2000, "it has arrived");
}

#[test]
fn who_never_acknowledges_costs_so_much_and_no_more() {
    let stage = with(|_| ());
    let (ada, mute) = (stage.session("ada"), stage.session("mute"));
    ada.enter("lab");
    mute.enter("lab");
    let before = stage.memory().held();
    for _ in 0..100 {
        say(&ada, 16_000);
        ada.send(json!({"type": "ping", "ack": 1}));
    }
    let grown = stage.memory().held() - before;
    let bound = Limits::default().replay_bytes_max;
    assert!((bound / 2..bound + 64 * 1024).contains(&grown), "{grown}");
}

#[test]
fn where_memory_is_tight_sessions_go_on_and_none_begins() {
    let stage = with(|limits| limits.memory_bytes_max = 100_000);
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    bo.enter("lab");
    let cy = stage.client(claims("cy"));
    let resume = cy.hello()["resume"].clone();
    let mut newest = 0;
    while stage.memory().pressure() == Pressure::Ample {
        say(&ada, 1000);
        newest = bo.drain().0.last().expect("a message")["seq"].as_u64().expect("a number");
    }
    refused(&stage, 1);
    // Who is there says something and hears it, and who was there comes back.
    say(&ada, 1000);
    assert_eq!(bo.expect("message")["data"], "x".repeat(1000));
    let cy = stage.client(claims("cy"));
    assert_eq!(cy.hello_with(json!({"resume": resume}))["resumed"], true);

    bo.send(json!({"type": "ping", "ack": newest}));
    bo.expect("pong");
    stage.session("dee");
    assert_eq!(stage.stats().refused["server_full"], 1);
}

#[test]
fn where_memory_is_tight_stories_of_what_is_over_make_room() {
    let stage = with(|limits| limits.memory_bytes_max = 100_000);
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    ada.enter("lab");
    let offer_to_bo = || {
        bo.drain();
        let to = bo.enter("lab");
        ada.send(json!({"type": "description", "room": "lab", "to": to, "connection": "main",
            "negotiation": 1, "description": {"type": "offer", "sdp": ""}}));
    };
    offer_to_bo();
    bo.leave("lab");
    offer_to_bo();
    bo.leave("lab");
    assert_eq!((stage.stats().stories, stage.stats().stories_displaced), (2, 0));
    bo.drain();
    bo.enter("lab");
    while stage.memory().pressure() == Pressure::Ample {
        say(&ada, 1000);
    }
    bo.leave("lab");
    offer_to_bo();
    assert_eq!((stage.stats().stories, stage.stats().stories_displaced), (2, 1));
}

#[test]
fn where_it_is_full_each_session_keeps_a_part() {
    let stage = with(|limits| limits.memory_bytes_max = 100_000);
    let (ada, mute) = (stage.session("ada"), stage.session("mute"));
    ada.enter("lab");
    mute.enter("lab");
    for _ in 0..200 {
        say(&ada, 4000);
    }
    assert!(stage.memory().held() < 110_000, "{}", stage.memory().held());
}

#[test]
fn a_storm_of_those_who_are_refused_is_spread_evenly() {
    let stage = with(|_| ());
    let _everything = stage.memory().share(Limits::default().memory_bytes_max);
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for retry_after_s in refused(&stage, 1000) {
        *counts.entry(retry_after_s).or_default() += 1;
    }
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), (10..30).collect::<Vec<_>>());
    assert!(counts.values().all(|count| *count == 50), "{counts:?}");
}
