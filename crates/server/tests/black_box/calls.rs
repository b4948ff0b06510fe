//! A call through the binary: its deadlines, its numbers, and a room for two.

use serde_json::{Value, json};

use crate::http_client::metric;
use crate::program::Server;
use crate::signaling::{configuration, token};
use crate::signaling_client::Client;

/// The next frame that is a call, and its state.
async fn call(client: &mut Client) -> (Value, String) {
    loop {
        let frame = client.receive().await;
        assert_ne!(frame["type"], "error", "{frame}");
        if frame["type"] == "call" {
            let state = frame["state"].as_str().unwrap().to_owned();
            return (frame, state);
        }
    }
}

#[tokio::test]
async fn a_call_rings_is_taken_and_ends_when_it_is_never_connected() {
    let server = Server::configured(&configuration("connect_timeout_s = 1"));
    let (token, admin) = (token(&server), server.at.admin[0]);
    let mut ada = Client::connect(server.http()).await;
    ada.greet(Some(&token)).await;
    ada.join("lab").await;
    let mut bo = Client::connect(server.http()).await;
    bo.greet(Some(&token)).await;
    let joined = bo.join("lab").await;
    assert_eq!((&joined["kind"], &joined["capacity"]), (&json!("mesh"), &json!(16)));

    ada.send(json!({ "type": "call", "id": "1", "room": "lab", "to": joined["member"] })).await;
    assert_eq!(call(&mut ada).await.1, "inviting");
    assert_eq!(metric(admin, "kopru_signaling_calls{state=\"inviting\"}"), 1.0);
    let invitation = call(&mut bo).await.0;
    bo.send(json!({ "type": "accept", "id": "1", "call": invitation["call"] })).await;
    for client in [&mut ada, &mut bo] {
        assert_eq!(call(client).await.1, "accepted");
        let (end, state) = call(client).await;
        assert_eq!((state.as_str(), &end["reason"]), ("ended", &json!("failed")));
    }
    assert_eq!(metric(admin, "kopru_signaling_calls_ended_total{reason=\"failed\"}"), 1.0);
    assert_eq!(metric(admin, "kopru_signaling_calls{state=\"inviting\"}"), 0.0);
}

#[tokio::test]
async fn rooms_are_for_two_where_the_file_says_so() {
    let kind = "[signaling]\nroom_kind = \"pair\"\n";
    let server = Server::configured(&format!("{kind}{}", configuration("")));
    let token = token(&server);
    let mut clients = Vec::new();
    for expect in ["joined", "joined", "error"] {
        let mut client = Client::connect(server.http()).await;
        client.greet(Some(&token)).await;
        let answer = client.join("lab").await;
        assert_eq!(answer["type"], expect, "{answer}");
        clients.push(client);
    }
}
