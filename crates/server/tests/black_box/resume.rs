//! Connections that break, and a server that is started again.

use serde_json::{Value, json};

use crate::http_client::metric;
use crate::jwt_keys::{Signer, now};
use crate::program::{Folder, Server};
use crate::signaling::{configuration, token};
use crate::signaling_client::Client;

async fn member(server: &Server, token: &str) -> (Client, Value, Value) {
    let mut client = Client::connect(server.http()).await;
    let welcome = client.greet(Some(token)).await;
    let joined = client.join("lab").await;
    (client, welcome, joined["member"].clone())
}

#[tokio::test]
async fn a_session_outlives_its_connection_but_not_the_grace() {
    let server = Server::configured(&configuration("grace_s = 1"));
    let token = token(&server);
    let (mut ada, ..) = member(&server, &token).await;
    let (bo, welcome, bo_s_id) = member(&server, &token).await;
    assert_eq!(ada.receive().await["type"], "member_joined");

    // No close frame: as when a telephone changes its network.
    drop(bo);
    assert_eq!(ada.receive().await["member"]["reconnecting"], true);
    ada.send(json!({ "type": "message", "id": "1", "room": "lab", "to": bo_s_id, "data": 7 }))
        .await;
    assert_eq!(ada.receive().await["type"], "ok");
    let mut bo = Client::connect(server.http()).await;
    bo.send(json!({ "type": "hello", "v": 1, "resume": welcome["resume"], "ack": 2 })).await;
    let again = bo.receive().await;
    assert_eq!((&again["resumed"], &again["complete"]), (&json!(true), &json!(true)));
    assert_eq!(bo.receive().await["data"], 7);
    assert_eq!(ada.receive().await["member"]["reconnecting"], json!(null));
    let sample = "kopru_signaling_resumptions_total{complete=\"true\"}";
    assert_eq!(metric(server.at.admin[0], sample), 1.0);

    drop(bo);
    assert_eq!(ada.receive().await["member"]["reconnecting"], true);
    let left = ada.receive().await;
    assert_eq!((&left["type"], &left["reason"]), (&json!("member_left"), &json!("disconnected")));
}

#[tokio::test]
async fn who_takes_up_a_session_without_a_token_may_say_as_much_as_others() {
    let server = Server::configured(&configuration("messages_per_second = 0"));
    let (bo, welcome, _) = member(&server, &token(&server)).await;
    drop(bo);
    let mut bo = Client::connect(server.http()).await;
    bo.send(json!({ "type": "hello", "v": 1, "resume": welcome["resume"], "ack": 2 })).await;
    assert_eq!(bo.receive().await["resumed"], true);
    let data = "x".repeat(10_000);
    for id in 0..10 {
        bo.send(json!({ "type": "message", "id": id.to_string(), "room": "lab", "data": data }))
            .await;
        assert_eq!(bo.receive().await["type"], "ok");
    }
}

#[tokio::test]
async fn a_network_has_so_many_sessions_those_that_wait_for_their_client_included() {
    let server = behind_a_proxy("sessions_per_network_max = 1");
    let token = token(&server);
    let from = async |ip: &str| greeted_from(&server, ip, &token).await;
    let (ada, welcome) = from("192.0.2.1").await;
    assert_eq!(welcome["type"], "welcome");
    let (mut late, refusal) = from("192.0.2.1").await;
    assert_eq!(refusal["code"], "too_many_sessions");
    assert_eq!(late.closed().await, (4429, "too_many_refusals".to_owned()));
    let (mut elsewhere, welcome) = from("192.0.2.2").await;
    assert_eq!(welcome["type"], "welcome");

    // One that has lost its client makes room for the next one from there, and for nobody else.
    let waiting = || {
        metric(server.at.admin[0], "kopru_signaling_sessions")
            - metric(server.at.admin[0], "kopru_signaling_connections")
    };
    drop(ada);
    while waiting() < 1.0 {
        tokio::task::yield_now().await;
    }
    let (_next, welcome) = from("192.0.2.1").await;
    assert_eq!(welcome["type"], "welcome");
    assert_eq!(metric(server.at.admin[0], "kopru_signaling_sessions"), 2.0);
    elsewhere.send(json!({ "type": "ping", "id": "1" })).await;
    assert_eq!(elsewhere.receive().await["type"], "pong");
}

