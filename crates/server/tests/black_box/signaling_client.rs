//! A WebSocket client that speaks JSON.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::link_client::{Duplex, Wire};

/// One connection.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<Box<dyn Duplex>>,
}

impl Client {
    pub(crate) async fn connect(at: SocketAddr) -> Self {
        Self::connect_from(at, None).await.unwrap()
    }

    /// As a page of this origin would; the HTTP status when it is refused.
    pub(crate) async fn connect_from(at: SocketAddr, origin: Option<&str>) -> Result<Self, u16> {
        let origin: Vec<_> = origin.into_iter().map(|origin| ("origin", origin)).collect();
        Self::connect_with(at, &origin).await
    }

    /// With these header fields.
    pub(crate) async fn connect_with(
        at: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        Self::connect_over(&Wire::plain(at), headers).await
    }

    /// The same, plain or over TLS.
    pub(crate) async fn over(wire: &Wire) -> Self {
        Self::connect_over(wire, &[]).await.unwrap()
    }

    async fn connect_over(wire: &Wire, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{}/v1/ws", wire.at).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::client_async(request, wire.open().await).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_text(message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next frame.
    pub(crate) async fn receive(&mut self) -> Value {
        let message = timeout(PATIENCE, self.socket.next()).await.expect("an answer in time");
        match message.unwrap().unwrap() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("not a text frame: {other:?}"),
        }
    }

    /// The code and reason with which the server closes, whatever comes before.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("an end in time");
            match message {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("it ended without a close frame: {other:?}"),
            }
        }
    }

    /// Says hello and takes the welcome.
    pub(crate) async fn greet(&mut self, token: Option<&str>) -> Value {
        let mut hello = json!({ "type": "hello", "v": 1, "capabilities": { "rollback": true } });
        if let Some(token) = token {
            hello["token"] = token.into();
        }
        self.send(hello).await;
        self.receive().await
    }

    /// Joins a room; the answer.
    pub(crate) async fn join(&mut self, room: &str) -> Value {
        self.join_as("j", room).await
    }

    /// The same under an id of one's own.
    pub(crate) async fn join_as(&mut self, id: &str, room: &str) -> Value {
        self.send(json!({ "type": "join", "id": id, "room": room })).await;
        self.receive().await
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
