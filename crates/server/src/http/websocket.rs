//! RFC 6455: a WebSocket, between its socket and the hub.
//!
//! What comes in is copied out of the read buffer before it is queued: a small frame that waits
//! would otherwise keep the whole buffer alive.

use std::future::ready;
use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt;
use kopru_signal::{Bucket, Claims, CloseReason, ConnId, Parting, Rejection, Share};
use tokio::time::timeout;

use super::App;
use super::client_address::client_address;
use super::error::HttpError;
use super::serve::Peer;
use super::stream::Reading;
use super::texts::Texts;
use crate::hub::{Event, Way};
use crate::limits::{
    CLOSING_TIMEOUT, HELLO_BYTES_MAX, RESTART_RETRY_AFTER_S, WEBSOCKET_BYTES,
    WEBSOCKET_PONGS_BYTES, WEBSOCKET_READ_BYTES, WEBSOCKET_WRITE_BYTES,
};
use crate::outgoing::{self, Next, Receiver};

/// `GET /v1/ws`: the signaling protocol.
pub(crate) async fn websocket(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return HttpError::WebSocketRequired.into_response() };
    let source = client_address(peer.ip, &headers, &app.trusted_proxies);
    let places = match app.places(source) {
        Ok(places) => places,
        Err(refused) => return refused.into_response(),
    };
    peer.reading.limit(HELLO_BYTES_MAX);
    peer.reading.count(app.memory.share(0), app.frame_bytes_max);
    upgrade
        .read_buffer_size(WEBSOCKET_READ_BYTES)
        // Only its own frames: what the hub says goes past it.
        .write_buffer_size(0)
        .max_write_buffer_size(WEBSOCKET_PONGS_BYTES)
        .max_message_size(app.frame_bytes_max)
        .max_frame_size(app.frame_bytes_max)
        .on_upgrade(move |socket| {
            // A task of its own, and a box: one that first was an upgrade stays as large as that.
            let socket = Box::new(socket);
            tokio::spawn(async move {
                let from = (source, places.1.source());
                let Peer { reading, texts, .. } = peer;
                let line = (socket, reading, texts);
                let conversation = Conversation::begin(app, line, from).await;
                if let Some(conversation) = conversation {
                    conversation.run().await;
                }
                drop(places);
            });
            ready(())
        })
}

/// One WebSocket, for as long as it lasts.
struct Conversation {
    conn: ConnId,
    socket: Box<WebSocket>,
    outgoing: Receiver,
    way: Way,
    app: Arc<App>,
    reading: Reading,
    texts: Texts,
    /// Pings and pongs that it sends, of which the hub hears nothing.
    pings: Bucket,
    /// Who it is.
    source: IpAddr,
    /// Whether a token was accepted, or the hub has a session for it: as for who takes up one
    /// without a token, or needs none.
    is_admitted: bool,
    /// What it takes.
    _share: Share,
}

impl Conversation {
    async fn begin(
        app: Arc<App>,
        (socket, reading, texts): (Box<WebSocket>, Reading, Texts),
        (source, network): (IpAddr, Option<IpAddr>),
    ) -> Option<Self> {
        let conn = ConnId(app.connections.fetch_add(1, Ordering::Relaxed));
        let (sender, outgoing) = outgoing::queue(app.queue_bytes_max, &app.memory);
        let claims = app.tokens.is_open().then(|| Box::new(Claims::open()));
        let mut way = app.hub.way(conn);
        let opened = Event::Opened { conn, outgoing: sender, home: way.home(), network, claims };
        way.send(opened).await.ok()?;
        let (is_admitted, _share) = (false, app.memory.share(WEBSOCKET_BYTES));
        let pings = Bucket::full(Instant::now());
        Some(Self {
            conn,
            socket,
            outgoing,
            way,
            app,
            reading,
            texts,
            pings,
            source,
            is_admitted,
            _share,
        })
    }

    async fn run(mut self) {
        let ended = loop {
            let flow = tokio::select! {
                next = self.outgoing.next() => self.send(next).await,
                message = self.socket.recv() => match message {
                    Some(Ok(message)) => self.receive(message).await,
                    Some(Err(error)) => ControlFlow::Break(close_reason(&error).into()),
                    None => ControlFlow::Break(End::Lost),
                },
            };
            if let ControlFlow::Break(end) = flow {
                break end;
            }
        };
        // First the others: the goodbye may wait for a client that does not read.
        _ = self.way.send(ended.into_event(self.conn)).await;
        if let End::Closed(reason) = ended {
            self.close(reason).await;
        }
    }

