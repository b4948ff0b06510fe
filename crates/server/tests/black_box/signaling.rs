//! Signaling through the binary, and what becomes of clients that misbehave.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::http_client::metric;
use crate::program::Server;
use crate::signaling_client::Client;

#[tokio::test]
async fn two_members_meet_and_pass_an_offer() {
    let server = Server::development(&[]);
    let mut ada = Client::connect(server.http()).await;
    let welcome = ada.greet(None).await;
    assert_eq!(welcome["type"], "welcome");
    let turn = server.at.turn_udp[0];
    assert_eq!(welcome["ice_servers"][1]["urls"][0], format!("turn:{turn}?transport=udp"));
    assert_eq!(welcome["ice_ttl_s"], 600);
    let joined = ada.join("lab").await;
    assert_eq!(joined["members"], json!([]));

    let mut bo = Client::connect(server.http()).await;
    bo.greet(None).await;
    let joined = bo.join("lab").await;
    let ada_s_id = joined["members"][0]["member"].as_str().unwrap().to_owned();
    assert_eq!(ada.receive().await["type"], "member_joined");

    bo.send(json!({
        "type": "description", "id": "1", "room": "lab", "to": ada_s_id, "connection": "main",
        "negotiation": 1, "description": { "type": "offer", "sdp": "v=0\r\n" },
    }))
    .await;
    assert_eq!(bo.receive().await["type"], "ok");
    let offer = ada.receive().await;
    assert_eq!(offer["description"]["sdp"], "v=0\r\n");
    assert_eq!(offer["from"], joined["member"]);

    bo.socket.close(None).await.unwrap();
    let left = ada.receive().await;
    assert_eq!((&left["type"], &left["reason"]), (&json!("member_left"), &json!("left")));
    let sample = "kopru_signaling_relayed_messages_total{type=\"description\"}";
    assert_eq!(metric(server.http(), sample), 1.0);
    assert_eq!(metric(server.http(), "kopru_signaling_members"), 1.0);
    assert!(!server.log().contains("v=0"), "SDP is not logged");
}

/// RFC 6455 §5.5
#[tokio::test]
async fn a_ping_and_a_goodbye_are_answered_with_the_same() {
    let server = Server::development(&[]);
    for number in [1001, 1011, 4000] {
        let mut ada = Client::connect(server.http()).await;
        ada.socket.send(Message::Ping("here?".into())).await.unwrap();
        assert_eq!(ada.socket.next().await.unwrap().unwrap(), Message::Pong("here?".into()));
        let (code, reason) = (CloseCode::from(number), "".into());
        ada.socket.close(Some(CloseFrame { code, reason })).await.unwrap();
        assert_eq!(ada.closed().await, (number, String::new()));
        assert!(ada.socket.next().await.is_none(), "the server ends the connection");
    }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused() {
    let server = Server::development(&[]);
    let refused = Client::connect_from(server.http(), Some("https://evil.example")).await;
    assert_eq!(refused.err(), Some(403));
    let own = format!("http://localhost:{}", server.http().port());
    assert!(Client::connect_from(server.http(), Some(&own)).await.is_ok());
}

#[tokio::test]
async fn before_a_valid_hello_so_much_may_come_and_no_more() {
    let secret = "[signaling.auth.jwt]\nsecrets = \"0123456789abcdef0123456789abcdef\"\n";
    let closed = Server::configured(&format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"127.0.0.1:0\"\n{secret}"
    ));
    for server in [closed, Server::development(&[])] {
        // The beginning of a frame that is within its own limit.
        let mut stranger = Client::connect(server.http()).await;
        let mut part = vec![0x81, 0xff];
        part.extend(60_000_u64.to_be_bytes());
        part.extend([0; 4]);
        part.resize(16 * 1024, b' ');
        stranger.socket.get_mut().write_all(&part).await.unwrap();
        stranger.socket.get_mut().write_all(b"  ").await.unwrap();
        assert_eq!(stranger.closed().await, (1009, "frame_too_large".to_owned()));
    }
    // Where no token is needed either: a first word is no hello.
    let server = Server::development(&[]);
    let mut stranger = Client::connect(server.http()).await;
    stranger.send_text("{}".to_owned()).await;
    assert_eq!(stranger.receive().await["code"], "missing_field");
    let mut part = [&[0x81, 0xff][..], &60_000_u64.to_be_bytes(), &[0; 4]].concat();
    part.resize(17 * 1024, b' ');
    stranger.socket.get_mut().write_all(&part).await.unwrap();
    assert_eq!(stranger.closed().await, (1009, "frame_too_large".to_owned()));
    // A long hello is one, and what follows it has the limit of frames.
    let server = Server::development(&[]);
    let mut ada = Client::connect(server.http()).await;
    ada.send(json!({ "type": "hello", "v": 1, "of_no_meaning": "x".repeat(15_000) })).await;
    assert_eq!(ada.receive().await["type"], "welcome");
    ada.send(json!({ "type": "ping", "id": "1", "of_no_meaning": "x".repeat(60_000) })).await;
    assert_eq!(ada.receive().await["type"], "pong");
}

