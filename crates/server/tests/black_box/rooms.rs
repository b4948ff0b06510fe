//! What back ends do with rooms, members and identities, over real sockets.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client;
use crate::http_client::{Answer, get, metric, post, request};
use crate::program::Server;
use crate::signaling_auth::{in_an_hour, signed};
use crate::signaling_client::Client;

const API_KEY: &str = "Authorization: Bearer open sesame";

fn create(at: SocketAddr, new: &Value) -> Answer {
    post(at, "/v1/rooms", &[API_KEY], &new.to_string())
}

/// A token that was issued before anything else happens here.
fn token(subject: &str, grants: &Value) -> String {
    let mut payload = json!({ "sub": subject, "exp": in_an_hour(), "iat": in_an_hour() - 3600 });
    payload.as_object_mut().unwrap().extend(grants.as_object().unwrap().clone());
    signed(&payload, SECRET)
}

/// A session of `subject`, and its `welcome`.
async fn session(at: SocketAddr, subject: &str, grants: &Value) -> (Client, Value) {
    let mut client = Client::connect(at).await;
    let welcome = client.greet(Some(&token(subject, grants))).await;
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    (client, welcome)
}

/// An allocation with the credentials of this `welcome`, or why there is none.
fn allocate(server: &Server, welcome: &Value) -> Result<client::Client, u16> {
    let turn = &welcome["ice_servers"][1];
    let text = |value: &Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    let (user, password) = (text(&turn["username"]), text(&turn["credential"]));
    let mut relayed = client::Client::at(server.at.turn_udp[0]).credentials(user, password);
    relayed.allocate().map(|_| relayed)
}

fn wait_for_revoked(server: &Server, count: f64) {
    let sample = "kopru_turn_allocations_ended_total{reason=\"revoked\"}";
    while metric(server.at.admin[0], sample) < count {}
}

#[tokio::test]
async fn a_room_is_made_shown_used_and_closed() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let path = "/v1/rooms/consulting%2F7";
    let new = json!({ "room": " consulting/7 ", "kind": "pair", "relay_only": true, "empty_s": 9 });
    let made = create(at, &new);
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")));
    let mut expect = json!({
        "room": "consulting/7", "kind": "pair", "capacity": 2, "relay_only": true, "version": 0,
        "members": [], "ends_in_s": 9,
    });
    assert_eq!(made.json(), expect);
    let again = create(at, &new);
    assert_eq!((again.status, again.code().as_str()), (409, "room_exists"));
    let (mut ada, _) = session(at, "ada", &json!({})).await;
    let joined = ada.join("consulting/7").await;
    assert_eq!(
        (&joined["capacity"], &joined["ice_transport_policy"]),
        (&json!(2), &json!("relay"))
    );
    expect["members"] = json!([{
        "member": joined["member"], "identity": "ada", "name": "", "meta": {},
        "reconnecting": false,
    }]);
    expect["version"] = json!(1);
    expect.as_object_mut().unwrap().remove("ends_in_s");
    assert_eq!(get(at, path, &[API_KEY]).json(), expect);
    assert_eq!(request(at, "DELETE", path, &[API_KEY]).status, 204);
    assert_eq!(ada.receive().await["reason"], "room_closed");
    for method in ["GET", "DELETE"] {
        let gone = request(at, method, path, &[API_KEY]);
        assert_eq!((gone.status, gone.code().as_str()), (404, "no_such_room"));
    }
}

#[tokio::test]
async fn rooms_are_opened_by_whom_it_is_granted() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let (mut ada, _) = session(at, "ada", &json!({})).await;
    let (mut bo, _) = session(at, "bo", &json!({ "create": true })).await;
    assert_eq!(ada.join("lab").await["code"], "no_such_room");
    assert_eq!(bo.join("lab").await["type"], "joined");
    assert_eq!(ada.join("lab").await["type"], "joined");
    let room = create(at, &json!({})).json()["room"].as_str().unwrap().to_owned();
    assert_eq!(ada.join_as("r", &room).await["type"], "joined");
    // The same by a token of the back end's.
    let wish = json!({ "subject": "cy", "create": true }).to_string();
    let made = post(at, "/v1/tokens", &[API_KEY], &wish).json();
    let mut cy = Client::connect(at).await;
    cy.greet(made["token"].as_str()).await;
    assert_eq!(cy.join("hall").await["type"], "joined");
}

#[tokio::test]
async fn who_is_kicked_is_out_and_has_no_relay() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    create(at, &json!({ "room": "lab" }));
    let (mut ada, ada_welcome) = session(at, "ada", &json!({})).await;
    let (mut bo, bo_welcome) = session(at, "bo", &json!({})).await;
    ada.join("lab").await;
    let member = bo.join("lab").await["member"].as_str().unwrap().to_owned();
    ada.receive().await;
    let _kept = allocate(&server, &ada_welcome).unwrap();
    let _lost = allocate(&server, &bo_welcome).unwrap();
    let nobody = request(at, "DELETE", "/v1/rooms/lab/members/m_nobody", &[API_KEY]);
    assert_eq!((nobody.status, nobody.code().as_str()), (404, "no_such_member"));
    let path = format!("/v1/rooms/lab/members/{member}");
    assert_eq!(request(at, "DELETE", &path, &[API_KEY]).status, 204);
    assert_eq!(bo.receive().await["reason"], "kicked");
    assert_eq!(ada.receive().await["reason"], "kicked");
    wait_for_revoked(&server, 1.0);
    assert_eq!(metric(server.at.admin[0], "kopru_turn_allocations"), 1.0);
    assert!(allocate(&server, &bo_welcome).is_err());
    // The session goes on, and its token still allows the room.
    assert_eq!(bo.join_as("again", "lab").await["type"], "joined");
}

