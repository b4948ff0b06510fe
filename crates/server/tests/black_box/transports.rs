//! One session on WebSocket, on an event stream, or on polls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::certificate;
use crate::http_client::{get, metric, request};
use crate::link_client::{By, LinkClient, Wire};
use crate::program::{Folder, Server, with_open_files};
use crate::signaling::{configuration, token};
use crate::signaling_client::Client;
use crate::streams::{ANY, client_config};

pub(crate) fn hello() -> Value {
    json!({ "type": "hello", "v": 1, "capabilities": { "rollback": true } })
}

pub(crate) fn join(room: &str) -> Value {
    json!({ "type": "join", "id": "j", "room": room })
}

#[tokio::test]
async fn members_meet_on_every_transport() {
    let server = Server::development(&[]);
    for (by, room) in [(By::Events, "streams"), (By::Poll, "polls")] {
        let mut ada = Client::connect(server.http()).await;
        ada.greet(None).await;
        ada.join(room).await;
        // The first message may bring the first wish along.
        let wire = Wire::plain(server.http());
        let mut bo = LinkClient::connect(wire, by, &[hello(), join(room)]).await;
        assert_eq!(bo.receive().await["type"], "welcome");
        let joined = bo.receive().await;
        assert_eq!(joined["type"], "joined");
        assert_eq!(ada.receive().await["type"], "member_joined");

        let to = &joined["members"][0]["member"];
        bo.send(json!({ "type": "message", "id": "1", "room": room, "to": to, "data": 1 })).await;
        assert_eq!(bo.receive().await["type"], "ok");
        assert_eq!(ada.receive().await["data"], 1);
        let message = json!({ "type": "message", "id": "1", "room": room, "data": [1, 2] });
        ada.send(message).await;
        assert_eq!(bo.receive().await["data"], json!([1, 2]));
        assert_eq!(ada.receive().await["type"], "ok");

        assert_eq!(bo.wire.post("/v1/goodbye", &[], &bo.secret).await.status, 204);
        let left = ada.receive().await;
        assert_eq!((&left["type"], &left["reason"]), (&json!("member_left"), &json!("left")));
        assert_eq!(bo.post("/v1/messages", "").await.code(), "no_such_connection");
    }
    let sample = "kopru_signaling_links_ended_total{reason=\"goodbye\"}";
    assert_eq!(metric(server.http(), sample), 2.0);
    assert_eq!(metric(server.http(), "kopru_signaling_reads_total{by=\"events\"}"), 1.0);
    assert!(metric(server.http(), "kopru_signaling_reads_total{by=\"poll\"}") >= 3.0);
}

#[tokio::test]
async fn the_same_over_https() {
    let (server, wire) = over_https("");
    let mut hello = hello();
    hello["token"] = token(&server).into();
    for by in [By::Events, By::Poll] {
        let mut ada = LinkClient::connect(wire.clone(), by, &[hello.clone()]).await;
        assert_eq!(ada.receive().await["identity"], "ada");
        ada.send(json!({ "type": "ping", "id": "1" })).await;
        assert_eq!(ada.receive().await["type"], "pong");
    }
}