#[tokio::test]
async fn broken_json_is_answered_and_counted() {
    let server = Server::development(&[]);
    let mut client = Client::connect(server.http()).await;
    client.greet(None).await;
    client.send_text("{\"type\":".to_owned()).await;
    assert_eq!(client.receive().await["code"], "bad_json");
    client.send(json!({ "type": "ping", "id": "1" })).await;
    assert_eq!(client.receive().await["type"], "pong");
    let sample = "kopru_signaling_refusals_total{code=\"bad_json\"}";
    assert_eq!(metric(server.http(), sample), 1.0);
}

#[tokio::test]
async fn a_frame_of_ten_megabytes_is_not_read_and_the_server_goes_on() {
    let server = Server::development(&[]);
    let mut other = Client::connect(server.http()).await;
    other.greet(None).await;
    let mut client = Client::connect(server.http()).await;
    client.greet(None).await;
    client.send_text("x".repeat(10_000_000)).await;
    assert_eq!(client.closed().await, (1009, "frame_too_large".to_owned()));
    other.send(json!({ "type": "ping", "id": "1" })).await;
    assert_eq!(other.receive().await["type"], "pong");
    let sample = "kopru_signaling_closes_total{reason=\"frame_too_large\"}";
    assert_eq!(metric(server.http(), sample), 1.0);
}

#[tokio::test]
async fn a_frame_a_little_too_large_gets_an_error() {
    let server = Server::development(&[]);
    let mut client = Client::connect(server.http()).await;
    client.greet(None).await;
    client.send_text("x".repeat(70_000)).await;
    assert_eq!(client.receive().await["code"], "frame_too_large");
    client.send(json!({ "type": "ping", "id": "1" })).await;
    assert_eq!(client.receive().await["type"], "pong");
}

#[tokio::test]
async fn a_binary_frame_ends_the_connection() {
    let server = Server::development(&[]);
    let mut client = Client::connect(server.http()).await;
    client.greet(None).await;
    client.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    assert_eq!(client.closed().await, (1003, "text_only".to_owned()));
}

#[tokio::test]
async fn a_room_takes_as_many_as_configured() {
    let server = Server::configured(&configuration("members_per_room_max = 1"));
    let token = token(&server);
    let mut ada = Client::connect(server.http()).await;
    ada.greet(Some(&token)).await;
    assert_eq!(ada.join("lab").await["type"], "joined");
    let mut bo = Client::connect(server.http()).await;
    bo.greet(Some(&token)).await;
    assert_eq!(bo.join("lab").await["code"], "room_full");
    assert_eq!(bo.join("other").await["type"], "joined");
}

#[tokio::test]
async fn a_room_may_be_for_relays_only() {
    let file = configuration("") + "[signaling]\nrelay_only = \"consulting/*\"\n";
    let server = Server::configured(&file);
    let token = token(&server);
    let mut ada = Client::connect(server.http()).await;
    ada.greet(Some(&token)).await;
    assert_eq!(ada.join("consulting/7").await["ice_transport_policy"], "relay");
    ada.send(json!({ "type": "leave", "id": "l", "room": "consulting/7" })).await;
    assert_eq!(ada.receive().await["type"], "ok");
    assert_eq!(ada.join("lab").await["ice_transport_policy"], json!(null));
}

#[tokio::test]
async fn who_says_nothing_is_sent_away() {
    let server = Server::configured(&configuration("hello_timeout_s = 1"));
    let mut client = Client::connect(server.http()).await;
    assert_eq!(client.closed().await, (4408, "hello_timeout".to_owned()));
}

