//! Who somebody is, over real sockets: tokens made for back ends, another token in a session, one
//! identity twice in a room, and guessing.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{self, peer};
use crate::http_client::{get, metric, post};
use crate::program::{Server, run};
use crate::signaling_auth::{in_an_hour, signed};
use crate::signaling_client::Client;

const API_KEY: &str = "Authorization: Bearer open sesame";

/// A token from the back end's side.
fn token(at: SocketAddr, wish: &Value) -> String {
    let answer = post(at, "/v1/tokens", &[API_KEY], &wish.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// A session of whom this token is for.
async fn session(at: SocketAddr, wish: &Value) -> Client {
    let mut client = Client::connect(at).await;
    let welcome = client.greet(Some(&token(at, wish))).await;
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    client
}

#[tokio::test]
async fn a_back_end_makes_tokens_that_hold() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let wish = json!({ "subject": "ada", "rooms": ["lab", "team/*"], "relay": "no", "ttl_s": 60 });
    let mut client = Client::connect(at).await;
    let welcome = client.greet(Some(&token(at, &wish))).await;
    assert_eq!(welcome["identity"], "ada");
    assert!(welcome["token_ttl_s"].as_u64().unwrap() <= 60);
    let servers = welcome["ice_servers"].as_array().unwrap();
    assert!(servers.iter().all(|server| server.get("credential").is_none()), "{servers:?}");
    assert_eq!(client.join("lab").await["type"], "joined");
    assert_eq!(client.join_as("h", "hall").await["code"], "room_not_allowed");
    let bearer = format!("Authorization: Bearer {}", token(at, &wish));
    let answer = get(at, "/v1/ice-servers", &[&bearer]).json();
    assert!(!answer.to_string().contains("credential"), "{answer}");
    assert_eq!(answer.get("ttl"), None);
}

#[test]
fn what_back_ends_are_refused() {
    let server = Server::configured(CONFIGURATION);
    let ask = |key: &[&str], body: &str| {
        let answer = post(server.http(), "/v1/tokens", key, body);
        (answer.status, answer.code())
    };
    let good = r#"{"subject":"ada"}"#;
    for key in [&[][..], &["Authorization: Bearer wrong"], &["Authorization: Basic open sesame"]] {
        assert_eq!(ask(key, good), (401, "unauthorized".into()), "{key:?}");
    }
    let long = format!(r#"{{"subject":"ada","x":"{}"}}"#, "x".repeat(20_000));
    let many: Vec<String> = (0..1000).map(|number| format!("room-{number}")).collect();
    let many = json!({ "subject": "ada", "rooms": many }).to_string();
    for (body, status, code) in [
        ("", 400, "bad_token_request"),
        ("[]", 400, "bad_token_request"),
        ("{}", 400, "bad_token_request"),
        (r#"{"subject":"ada","room":"lab"}"#, 400, "bad_token_request"),
        (r#"{"subject":"ada","relay":"maybe"}"#, 400, "bad_token_request"),
        (r#"{"subject":"ada","bits_per_second":0}"#, 400, "bad_token_request"),
        (r#"{"subject":""}"#, 400, "bad_subject"),
        (r#"{"subject":"anonymous_1"}"#, 400, "bad_subject"),
        (r#"{"subject":"ada","rooms":["a","\u0007"]}"#, 400, "bad_room"),
        (r#"{"subject":"ada","ttl_s":0}"#, 400, "bad_ttl"),
        (r#"{"subject":"ada","ttl_s":7201}"#, 400, "bad_ttl"),
        (&many, 413, "body_too_large"),
        (&long, 413, "body_too_large"),
    ] {
        assert_eq!(ask(&[API_KEY], body), (status, code.into()), "{body:.80}");
    }
    let open = Server::development(&[]);
    let answer = post(open.http(), "/v1/tokens", &[], good);
    assert_eq!((answer.status, answer.code().as_str()), (404, "no_secret"));
}

#[test]
fn grants_that_are_malformed_open_nothing_and_unknown_ones_do_no_harm() {
    let server = Server::configured(CONFIGURATION);
    for (grant, status) in [
        (json!({ "list": "yes" }), 401),
        (json!({ "list": null }), 401),
        (json!({ "relay": true }), 401),
        (json!({ "relay": null }), 401),
        (json!({ "relay": "Only" }), 401),
        (json!({ "relay": "yes", "relay_only": true }), 401),
        (json!({ "relay_only": "true" }), 401),
        (json!({ "bits_per_second": 0 }), 401),
        (json!({ "bits_per_second": -1 }), 401),
        (json!({ "bits_per_second": 1.5 }), 401),
        (json!({ "bits_per_second": null }), 401),
        (json!({ "rooms": 7 }), 401),
        (json!({ "relay": "only", "relay_only": true }), 200),
        (json!({ "bits_per_second": 1 }), 200),
        (json!({ "may_fly": null, "room": 7 }), 200),
    ] {
        let mut payload = json!({ "sub": "ada", "exp": in_an_hour() });
        payload.as_object_mut().unwrap().extend(grant.as_object().unwrap().clone());
        let token = signed(&payload, SECRET);
        let bearer = format!("Authorization: Bearer {token}");
        assert_eq!(get(server.http(), "/v1/ice-servers", &[&bearer]).status, status, "{grant}");
    }
}

#[tokio::test]
async fn rooms_are_listed_to_whom_it_is_granted() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let mut ada = session(at, &json!({ "subject": "ada" })).await;
    for room in ["lab", "team/1", "team/2"] {
        assert_eq!(ada.join_as(room, room).await["type"], "joined");
    }
    let list = |header: &str, query: &str| get(at, &format!("/v1/rooms{query}"), &[header]);
    let bearer = |wish: Value| format!("Authorization: Bearer {}", token(at, &wish));
    let room = |name: &str| json!({ "room": name, "members": 1 });
    let team = bearer(json!({ "subject": "bo", "rooms": "team/*", "list": true }));
    assert_eq!(list(&team, "").json(), json!({ "rooms": [room("team/1"), room("team/2")] }));
    assert_eq!(list(&team, "?after=team%2F1").json(), json!({ "rooms": [room("team/2")] }));
    assert_eq!(list(API_KEY, "").json()["rooms"].as_array().unwrap().len(), 3);
    let blind = list(&bearer(json!({ "subject": "bo" })), "");
    assert_eq!((blind.status, blind.code().as_str()), (403, "list_not_granted"));
    assert_eq!(get(at, "/v1/rooms", &[]).status, 401);
}

#[test]
fn lists_of_rooms_have_a_rate_by_identity() {
    let limits = "[signaling.limits]\nrequests_per_second = 1\nrequests_burst = 3\n";
    let server = Server::configured(&format!("{CONFIGURATION}{limits}"));
    let at = server.http();
    let list = |header: &str| get(at, "/v1/rooms", &[header]);
    let bearer = |subject: &str| {
        let wish = json!({ "subject": subject, "rooms": ["a/*", "b/*"], "list": true });
        format!("Authorization: Bearer {}", token(at, &wish))
    };
    let (bo, another_of_bo, cy) = (bearer("bo"), bearer("bo"), bearer("cy"));
    assert_eq!([&bo, &another_of_bo, &bo].map(|it| list(it).status), [200; 3]);
    let mut answers = std::iter::repeat_with(|| list(&another_of_bo));
    let refused = answers.find(|it| it.status == 429).unwrap();
    assert_eq!(
        (refused.code().as_str(), refused.header("retry-after")),
        ("rate_limited", Some("1"))
    );
    assert_eq!(list(&cy).status, 200);
    assert!((0..10).all(|_| list(API_KEY).status == 200));
    let counted = metric(server.at.admin[0], "kopru_http_refusals_total{code=\"rate_limited\"}");
    assert!(counted >= 1.0);
    while list(&bo).status == 429 {}
}

#[tokio::test]
async fn a_session_takes_another_token() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let mut ada = session(at, &json!({ "subject": "ada", "rooms": "lab", "ttl_s": 60 })).await;
    ada.join("lab").await;
    for (token, code) in [
        (token(at, &json!({ "subject": "bo" })), "another_identity"),
        ("no token".to_owned(), "unauthorized"),
    ] {
        ada.send(json!({ "type": "token", "id": "1", "token": token })).await;
        assert_eq!(ada.receive().await["code"], code);
    }
    let wish = json!({ "subject": "ada", "rooms": "hall", "relay": "only", "ttl_s": 600 });
    ada.send(json!({ "type": "token", "id": "2", "token": token(at, &wish) })).await;
    let left = ada.receive().await;
    assert_eq!((&left["type"], &left["reason"]), (&json!("left"), &json!("not_allowed")));
    assert_eq!(ada.receive().await["ice_transport_policy"], "relay");
    let ok = ada.receive().await;
    assert_eq!((&ok["type"], &ok["re"]), (&json!("ok"), &json!("2")));
    assert!((590..=600).contains(&ok["token_ttl_s"].as_u64().unwrap()), "{ok}");
    assert_eq!(ada.join_as("h", "hall").await["type"], "joined");
}

#[tokio::test]
async fn one_identity_twice_in_a_room_is_as_configured() {
    let ada = json!({ "subject": "ada" });
    let policy = |word| Server::configured(&CONFIGURATION.replace("several", word));
    let server = policy("replace");
    let (mut phone, mut laptop) =
        (session(server.http(), &ada).await, session(server.http(), &ada).await);
    phone.join("lab").await;
    assert_eq!(laptop.join("lab").await["type"], "joined");
    let left = phone.receive().await;
    assert_eq!((&left["type"], &left["reason"]), (&json!("left"), &json!("replaced")));

    let server = policy("reject");
    let (mut tab, mut duplicate) =
        (session(server.http(), &ada).await, session(server.http(), &ada).await);
    tab.join("lab").await;
    assert_eq!(duplicate.join("lab").await["code"], "identity_in_room");
    // Its connection breaks, as when its page is loaded again: nobody is locked out.
    drop(tab);
    let waits = "kopru_signaling_connections";
    while metric(server.at.admin[0], waits) > 1.0 {}
    assert_eq!(duplicate.join("lab").await["type"], "joined");
}

#[tokio::test]
async fn whoever_guesses_is_slowed_down_and_nobody_else() {
    let server = Server::configured(&CONFIGURATION.replace("trusted_proxies = []", PROXIED));
    let at = server.http();
    let from = |address: &str| format!("X-Forwarded-For: {address}");
    let guess = |address: &str| {
        let bearer = "Authorization: Bearer guess";
        get(at, "/v1/ice-servers", &[&from(address), bearer])
    };
    let mut answers = (0..1000).map(|_| guess("198.51.100.7"));
    let refused = answers.find(|answer| answer.status != 401).expect("an end of patience");
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_failed_logins"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Neighbours are the same network; keys and tokens count together, on every way in.
    assert_eq!(guess("198.51.100.8").status, 429);
    let body = r#"{"subject":"ada"}"#;
    assert_eq!(post(at, "/v1/tokens", &[&from("198.51.100.9"), API_KEY], body).status, 429);
    assert_eq!(post(at, "/v1/tokens", &[&from("198.51.101.9"), API_KEY], body).status, 201);
    let mut client =
        Client::connect_with(at, &[("x-forwarded-for", "198.51.100.7")]).await.unwrap();
    // Perhaps a second has passed, and one more is looked at.
    while client.greet(Some("guess")).await["code"] == "unauthorized" {
        client = Client::connect_with(at, &[("x-forwarded-for", "198.51.100.7")]).await.unwrap();
    }
    assert_eq!(client.closed().await, (4429, "too_many_refusals".to_owned()));
    let sample = "kopru_http_refusals_total{code=\"too_many_failed_logins\"}";
    assert!(metric(server.at.admin[0], sample) >= 3.0);
    let sample = "kopru_signaling_refusals_total{code=\"too_many_failed_logins\"}";
    assert_eq!(metric(server.at.admin[0], sample), 1.0);
}

#[tokio::test]
async fn the_bit_rate_of_a_token_reaches_the_relay() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let wish = json!({ "subject": "ada", "bits_per_second": 8000 });
    let mut ada = Client::connect(at).await;
    let welcome = ada.greet(Some(&token(at, &wish))).await;
    let turn = &welcome["ice_servers"][1];
    let text = |value: &Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    let (user, password) = (text(&turn["username"]), text(&turn["credential"]));
    let mut relayed = client::Client::at(server.at.turn_udp[0]).credentials(user, password);
    relayed.allocate().unwrap();
    let (_peer, address) = peer("127.0.0.1:0");
    relayed.bind_channel(0x4000, address);
    (0..100).for_each(|_| relayed.send_on_channel(0x4000, &[1; 100]));
    let sample = "kopru_dropped_packets_total{reason=\"user_rate\"}";
    while metric(server.at.admin[0], sample) == 0.0 {}
    // One quota: what `/v1/ice-servers` hands out is for the same user.
    let bearer = format!("Authorization: Bearer {}", token(at, &json!({ "subject": "ada" })));
    let other = get(at, "/v1/ice-servers", &[&bearer]).json()["iceServers"][1].clone();
    let (user, password) = (text(&other["username"]), text(&other["credential"]));
    let mut second = client::Client::at(server.at.turn_udp[0]).credentials(user, password);
    assert_eq!(second.allocate().err(), Some(486));
}

#[test]
fn the_command_line_makes_the_same_tokens() {
    let server = Server::configured(CONFIGURATION);
    let usual = ["token", "--config", "kopru.toml", "--subject", "ada"];
    let made = |options: &[&str]| {
        let said = run(&server.folder, &[&usual[..], options].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        format!("Authorization: Bearer {}", said.stdout.trim())
    };
    let ice = |options: &[&str]| get(server.http(), "/v1/ice-servers", &[&made(options)]).json();
    assert!(ice(&["--bits-per-second", "5000"]).to_string().contains(";bps=5000\""));
    assert!(!ice(&["--relay", "no"]).to_string().contains("credential"));
    assert_eq!(get(server.http(), "/v1/rooms", &[&made(&["--list"])]).status, 200);
    assert_eq!(get(server.http(), "/v1/rooms", &[&made(&[])]).status, 403);
    for (options, expect) in [
        (vec!["--ttl", "7201"], "signaling.auth.jwt.life_max"),
        (vec!["--relay", "maybe"], "must be \"yes\", \"no\" or \"only\""),
        (vec!["--relay", "yes", "--relay-only"], "cannot be used with"),
        (vec!["--bits-per-second", "0"], "--bits-per-second"),
    ] {
        let said = run(&server.folder, &[&usual[..], &options].concat());
        assert!(said.code == 2 && said.stderr.contains(expect), "{options:?}: {}", said.stderr);
    }
}

const SECRET: &str = "a secret of at least thirty-two bytes";
const PROXIED: &str = "trusted_proxies = \"127.0.0.1\"";

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
trusted_proxies = []
[admin]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
realm = "example.org"
[turn.auth]
secrets = "shared"
[turn.peers]
allow = "127.0.0.0/8"
[turn.limits]
allocations_per_user = 1
[signaling]
same_identity = "several"
[signaling.auth]
api_keys = "open sesame"
[signaling.auth.jwt]
secrets = "a secret of at least thirty-two bytes"
life_max = "2h"
"#;
