//! A client without a WebSocket: it says something in requests and is told something in a stream of
//! events, or in the answers to polls.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::http_client::{Answer, parse};

/// Where a server is, and whether over TLS.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) at: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + Sync> Duplex for S {}

impl Wire {
    pub(crate) fn plain(at: SocketAddr) -> Self {
        Self { at, tls: None }
    }

    pub(crate) async fn open(&self) -> Box<dyn Duplex> {
        let stream = TcpStream::connect(self.at).await.unwrap();
        let Some(config) = &self.tls else { return Box::new(stream) };
        let name = ServerName::try_from("localhost").unwrap();
        Box::new(TlsConnector::from(Arc::clone(config)).connect(name, stream).await.unwrap())
    }

    /// Sends a request, and leaves its answer to be read.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> Box<dyn Duplex> {
        let Self { at, .. } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {at}\r\n");
        for line in headers {
            text.push_str(&format!("{line}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = self.open().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    pub(crate) async fn post(&self, path: &str, headers: &[&str], body: &str) -> Answer {
        let headers = [headers, &["Connection: close"][..]].concat();
        let mut stream = self.ask("POST", path, &headers, body).await;
        let mut answer = String::new();
        let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
        assert!(read.is_ok_and(|read| read.is_ok() || !answer.is_empty()), "no answer: {path}");
        parse(&answer)
    }
}

/// How a client is told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Events,
    Poll,
}

/// One connection.
pub(crate) struct LinkClient {
    pub(crate) wire: Wire,
    pub(crate) secret: String,
    pub(crate) ticket: String,
    /// What was told and not yet received.
    told: VecDeque<Value>,
    events: Option<BufReader<Box<dyn Duplex>>>,
}

impl LinkClient {
    /// Opens one with these frames.
    pub(crate) async fn connect(wire: Wire, by: By, frames: &[Value]) -> Self {
        let answer = wire.post("/v1/connect", &[], &lines(frames)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let text = |name: &str| answer.json()[name].as_str().unwrap().to_owned();
        let (secret, ticket) = (text("connection"), text("ticket"));
        let mut client = Self { wire, secret, ticket, told: VecDeque::new(), events: None };
        if by == By::Events {
            let path = format!("/v1/events?ticket={}", client.ticket);
            let stream = client.wire.ask("GET", &path, &[], "").await;
            let mut events = BufReader::new(stream);
            assert_unbuffered(&mut events).await;
            client.events = Some(events);
        }
        client
    }

    pub(crate) fn authorization(&self) -> String {
        format!("Authorization: Bearer {}", self.secret)
    }

    pub(crate) async fn send(&mut self, message: Value) {
        let answer = self.post("/v1/messages", &lines(&[message])).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }

    /// A request of this connection.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.wire.post(path, &[&self.authorization()], body).await
    }

    /// The next frame; or the last thing it is told, `{"close":{…}}`.
    pub(crate) async fn receive(&mut self) -> Value {
        loop {
            if let Some(told) = self.told.pop_front() {
                return told;
            }
            match self.events.as_mut() {
                Some(events) => {
                    let told = timeout(PATIENCE, next_event(events)).await;
                    self.told.push_back(told.expect("an event in time"));
                }
                None => self.poll().await,
            }
        }
    }

    async fn poll(&mut self) {
        let answer = self.post("/v1/poll", "").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        self.told.extend(answer["frames"].as_array().unwrap().iter().cloned());
        if answer["close"].is_object() {
            self.told.push_back(json!({ "close": answer["close"] }));
        }
    }

    /// The code and reason with which the server closes, whatever comes before.
    pub(crate) async fn closed(&mut self) -> (u64, String) {
        let close = self.close().await;
        (close["code"].as_u64().unwrap(), close["reason"].as_str().unwrap().to_owned())
    }

    /// The same with all that is told.
    pub(crate) async fn close(&mut self) -> Value {
        loop {
            let told = self.receive().await;
            if told["close"].is_object() {
                return told["close"].clone();
            }
        }
    }
}

fn lines(frames: &[Value]) -> String {
    frames.iter().map(|frame| format!("{frame}\n")).collect()
}

/// The head of the answer says that no proxy may keep a stream back, pack it or remember it.
async fn assert_unbuffered(events: &mut BufReader<Box<dyn Duplex>>) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = timeout(PATIENCE, events.read_line(&mut head)).await;
        assert_ne!(read.expect("a head in time").unwrap(), 0, "the stream has ended: {head}");
    }
    let answer = parse(&head);
    assert_eq!((answer.status, answer.header("x-accel-buffering")), (200, Some("no")), "{head}");
    assert_eq!(answer.header("cache-control"), Some("no-store, no-transform"));
}

/// The sizes of HTTP's chunks stand on lines of their own, and look like no field of an event.
async fn next_event(events: &mut BufReader<Box<dyn Duplex>>) -> Value {
    let mut is_close = false;
    loop {
        let mut line = String::new();
        assert_ne!(events.read_line(&mut line).await.unwrap(), 0, "the stream has ended");
        is_close |= line.trim() == "event: close";
        if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).unwrap();
            return if is_close { json!({ "close": data }) } else { data };
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(25);