#[tokio::test]
async fn pings_are_answered_and_who_sends_too_many_is_sent_away() {
    let limits = "requests_per_second = 1\nrequests_burst = 5";
    let server = Server::configured(&configuration(limits));
    let mut client = Client::connect(server.http()).await;
    client.greet(Some(&token(&server))).await;
    for number in 0..5_u8 {
        client.socket.send(Message::Ping(vec![number].into())).await.unwrap();
        let pong = client.socket.next().await.unwrap().unwrap();
        assert_eq!(pong, Message::Pong(vec![number].into()));
    }
    for _ in 0..100 {
        // It may be closed already.
        _ = client.socket.feed(Message::Ping(vec![5].into())).await;
    }
    _ = client.socket.flush().await;
    assert_eq!(client.closed().await, (4429, "too_many_refusals".to_owned()));
    let sample = "kopru_signaling_sessions";
    assert_eq!(metric(server.at.admin[0], sample), 0.0, "the session is over");
}

#[tokio::test]
async fn a_full_server_says_so() {
    let server = Server::configured(&configuration("connections_max = 1"));
    let mut first = Client::connect(server.http()).await;
    // Its place is taken when it has been answered.
    first.greet(Some(&token(&server))).await;
    let mut second = Client::connect(server.http()).await;
    assert_eq!(second.closed().await, (4503, "server_full;retry_after_s=10".to_owned()));
}

#[tokio::test]
async fn who_does_not_read_is_sent_away_and_holds_up_nobody() {
    let limits = "queue_bytes_max = 100000\nmessages_per_second = 0";
    let server = Server::configured(&configuration(limits));
    let token = token(&server);
    let mut members = Vec::new();
    for _ in 0..3 {
        let mut member = Client::connect(server.http()).await;
        member.greet(Some(&token)).await;
        member.join("lab").await;
        members.push(member);
    }
    let mut slow = members.pop().unwrap();
    let mut reader = members.pop().unwrap();
    let mut talker = members.pop().unwrap();
    for _ in 0..2 {
        talker.receive().await;
    }
    reader.receive().await;
    // What the kernel buffers for the slow one is more than its queue, so it takes a while.
    let data = "x".repeat(15_000);
    let sample = "kopru_signaling_closes_total{reason=\"too_slow\"}";
    let mut number = 0;
    while metric(server.at.admin[0], sample) < 1.0 {
        number += 1;
        assert!(number < 3000, "never too slow");
        let id = number.to_string();
        talker.send(json!({ "type": "message", "id": id, "room": "lab", "data": data })).await;
        let ok = talker.receive().await;
        assert!(ok["type"] == "ok" || ok["type"] == "member_updated", "{ok}");
        let heard = tokio::time::timeout(Duration::from_secs(5), reader.receive()).await.unwrap();
        assert!(heard["type"] == "message" || heard["type"] == "member_updated", "{heard}");
    }
    assert_eq!(slow.closed().await, (4413, "too_slow".to_owned()));
}

#[tokio::test]
async fn a_long_frame_does_not_end_the_connection_of_whoever_it_is_for() {
    let limits = "frame_bytes_max = 1000000\nqueue_bytes_max = 2000000";
    let server = Server::configured(&configuration(limits));
    let token = token(&server);
    let mut ada = Client::connect(server.http()).await;
    ada.greet(Some(&token)).await;
    let member = ada.join("lab").await["member"].clone();
    let mut bo = Client::connect(server.http()).await;
    bo.greet(Some(&token)).await;
    bo.join("lab").await;
    assert_eq!(ada.receive().await["type"], "member_joined");
    let sdp = "x".repeat(900_000);
    bo.send(json!({
        "type": "description", "id": "1", "room": "lab", "to": member, "connection": "main",
        "negotiation": 1, "description": { "type": "offer", "sdp": sdp },
    }))
    .await;
    assert_eq!(bo.receive().await["type"], "ok");
    assert_eq!(ada.receive().await["description"]["sdp"], sdp);
}

pub(crate) fn configuration(limits: &str) -> String {
    format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"127.0.0.1:0\"\n\
         [signaling.auth.jwt]\nsecrets = \"a secret of at least thirty-two bytes\"\n\
         [signaling.limits]\n{limits}\n[admin]\nlisten = \"127.0.0.1:0\"\n"
    )
}

pub(crate) fn token(server: &Server) -> String {
    let arguments = ["token", "--config", "kopru.toml", "--subject", "ada"];
    crate::program::run(&server.folder, &arguments).stdout.trim().to_owned()
}