    /// Sends what waits, and flushes once for much of it.
    async fn send(&mut self, first: Next) -> ControlFlow<End> {
        let mut next = Some(first);
        while let Some(Next::Frame(text)) = next {
            if !self.is_admitted && text.starts_with(WELCOME) {
                self.is_admitted = true;
                self.reading.unlimit();
            }
            let is_much = self.texts.add(text) >= WEBSOCKET_WRITE_BYTES;
            if is_much && self.socket.flush().await.is_err() {
                return ControlFlow::Break(End::Lost);
            }
            next = self.outgoing.try_next();
        }
        if self.socket.flush().await.is_err() {
            return ControlFlow::Break(End::Lost);
        }
        if let Some(Next::Close(reason)) = next {
            self.close(reason).await;
            return ControlFlow::Break(End::Lost);
        }
        ControlFlow::Continue(())
    }

    async fn receive(&mut self, message: Message) -> ControlFlow<End> {
        let text = match message {
            Message::Text(text) => text.as_str().to_owned(),
            Message::Binary(_) => return ControlFlow::Break(End::Closed(CloseReason::TextOnly)),
            Message::Close(frame) => return ControlFlow::Break(End::of(frame.as_ref())),
            // Answered by the library; there may be half a message around them.
            Message::Ping(_) | Message::Pong(_) => return self.count_ping(),
        };
        self.reading.taken();
        let verdict = self.verdict(&text).map(Box::new);
        self.is_admitted |= matches!(verdict.as_deref(), Some(Ok(_)));
        if self.is_admitted {
            self.reading.unlimit();
        }
        match self.way.send(Event::Frame { conn: self.conn, text, verdict }).await {
            Ok(()) => ControlFlow::Continue(()),
            // Without a hub the server is gone, but for this.
            Err(_) => {
                let reason = CloseReason::GoingAway { retry_after_s: RESTART_RETRY_AFTER_S };
                ControlFlow::Break(End::Closed(reason))
            }
        }
    }

    fn verdict(&self, text: &str) -> Option<Result<Claims, Rejection>> {
        self.app.tokens.verdict(self.source, text)
    }

    fn count_ping(&mut self) -> ControlFlow<End> {
        match self.pings.take(Instant::now(), self.app.ping_rate) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(End::Closed(CloseReason::TooManyRefusals)),
        }
    }

    /// Says goodbye and waits, not long, for the client to say it too.
    async fn close(&mut self, reason: CloseReason) {
        self.reading.linger();
        let mut words = reason.reason().to_owned();
        if let Some(seconds) = reason.retry_after_s() {
            words.push_str(&format!(";retry_after_s={seconds}"));
        }
        let frame = CloseFrame { code: reason.code(), reason: words.into() };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            let goodbye = async { while let Some(Ok(_)) = self.socket.recv().await {} };
            // Whoever says nothing is left.
            _ = timeout(CLOSING_TIMEOUT, goodbye).await;
        }
    }
}

/// How a conversation ended.
#[derive(Clone, Copy)]
enum End {
    /// The client said goodbye.
    Goodbye,
    /// The connection broke, or the hub had closed it.
    Lost,
    /// Closed on this side, without the hub's word.
    Closed(CloseReason),
}

impl End {
    /// RFC 6455 §7.4.1: a page that is closed says 1001; no code at all comes from `close()`. Any
    /// other code is that of a client, or of a proxy, which has met with an error.
    fn of(frame: Option<&CloseFrame>) -> Self {
        match frame.map(|frame| frame.code) {
            None | Some(1000 | 1001 | 1005) => Self::Goodbye,
            Some(_) => Self::Lost,
        }
    }

    fn into_event(self, conn: ConnId) -> Event {
        let (closed, parting) = match self {
            Self::Goodbye => (None, Parting::Goodbye),
            Self::Lost => (None, Parting::Lost),
            // As where the hub refuses too often: nobody waits for who does this.
            Self::Closed(reason @ CloseReason::TooManyRefusals) => (Some(reason), Parting::Goodbye),
            Self::Closed(reason) => (Some(reason), Parting::Lost),
        };
        Event::Gone { conn, closed, parting }
    }
}

impl From<Option<CloseReason>> for End {
    fn from(reason: Option<CloseReason>) -> Self {
        reason.map_or(Self::Lost, Self::Closed)
    }
}

/// A frame beyond the limit is the one error that is answered; the rest are dead connections.
fn close_reason(error: &axum::Error) -> Option<CloseReason> {
    use tungstenite::Error::{Capacity, Io};
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        match error.downcast_ref() {
            Some(Capacity(_)) => return Some(CloseReason::FrameTooLarge),
            Some(Io(error)) if error.kind() == io::ErrorKind::QuotaExceeded => {
                return Some(CloseReason::FrameTooLarge);
            }
            _ => {}
        }
        source = error.source();
    }
    None
}

/// How the frame begins that the hub sends when a session is open.
const WELCOME: &str = "{\"type\":\"welcome\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, F: Future>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    /// There are thousands of them, and nearly all wait for the next frame.
    #[test]
    fn what_an_idle_websocket_takes() {
        let sizes = [size_of_future(Conversation::run), size_of::<Event>()];
        let bounds = [896, 64];
        assert!(sizes.iter().zip(bounds).all(|(size, bound)| *size <= bound), "{sizes:?}");
    }
}
