//! ICE servers: minted for each session, renewed before they expire.

use std::num::NonZero;

use kopru_signal::{Claims, IceServer, Relay, Settings};
use kopru_stun::credentials::{Secret, expiry_and_name};
use serde_json::{Value, json};

use crate::stage::{START_UNIX, Stage, claims, secs};

pub(crate) fn with_turn(settings: &mut Settings) {
    settings.ice.stun_urls = vec!["stun:turn.example.org:3478".into()];
    settings.ice.turn_urls = vec!["turn:turn.example.org:3478?transport=udp".into()];
    settings.ice.secret = Some(Secret::new("s3cret"));
    settings.ice.others = vec![IceServer {
        urls: vec!["stun:stun.example.net".into()],
        username: None,
        credential: None,
    }];
}

/// Expiry and credential id of the TURN user name in `frame`, whose password must be right.
pub(crate) fn turn_user(frame: &Value) -> (u64, String) {
    let server = &frame["ice_servers"][1];
    let username = server["username"].as_str().expect("a user name");
    assert_eq!(server["credential"], Secret::new("s3cret").password(username));
    let (expiry, name) = expiry_and_name(username).expect("a time-limited user name");
    (expiry, name.to_owned())
}

#[test]
fn welcome_brings_servers_with_credentials() {
    let stage = Stage::with(with_turn);
    let welcome = stage.client(claims("ada")).hello();
    let servers = welcome["ice_servers"].as_array().expect("servers");
    assert_eq!(servers.len(), 3);
    assert_eq!(servers[0], json!({"urls": ["stun:turn.example.org:3478"]}));
    assert_eq!(servers[1]["urls"], json!(["turn:turn.example.org:3478?transport=udp"]));
    assert_eq!(servers[2], json!({"urls": ["stun:stun.example.net"]}));
    assert_eq!(welcome["ice_ttl_s"], 600);

    let (expiry, id) = turn_user(&welcome);
    assert_eq!(expiry, START_UNIX + 600);
    assert!(id.starts_with("c_") && !id.contains("ada"), "opaque: {id}");
}

#[test]
fn all_sessions_of_an_identity_share_one_quota() {
    let stage = Stage::with(with_turn);
    let first = stage.client(claims("ada"));
    let (_, id) = turn_user(&first.hello());
    assert_eq!(turn_user(&stage.client(claims("ada")).hello()).1, id);
    assert_ne!(turn_user(&stage.client(claims("bo")).hello()).1, id);
    first.say_goodbye();
    assert_eq!(turn_user(&stage.client(claims("ada")).hello()).1, id);
}

#[test]
fn what_a_token_grants_of_the_relay() {
    let stage = Stage::with(|settings| {
        with_turn(settings);
        let urls = vec!["turns:turn.example.net".into()];
        let (username, credential) = (Some("u".into()), Some("p".into()));
        settings.ice.others.push(IceServer { urls, username, credential });
    });
    let (_, id) = turn_user(&stage.client(claims("ada")).hello());
    let limited = Claims { bits_per_second: NonZero::new(500_000), ..claims("ada") };
    let (_, name) = turn_user(&stage.client(limited).hello());
    assert_eq!(name, format!("{id};bps=500000"), "the same quota, and a limit in it");
    let only = stage.client(Claims { relay: Relay::Only, ..claims("ada") }).hello();
    assert_eq!((&only["ice_transport_policy"], turn_user(&only).1), (&json!("relay"), id));

    let none = stage.client(Claims { relay: Relay::No, ..claims("ada") }).hello();
    let stun = json!([
        {"urls": ["stun:turn.example.org:3478"]}, {"urls": ["stun:stun.example.net"]},
    ]);
    assert_eq!((&none["ice_servers"], none.get("ice_ttl_s")), (&stun, None));
    assert_eq!(none["ice_transport_policy"], "all");
}

#[test]
fn new_ones_are_sent_when_seventy_percent_of_their_time_has_passed() {
    let stage = Stage::with(with_turn);
    let ada = stage.client(claims("ada"));
    let (_, id) = turn_user(&ada.hello());
    for round in 1..=3 {
        for step in 1..=6 {
            stage.advance(secs(70));
            if step == 6 {
                let pushed = ada.expect("ice_servers");
                assert_eq!(turn_user(&pushed), (START_UNIX + round * 420 + 600, id.clone()));
                assert_eq!((&pushed["ice_ttl_s"], pushed.get("re")), (&json!(600), None));
            }
            ada.send(json!({"type": "ping"}));
            ada.expect("pong");
        }
    }
}

#[test]
fn asking_moves_the_next_renewal() {
    let stage = Stage::with(|settings| {
        with_turn(settings);
        settings.ice.ttl = secs(60);
    });
    let ada = stage.session("ada");
    stage.advance(secs(30));
    let id = ada.send(json!({"type": "ice_servers"}));
    assert_eq!(ada.expect("ice_servers")["re"], id);
    stage.advance(secs(41));
    ada.expect_nothing();
    stage.advance(secs(1));
    ada.expect("ice_servers");
}

#[test]
fn without_a_secret_there_is_no_turn_and_nothing_to_renew() {
    let stage = Stage::with(|settings| {
        with_turn(settings);
        settings.ice.secret = None;
    });
    let ada = stage.client(claims("ada"));
    let welcome = ada.hello();
    assert_eq!(welcome["ice_servers"].as_array().map(Vec::len), Some(2));
    assert_eq!(welcome.get("ice_ttl_s"), None);
    for _ in 0..20 {
        stage.advance(secs(70));
        ada.send(json!({"type": "ping"}));
        ada.expect("pong");
    }
    ada.send(json!({"type": "ice_servers"}));
    assert_eq!(ada.expect("ice_servers").get("ice_ttl_s"), None);
}

#[test]
fn an_expired_token_gets_no_more_credentials_outside_a_room() {
    let stage = Stage::with(|settings| {
        with_turn(settings);
        settings.ice.ttl = secs(60);
    });
    let brief = || Claims { expires_unix: Some(START_UNIX + 30), ..claims("ada") };
    let (inside, outside) = (stage.client(brief()), stage.client(brief()));
    inside.hello();
    outside.hello();
    inside.enter("lab");
    stage.advance(secs(42));
    inside.expect("ice_servers");
    outside.expect_nothing();
    outside.send(json!({"type": "ice_servers"}));
    outside.expect_error("token_expired");

    inside.leave("lab");
    inside.expect("ok");
    inside.send(json!({"type": "ice_servers"}));
    inside.expect_error("token_expired");
    stage.advance(secs(60));
    inside.expect_nothing();
}