#[tokio::test]
async fn a_network_that_begins_sessions_too_fast_is_told_when_to_come_again() {
    let server = behind_a_proxy("network_sessions_per_second = 1\nnetwork_sessions_burst = 3");
    let token = token(&server);
    let mut begun = 0;
    let (mut late, refusal) = loop {
        let (client, answer) = greeted_from(&server, "192.0.2.1", &token).await;
        if answer["type"] != "welcome" {
            break (client, answer);
        }
        begun += 1;
    };
    assert!(begun >= 3, "{begun}");
    assert_eq!(refusal["code"], "too_many_new_sessions");
    assert!((10..30).contains(&refusal["retry_after_s"].as_u64().unwrap()), "{refusal}");
    assert_eq!(late.closed().await, (4429, "too_many_refusals".to_owned()));
    let (_elsewhere, welcome) = greeted_from(&server, "192.0.2.2", &token).await;
    assert_eq!(welcome["type"], "welcome");
    let sample = "kopru_signaling_refusals_total{code=\"too_many_new_sessions\"}";
    assert_eq!(metric(server.at.admin[0], sample), 1.0);
}

/// A server with these limits, to which loopback is a proxy.
fn behind_a_proxy(limits: &str) -> Server {
    let text = configuration(limits).replace(
        "listen = \"127.0.0.1:0\"\n[turn]",
        "listen = \"127.0.0.1:0\"\ntrusted_proxies = \"127.0.0.1\"\n[turn]",
    );
    Server::configured(&text)
}

/// A client whom that proxy names, and what its `hello` was answered with.
async fn greeted_from(server: &Server, ip: &str, token: &str) -> (Client, Value) {
    let headers = [("x-forwarded-for", ip)];
    let mut client = Client::connect_with(server.http(), &headers).await.unwrap();
    let answer = client.greet(Some(token)).await;
    (client, answer)
}

#[tokio::test]
async fn who_says_goodbye_does_not_come_back() {
    let server = Server::configured(&configuration(""));
    let token = token(&server);
    let (mut ada, ..) = member(&server, &token).await;
    let (mut bo, ..) = member(&server, &token).await;
    assert_eq!(ada.receive().await["type"], "member_joined");
    bo.socket.close(None).await.unwrap();
    let left = ada.receive().await;
    assert_eq!((&left["type"], &left["reason"]), (&json!("member_left"), &json!("left")));
}

#[tokio::test]
async fn a_member_has_the_same_id_after_a_restart() {
    let server = Server::configured(&configuration(""));
    let token = token(&server);
    comes_back(&server, &token, || Server::configured(&configuration(""))).await;
}

#[tokio::test]
async fn also_where_tokens_are_checked_with_public_keys_alone() {
    let signer = Signer::es256();
    let start = || {
        let folder = Folder::with("tokens.pem", &signer.public_pem());
        let key = "keys = [{ algorithm = \"ES256\", public_key = \"tokens.pem\" }]";
        let secret = "[signaling]\nresume_secret = \"kept over restarts\"\n[signaling.auth.jwt]";
        let text = configuration("").replace("[signaling.auth.jwt]", secret);
        let shared = "secrets = \"a secret of at least thirty-two bytes\"";
        folder.write("kopru.toml", &text.replace(shared, key));
        Server::start(folder, &["--config", "kopru.toml"])
    };
    let token =
        signer.token(&json!({ "alg": "ES256" }), &json!({ "sub": "ada", "exp": now() + 600 }));
    comes_back(&start(), &token, start).await;
}

/// A member of one server is the same in the next one.
async fn comes_back(before: &Server, token: &str, start: impl Fn() -> Server) {
    let (_, welcome, id) = member(before, token).await;
    before.signal("KILL");

    let server = start();
    let mut ada = Client::connect(server.http()).await;
    ada.send(json!({ "type": "hello", "v": 1, "token": token, "resume": welcome["resume"] })).await;
    let again = ada.receive().await;
    assert_eq!((&again["resumed"], &again["complete"]), (&json!(false), &json!(false)));
    assert_eq!(again["session"], welcome["session"]);
    ada.send(json!({ "type": "join", "id": "1", "room": "lab", "member": id })).await;
    assert_eq!(ada.receive().await["member"], id);
}
