//! The story of a connection over real sockets: in band, over HTTP, in the metrics and in the log.

use serde_json::{Value, json};

use crate::http_client::{get, metric, post};
use crate::program::Server;
use crate::signaling_client::Client;

const API_KEY: &str = "Authorization: Bearer open sesame";

#[tokio::test]
async fn why_two_are_connected_is_told_to_whoever_may_know() {
    let server = Server::configured(CONFIGURATION);
    let (at, admin) = (server.http(), server.at.admin[0]);
    let token = |subject: &str| {
        let wish = json!({ "subject": subject }).to_string();
        let answer = post(at, "/v1/tokens", &[API_KEY], &wish);
        answer.json()["token"].as_str().expect("a token").to_owned()
    };
    let (of_ada, of_bo, of_cy) = (token("ada"), token("bo"), token("cy"));
    let mut ada = Client::connect(at).await;
    ada.greet(Some(&of_ada)).await;
    ada.join("lab").await;
    let mut bo = Client::connect(at).await;
    bo.greet(Some(&of_bo)).await;
    let joined = bo.join("lab").await;
    ada.receive().await;

    let about_ada = |message: Value| about(&joined["members"][0]["member"], message);
    let offer = json!({ "type": "offer", "sdp": "v=0\r\n" });
    bo.send(about_ada(json!({
        "type": "description", "id": "o", "negotiation": 1, "description": offer,
    })))
    .await;
    assert_eq!(bo.receive().await["type"], "ok");
    let end = |kind: &str, address: &str| json!({ "type": kind, "address": address, "port": 9 });
    bo.send(about_ada(json!({
        "type": "report", "id": "r", "state": "connected", "setup_ms": 300,
        "pair": { "local": end("host", "192.0.2.1"), "remote": end("relay", "192.0.2.2") },
    })))
    .await;
    assert_eq!(bo.receive().await["type"], "ok");
    bo.send(about_ada(json!({ "type": "why", "id": "w" }))).await;
    let story = bo.receive().await["story"].take();
    assert_eq!(story["verdict"]["class"], "connected_relayed", "{story:#}");

    let path = format!("/v1/calls/{}", story["id"].as_str().expect("an id"));
    let ask = |token: &str| get(at, &path, &[&format!("Authorization: Bearer {token}")]);
    assert_eq!(ask(&of_bo).json(), story);
    let to_ada = ask(&of_ada).json();
    assert_eq!(to_ada["verdict"], story["verdict"]);
    assert!(!to_ada.to_string().contains("192.0.2"), "{to_ada}");
    let to_all = get(at, &path, &[API_KEY]).json().to_string();
    assert!(to_all.contains("192.0.2.1") && to_all.contains("192.0.2.2"), "{to_all}");
    for (status, code, answer) in [
        (404, "no_such_call", ask(&of_cy)),
        (404, "no_such_call", get(at, "/v1/calls/t_AAAAAAAAAAAAAAAAAAAAAA", &[API_KEY])),
        (400, "bad_after", get(at, "/v1/calls?after=lab", &[API_KEY])),
        (401, "unauthorized", get(at, &path, &[])),
        (401, "unauthorized", get(at, "/v1/calls", &[&format!("Authorization: Bearer {of_bo}")])),
    ] {
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
    }
    let list = get(at, "/v1/calls", &[API_KEY]).json();
    assert_eq!(list["calls"][0]["id"], story["id"]);
    assert_eq!((&list["calls"][0]["timeline"], &list["next"]), (&json!(null), &json!(null)));

    assert_eq!(metric(admin, "kopru_signaling_setup_seconds_bucket{le=\"0.5\"}"), 1.0);
    assert_eq!(metric(admin, "kopru_signaling_setup_seconds_bucket{le=\"0.25\"}"), 0.0);
    // It goes on, and counts already.
    for sample in ["attempts_total{class=\"connected\"}", "paths_total{path=\"relayed\"}"] {
        assert_eq!(metric(admin, &format!("kopru_signaling_{sample}")), 1.0);
    }
    bo.socket.close(None).await.expect("a close");
    assert_eq!(ada.receive().await["type"], "description");
    assert_eq!(ada.receive().await["type"], "member_left");
    assert_eq!(metric(admin, "kopru_signaling_stories"), 1.0);
    let log = server.log();
    assert!(log.contains("connected_relayed") && !log.contains("192.0.2"), "{log}");
}

#[tokio::test]
async fn in_development_mode_this_machine_may_know_everything() {
    let server = Server::development(&[]);
    let list = get(server.http(), "/v1/calls", &[]);
    assert_eq!((list.status, list.json()), (200, json!({ "calls": [] })));
    let answer = get(server.http(), "/v1/calls/call_AAAAAAAAAAAAAAAAAAAAAA", &[]);
    assert_eq!((answer.status, answer.code().as_str()), (404, "no_such_call"));
}

/// A message about the connection "main" with this member in the room "lab".
fn about(member: &Value, mut message: Value) -> Value {
    message["room"] = json!("lab");
    message["to"] = member.clone();
    message["connection"] = json!("main");
    message
}

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
[signaling.auth]
api_keys = "open sesame"
[signaling.auth.jwt]
secrets = "a secret of at least thirty-two bytes"
"#;