#[tokio::test]
async fn who_is_revoked_has_nothing_left_until_there_is_a_newer_token() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let (mut ada, welcome) = session(at, "ada", &json!({})).await;
    let (mut phone, _) = session(at, "ada", &json!({})).await;
    let (mut bo, _) = session(at, "bo", &json!({})).await;
    let _lost = allocate(&server, &welcome).unwrap();
    let older = token("ada", &json!({}));
    let answer = post(at, "/v1/revoke", &[API_KEY], r#"{"identity":"ada"}"#);
    assert_eq!((answer.status, answer.json()), (200, json!({ "sessions": 2 })));
    for client in [&mut ada, &mut phone] {
        assert_eq!(client.closed().await, (4403, "revoked".to_owned()));
    }
    wait_for_revoked(&server, 1.0);
    let mut again = Client::connect(at).await;
    assert_eq!(again.greet(Some(&older)).await["code"], "token_revoked");
    assert_eq!(again.closed().await.0, 4401);
    let bearer = format!("Authorization: Bearer {older}");
    let ice = get(at, "/v1/ice-servers", &[&bearer]);
    assert_eq!((ice.status, ice.code().as_str()), (401, "token_revoked"));
    // Issued a minute later, by a clock that is ahead.
    let (_newer, welcome) = session(at, "ada", &json!({ "iat": in_an_hour() - 3540 })).await;
    assert!(allocate(&server, &welcome).is_err());
    create(at, &json!({ "room": "lab" }));
    assert_eq!(bo.join("lab").await["type"], "joined");
}

#[test]
fn what_back_ends_are_refused() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    for (method, path) in [
        ("POST", "/v1/rooms"),
        ("GET", "/v1/rooms/lab"),
        ("DELETE", "/v1/rooms/lab"),
        ("DELETE", "/v1/rooms/lab/members/m_x"),
        ("POST", "/v1/revoke"),
    ] {
        let ada = format!("Authorization: Bearer {}", token("ada", &json!({ "list": true })));
        for headers in [&[][..], &["Authorization: Bearer wrong"], &[&ada]] {
            let answer = request(at, method, path, headers);
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{path}");
        }
    }
    for (body, code) in [
        ("", "bad_room_request"),
        ("[]", "bad_room_request"),
        (r#"{"name":"lab"}"#, "bad_room_request"),
        (r#"{"kind":"sfu"}"#, "bad_room_request"),
        (r#"{"room":""}"#, "bad_room"),
        (r#"{"capacity":0}"#, "bad_capacity"),
        (r#"{"capacity":17}"#, "bad_capacity"),
        (r#"{"empty_s":86401}"#, "bad_empty_s"),
    ] {
        let answer = post(at, "/v1/rooms", &[API_KEY], body);
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{body}");
    }
    for body in ["", "{}", r#"{"identity":7}"#, r#"{"identity":"ada","for":1}"#] {
        let answer = post(at, "/v1/revoke", &[API_KEY], body);
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad_revocation"), "{body}");
    }
    let nobody = post(at, "/v1/revoke", &[API_KEY], r#"{"identity":"nobody"}"#);
    assert_eq!(nobody.json(), json!({ "sessions": 0 }));
    // The configuration lets one room wait.
    assert_eq!(create(at, &json!({})).status, 201);
    let full = create(at, &json!({}));
    assert_eq!((full.status, full.code().as_str()), (503, "server_full"));
    assert!(full.header("retry-after").is_some());
}

#[test]
fn the_descriptions_are_served_and_every_method_is_in_them() {
    let server = Server::development(&[]);
    let at = server.http();
    for path in ["/v1/openapi.json", "/v1/schema/client.json", "/v1/schema/server.json"] {
        let document = get(at, path, &[]);
        assert_eq!(document.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(document.header("cache-control"), Some("no-cache"));
        assert!(document.json().is_object());
        let known = format!("If-None-Match: {}", document.header("etag").unwrap());
        assert_eq!(get(at, path, &[&known]).status, 304);
    }
    assert_eq!(get(at, "/v1/schema/openapi.json", &[]).status, 404);
    let described = get(at, "/v1/openapi.json", &[]).json();
    for (path, methods) in described["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let is_described = methods.get(method.to_ascii_lowercase()).is_some();
            let status = request(at, method, &path, &["Content-Length: 0"]).status;
            assert_eq!(status != 405, is_described, "{method} {path}: {status}");
        }
    }
}

const SECRET: &str = "a secret of at least thirty-two bytes";

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
realm = "example.org"
[turn.auth]
secrets = "shared"
[signaling]
create_rooms = false
[signaling.limits]
waiting_rooms_max = 1
[signaling.auth]
api_keys = "open sesame"
[signaling.auth.jwt]
secrets = "a secret of at least thirty-two bytes"
life_max = "2h"
"#;
