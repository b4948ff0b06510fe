//! Who gets in where tokens are needed.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::http_client::get;
use crate::program::{Server, run};
use crate::signaling_client::Client;

#[tokio::test]
async fn a_token_of_the_command_line_opens_its_room_only() {
    let server = Server::configured(CONFIGURATION);
    let arguments = ["token", "--config", "kopru.toml", "--subject", "ada", "--room", "lab"];
    let token = run(&server.folder, &arguments).stdout;
    let mut client = Client::connect(server.http()).await;
    let welcome = client.greet(Some(token.trim())).await;
    assert_eq!((&welcome["type"], &welcome["identity"]), (&json!("welcome"), &json!("ada")));
    assert_eq!(welcome["ice_transport_policy"], "all");
    assert_eq!(client.join("attic").await["code"], "room_not_allowed");
    assert_eq!(client.join("lab").await["type"], "joined");
}

#[tokio::test]
async fn what_a_token_says_holds() {
    let server = Server::configured(CONFIGURATION);
    for (extra, room, expect) in [
        (json!({}), "anywhere", "joined"),
        (json!({ "rooms": "lab" }), "lab", "joined"),
        (json!({ "rooms": ["lab", "team/*"] }), "team/a", "joined"),
        (json!({ "rooms": [] }), "lab", "error"),
    ] {
        let mut payload = json!({ "sub": "ada", "exp": in_an_hour(), "iss": "us", "aud": "kopru" });
        payload.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let mut client = Client::connect(server.http()).await;
        client.greet(Some(&signed(&payload, SECRET))).await;
        assert_eq!(client.join(room).await["type"], expect, "{payload}");
    }
    let payload = json!({
        "sub": "ada", "exp": in_an_hour(), "iss": "us", "aud": "kopru", "relay_only": true,
    });
    let mut client = Client::connect(server.http()).await;
    let welcome =
        client.greet(Some(&signed(&payload, "the secret before this one, as long"))).await;
    assert_eq!(welcome["ice_transport_policy"], "relay");
}

#[tokio::test]
async fn tokens_that_open_nothing() {
    let server = Server::configured(CONFIGURATION);
    let good = json!({ "sub": "ada", "exp": in_an_hour(), "iss": "us", "aud": "kopru" });
    let with = |key: &str, value: Value| {
        let mut payload = good.clone();
        payload[key] = value;
        signed(&payload, SECRET)
    };
    let without = |key: &str| {
        let mut payload = good.clone();
        payload.as_object_mut().unwrap().remove(key);
        signed(&payload, SECRET)
    };
    let unsigned = {
        let token = signed(&good, SECRET);
        let payload = token.split('.').nth(1).unwrap();
        format!("eyJhbGciOiJub25lIn0.{payload}.")
    };
    for (why, token, code) in [
        ("none", None, "unauthorized"),
        ("not a token", Some("ada".to_owned()), "unauthorized"),
        ("another secret", Some(signed(&good, &"x".repeat(40))), "unauthorized"),
        ("another algorithm", Some(signed_with(Algorithm::HS512, &good)), "unauthorized"),
        ("no signature", Some(unsigned), "unauthorized"),
        ("expired", Some(with("exp", json!(1_000_000_000))), "token_expired"),
        ("no end", Some(without("exp")), "unauthorized"),
        ("not yet", Some(with("nbf", json!(in_an_hour()))), "unauthorized"),
        ("nobody", Some(without("sub")), "unauthorized"),
        ("an empty subject", Some(with("sub", json!(""))), "unauthorized"),
        ("a server's name", Some(with("sub", json!("anonymous_1"))), "unauthorized"),
        ("another issuer", Some(with("iss", json!("them"))), "unauthorized"),
        ("no issuer", Some(without("iss")), "unauthorized"),
        ("another audience", Some(with("aud", json!("them"))), "unauthorized"),
        ("no audience", Some(without("aud")), "unauthorized"),
        ("no rooms, said as null", Some(with("rooms", json!(null))), "unauthorized"),
        ("a room that is none", Some(with("rooms", json!(["a\u{7}b"]))), "unauthorized"),
        ("too long", Some(with("x", json!("x".repeat(10_000)))), "unauthorized"),
    ] {
        let mut client = Client::connect(server.http()).await;
        let answer = client.greet(token.as_deref()).await;
        assert_eq!(answer["code"], code, "{why}");
        assert_eq!(client.closed().await, (4401, "unauthorized".to_owned()), "{why}");
        let bearer = token.map(|token| format!("Authorization: Bearer {token}"));
        let headers: Vec<&str> = bearer.iter().map(String::as_str).collect();
        let answer = get(server.http(), "/v1/ice-servers", &headers);
        assert_eq!((answer.status, answer.code().as_str()), (401, code), "{why}");
    }
}

#[test]
fn ice_servers_count_an_identity_once() {
    let server = Server::configured(CONFIGURATION);
    let mut ids = Vec::new();
    // With a character that an id can't have by chance.
    for subject in ["ada.l", "ada.l", "bo.b"] {
        let payload = json!({ "sub": subject, "exp": in_an_hour(), "iss": "us", "aud": "kopru" });
        let bearer = format!("Authorization: Bearer {}", signed(&payload, SECRET));
        let answer = get(server.http(), "/v1/ice-servers", &[&bearer]).json();
        let username = answer["iceServers"][1]["username"].as_str().unwrap().to_owned();
        assert!(!username.contains(subject), "{username}");
        ids.push(username.split_once(':').unwrap().1.to_owned());
    }
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

pub(crate) fn signed(payload: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), payload, &key).unwrap()
}

fn signed_with(algorithm: Algorithm, payload: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), payload, &key).unwrap()
}

pub(crate) fn in_an_hour() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600
}

const SECRET: &str = "a secret of at least thirty-two bytes";

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
[turn.auth]
secrets = ["shared"]
[signaling.auth.jwt]
secrets = ["a secret of at least thirty-two bytes", "the secret before this one, as long"]
issuer = "us"
audience = "kopru"
"#;