/// A server with these limits, and the way to it over TLS.
pub(crate) fn over_https(limits: &str) -> (Server, Wire) {
    let folder = Folder::new();
    let trusted = certificate::write(&folder, "chain.pem", "key.pem");
    let https = "[https]\nlisten = \"127.0.0.1:0\"\ncertificate = \"chain.pem\"\nkey = \"key.pem\"";
    folder.write("kopru.toml", &format!("{}{https}\n", configuration(limits)));
    let server = Server::start(folder, &["--config", "kopru.toml"]);
    let wire = Wire { at: server.at.https[0], tls: Some(client_config(&trusted, ANY)) };
    (server, wire)
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_lost_connection() {
    let server = Server::development(&[]);
    let mut ada = Client::connect(server.http()).await;
    ada.greet(None).await;
    ada.join("lab").await;
    let wire = Wire::plain(server.http());
    for by in [By::Events, By::Poll] {
        let mut bo = LinkClient::connect(wire.clone(), by, &[hello(), join("lab")]).await;
        let welcome = bo.receive().await;
        bo.receive().await;
        assert_eq!(ada.receive().await["type"], "member_joined");
        if by == By::Poll {
            // One that waits, and goes away.
            let polls = || metric(server.http(), "kopru_signaling_reads_total{by=\"poll\"}");
            let before = polls();
            let waiting = wire.ask("POST", "/v1/poll", &[&bo.authorization()], "").await;
            while polls() == before {
                tokio::task::yield_now().await;
            }
            assert_eq!(bo.post("/v1/poll", "").await.code(), "already_read");
            drop(waiting);
        }
        let (secret, authorization) = (bo.secret.clone(), bo.authorization());
        drop(bo);
        assert_eq!(ada.receive().await["member"]["reconnecting"], true, "{by:?} {secret}");
        let late = wire.post("/v1/poll", &[&authorization], "").await;
        assert_eq!((late.status, late.code().as_str()), (404, "no_such_connection"));

        let mut again = hello();
        again["resume"] = welcome["resume"].clone();
        again["ack"] = 2.into();
        let mut bo = LinkClient::connect(wire.clone(), By::Events, &[again]).await;
        assert_eq!(bo.receive().await["resumed"], true);
        assert_eq!(ada.receive().await["member"]["reconnecting"], json!(null));
        assert_eq!(wire.post("/v1/goodbye", &[], &bo.secret).await.status, 204);
        assert_eq!(ada.receive().await["type"], "member_left");
    }
    let sample = "kopru_signaling_links_ended_total{reason=\"broken_off\"}";
    assert_eq!(metric(server.http(), sample), 2.0);
}

#[tokio::test]
async fn what_is_refused_and_what_ends_it() {
    let server = Server::configured(&configuration("hello_timeout_s = 1"));
    let wire = Wire::plain(server.http());
    let mut greeting = hello();
    greeting["token"] = token(&server).into();
    let mut ada = LinkClient::connect(wire.clone(), By::Events, &[greeting]).await;
    let welcome = ada.receive().await;
    assert_eq!(welcome["type"], "welcome");

    let again = get(server.http(), &format!("/v1/events?ticket={}", ada.ticket), &[]);
    assert_eq!((again.status, again.code().as_str()), (404, "no_such_connection"));
    assert_eq!(ada.post("/v1/poll", "").await.code(), "already_read");
    assert_eq!(ada.post("/v1/messages", &"{}\n".repeat(65)).await.code(), "too_many_frames");
    let nobody = ["Authorization: Bearer 00000000000000000000000000000000"];
    for path in ["/v1/messages", "/v1/poll"] {
        assert_eq!(wire.post(path, &nobody, "{}").await.status, 404, "{path}");
        assert_eq!(wire.post(path, &[], "{}").await.status, 404, "{path}");
    }
    // Of the same size as over a WebSocket: refused by the hub, and not even read.
    let long = format!("{{\"type\":\"{}\"}}", "x".repeat(70_000));
    assert_eq!(ada.post("/v1/messages", &long).await.status, 204);
    assert_eq!(ada.receive().await["code"], "frame_too_large");
    // Also for whoever comes back without a token.
    let again = json!({ "type": "hello", "v": 1, "resume": welcome["resume"], "ack": 2 });
    let mut ada = LinkClient::connect(wire.clone(), By::Events, &[again]).await;
    assert_eq!(ada.receive().await["resumed"], true);
    assert_eq!(ada.post("/v1/messages", &long).await.status, 204);
    assert_eq!(ada.receive().await["code"], "frame_too_large");
    assert_eq!(ada.post("/v1/messages", &"x".repeat(300_000)).await.code(), "body_too_large");
    assert_eq!(ada.post("/v1/messages", "{}").await.code(), "no_such_connection");
    let sample = "kopru_signaling_closes_total{reason=\"frame_too_large\"}";
    assert_eq!(metric(server.at.admin[0], sample), 1.0);

    let large = wire.post("/v1/connect", &[], &"x".repeat(17_000)).await;
    assert_eq!((large.status, large.code().as_str()), (413, "body_too_large"));
    for by in [By::Events, By::Poll] {
        let mut eve = LinkClient::connect(wire.clone(), by, &[hello()]).await;
        assert_eq!(eve.receive().await["code"], "unauthorized");
        assert_eq!(eve.closed().await, (4401, "unauthorized".to_owned()));
        let mut silent = LinkClient::connect(wire.clone(), by, &[]).await;
        assert_eq!(silent.closed().await, (4408, "hello_timeout".to_owned()));
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_if_they_are_allowed() {
    let text = configuration("").replace(
        "[signaling.auth",
        "[signaling]\nallowed_origins = \"https://app.example\"\n[signaling.auth",
    );
    let server = Server::configured(&text);
    let allowed = "Origin: https://app.example";
    let asks = ["Access-Control-Request-Method: POST", allowed];
    let preflight = request(server.http(), "OPTIONS", "/v1/messages", &asks);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, POST"));
    let headers = Some("authorization, content-type");
    assert_eq!(preflight.header("access-control-allow-headers"), headers);
    let wire = Wire::plain(server.http());
    let connected = wire.post("/v1/connect", &[allowed], &hello().to_string()).await;
    assert_eq!(connected.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(connected.header("access-control-expose-headers"), Some("retry-after"));
    for path in ["/v1/connect", "/v1/messages", "/v1/goodbye", "/v1/poll"] {
        let refused = wire.post(path, &["Origin: https://evil.example"], "").await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "foreign_origin"), "{path}");
    }
}

#[tokio::test]
async fn whoever_stops_the_server_tells_everybody() {
    let mut server = Server::development(&[]);
    let wire = Wire::plain(server.http());
    let mut all = Vec::new();
    for by in [By::Events, By::Poll] {
        let mut client = LinkClient::connect(wire.clone(), by, &[hello()]).await;
        client.receive().await;
        all.push(tokio::spawn(async move { client.closed().await }));
    }
    // Until the poll waits.
    while metric(server.http(), "kopru_signaling_reads_total{by=\"poll\"}") < 2.0 {
        tokio::task::yield_now().await;
    }
    server.signal("TERM");
    for client in all {
        let (code, reason) = client.await.unwrap();
        assert_eq!((code, reason.as_str()), (1001, "going_away"));
    }
    assert!(server.ended(Duration::from_secs(10)).success());
}

#[tokio::test]
async fn streams_have_places_of_their_own_and_sources_so_many() {
    let folder = Folder::new();
    let text = configuration("hello_timeout_s = 60").replace(
        "listen = \"127.0.0.1:0\"\n[turn]",
        "listen = \"127.0.0.1:0\"\ntrusted_proxies = \"127.0.0.1\"\n[turn]",
    );
    folder.write("kopru.toml", &text);
    let command = with_open_files(512, &folder);
    let server = Server::spawn(command, folder, &["--config", "kopru.toml"]);
    let wire = Wire::plain(server.http());
    let mut streams = Vec::new();
    // 64 is what HTTP has where there are 512 descriptors.
    for _ in 0..70 {
        let mut client = LinkClient::connect(wire.clone(), By::Events, &[json!({})]).await;
        assert_eq!(client.receive().await["code"], "missing_field");
        streams.push(client);
    }
    assert_eq!(get(server.http(), "/healthz", &[]).status, 200);
    // And 56 is what one source has where nothing is relayed, as the proxy in front tells it.
    let behind = ["X-Forwarded-For: 192.0.2.1"];
    for _ in 0..56 {
        assert_eq!(wire.post("/v1/connect", &behind, "").await.status, 200);
    }
    let refused = wire.post("/v1/connect", &behind, "").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_connections"));
    let other = wire.post("/v1/connect", &["X-Forwarded-For: 192.0.2.2"], "").await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn everything_is_below_the_base_path() {
    let text = configuration("").replace(
        "listen = \"127.0.0.1:0\"\n[turn]",
        "listen = \"127.0.0.1:0\"\nbase_path = \"/kopru/\"\n[turn]",
    );
    let server = Server::configured(&text);
    let http = server.http();
    let home = get(http, "/kopru", &[]);
    assert_eq!((home.status, home.header("location")), (308, Some("/kopru/")));
    let page = get(http, "/kopru/", &[]);
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    // The page asks for what is beside it.
    let script = page.body.split("src=\"./").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(get(http, &format!("/kopru/{script}"), &[]).status, 200);
    for (path, status) in [
        ("/", 404),
        ("/v1/ice-servers", 404),
        ("/kopru/v1/ice-servers", 401),
        ("/kopru/v1/ws", 426),
        ("/kopru/v1/connect", 405),
        ("/kopru/nothing", 404),
        ("/koprunothing", 404),
        ("/kopru/healthz", 200),
        ("/healthz", 200),
    ] {
        assert_eq!(get(http, path, &[]).status, status, "{path}");
    }
    let connected = Wire::plain(http).post("/kopru/v1/connect", &[], &hello().to_string()).await;
    assert_eq!(connected.status, 200, "{}", connected.body);
}

#[tokio::test]
async fn who_does_not_read_is_sent_away_on_each_of_them() {
    let limits = "queue_bytes_max = 100000\nmessages_per_second = 0";
    let server = Server::configured(&configuration(limits));
    let token = token(&server);
    let mut greeting = hello();
    greeting["token"] = token.clone().into();
    let sample = "kopru_signaling_closes_total{reason=\"too_slow\"}";
    let data = "x".repeat(15_000);
    for (by, room) in [(By::Events, "streams"), (By::Poll, "polls")] {
        let wire = Wire::plain(server.http());
        let mut slow = LinkClient::connect(wire, by, &[greeting.clone(), join(room)]).await;
        assert_eq!(slow.receive().await["type"], "welcome");
        let mut talker = Client::connect(server.http()).await;
        talker.greet(Some(&token)).await;
        talker.join(room).await;
        let before = metric(server.at.admin[0], sample);
        let mut number = 0;
        while metric(server.at.admin[0], sample) == before {
            number += 1;
            assert!(number < 3000, "never too slow");
            let id = number.to_string();
            talker.send(json!({ "type": "message", "id": id, "room": room, "data": data })).await;
            while talker.receive().await["re"] != *id {}
        }
        assert_eq!(slow.closed().await, (4413, "too_slow".to_owned()));
    }
}
