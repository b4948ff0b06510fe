//! One session moves from transport to transport while somebody speaks to it: nothing is lost and
//! nothing comes twice, plain and over TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::http_client::metric;
use crate::link_client::{By, LinkClient, Wire};
use crate::program::Server;
use crate::signaling::{configuration, token};
use crate::signaling_client::Client;
use crate::transports::{hello, join, over_https};

/// A session on the transport that it has at the moment.
enum Line {
    Socket(Client),
    Link(LinkClient),
}

impl Line {
    /// `by` none is by WebSocket.
    async fn open(wire: &Wire, by: Option<By>, hello: Value) -> Self {
        match by {
            None => {
                let mut client = Client::over(wire).await;
                client.send(hello).await;
                Self::Socket(client)
            }
            Some(by) => Self::Link(LinkClient::connect(wire.clone(), by, &[hello]).await),
        }
    }

    async fn receive(&mut self) -> Value {
        match self {
            Self::Socket(client) => client.receive().await,
            Self::Link(client) => client.receive().await,
        }
    }

    async fn send(&mut self, message: Value) {
        match self {
            Self::Socket(client) => client.send(message).await,
            Self::Link(client) => client.send(message).await,
        }
    }

    async fn closed(&mut self) -> u64 {
        match self {
            Self::Socket(client) => client.closed().await.0.into(),
            Self::Link(client) => client.closed().await.0,
        }
    }
}

/// So many frames are kept that none is lost for their number.
const LIMITS: &str =
    "messages_per_second = 0\nreplay_frames_max = 100000\nreplay_bytes_max = 10000000";

#[tokio::test]
async fn one_session_moves_over_all_of_them_and_nothing_is_lost() {
    let server = Server::configured(&configuration(LIMITS));
    moves_everywhere(&server, &Wire::plain(server.http())).await;
}

#[tokio::test]
async fn the_same_over_https_and_wss() {
    let (server, wire) = over_https(LIMITS);
    moves_everywhere(&server, &wire).await;
}

async fn moves_everywhere(server: &Server, wire: &Wire) {
    let token = token(server);
    let mut greeting = hello();
    greeting["token"] = token.clone().into();
    let mut ada = Line::open(wire, None, greeting).await;
    let mut welcome = ada.receive().await;
    ada.send(join("lab")).await;
    let (mut seq, mut next) = (2, 0);
    assert_eq!(ada.receive().await["seq"], seq);
    let (bo, enough) = speaker(wire, token).await;

    for by in [Some(By::Events), Some(By::Poll), None, Some(By::Poll), Some(By::Events), None] {
        let until = next + 25;
        while next < until {
            take(&ada.receive().await, &mut seq, &mut next);
        }
        let mut greeting = hello();
        greeting["resume"] = welcome["resume"].clone();
        greeting["ack"] = seq.into();
        let mut former = std::mem::replace(&mut ada, Line::open(wire, by, greeting).await);
        welcome = ada.receive().await;
        assert_eq!((&welcome["resumed"], &welcome["complete"]), (&json!(true), &json!(true)));
        assert_eq!(welcome["seq"], seq);
        assert_eq!(former.closed().await, 4409, "{by:?}");
        ada.send(json!({ "type": "ping", "id": format!("{seq}"), "ack": seq })).await;
    }
    enough.store(true, Ordering::Relaxed);
    let (_bo, sent) = bo.await.unwrap();
    while next < sent {
        take(&ada.receive().await, &mut seq, &mut next);
    }
    let sample = "kopru_signaling_resumptions_total{complete=\"true\"}";
    assert_eq!(metric(server.at.admin[0], sample), 6.0);
}

/// Somebody in the room who says one number after the other until it is enough; how many it were.
async fn speaker(wire: &Wire, token: String) -> (JoinHandle<(Client, u64)>, Arc<AtomicBool>) {
    let enough = Arc::new(AtomicBool::new(false));
    let mut bo = Client::over(wire).await;
    bo.greet(Some(&token)).await;
    bo.join("lab").await;
    let is_enough = Arc::clone(&enough);
    let speaking = tokio::spawn(async move {
        let mut sent = 0;
        while !is_enough.load(Ordering::Relaxed) {
            let id = sent.to_string();
            bo.send(json!({ "type": "message", "id": id, "room": "lab", "data": sent })).await;
            while bo.receive().await["type"] != "ok" {}
            sent += 1;
        }
        (bo, sent)
    });
    (speaking, enough)
}

/// Each frame is the one after the last, and so is each of the messages.
fn take(frame: &Value, seq: &mut u64, next: &mut u64) {
    *seq += 1;
    assert_eq!(frame["seq"], *seq, "{frame}");
    if frame["type"] == "message" {
        assert_eq!(frame["data"], *next);
        *next += 1;
    }
}
