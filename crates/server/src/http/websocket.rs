//! RFC 6455: the WebSocket that signaling is spoken over.
//!
//! | file | |
//! |---|---|
//! | `handshake.rs` | §4.2: how it begins |
//! | `conversation.rs` | what becomes of what each side says, and how it ends |
//! | `socket.rs` | §5: what is read and written at once |
//! | `incoming.rs` | §6.2: what was read becomes messages |
//! | `frame.rs` | §5.2: what a frame looks like |
//! | `oracle.rs` | tests: the same, as tungstenite has it |

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;

use self::conversation::Conversation;
use self::handshake::Handshake;
use self::socket::Socket;
use super::App;
use super::client_address::client_address;
use super::error::HttpError;
use super::serve::Peer;
use crate::limits::HELLO_BYTES_MAX;

mod conversation;
mod frame;
mod handshake;
mod incoming;
#[cfg(test)]
mod oracle;
mod socket;

/// `GET /v1/ws`: the signaling protocol.
pub(crate) async fn websocket(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let source = client_address(peer.ip, request.headers(), &app.trusted_proxies);
    let Some(handshake) = Handshake::read(request) else {
        return HttpError::WebSocketRequired.into_response();
    };
    let places = match app.places(source) {
        Ok(places) => places,
        Err(refused) => return refused.into_response(),
    };
    let Peer { reading, .. } = peer;
    reading.limit(HELLO_BYTES_MAX);
    reading.count(app.memory.share(0), app.frame_bytes_max);
    let (response, upgrade) = handshake.accept();
    tokio::spawn(async move {
        // Whoever is gone before it had the answer leaves nothing behind.
        let Ok(upgraded) = upgrade.await else { return };
        let socket = Socket::new(TokioIo::new(upgraded), app.frame_bytes_max);
        let from = (source, places.1.source());
        if let Some(conversation) = Conversation::begin(app, (socket, reading), from).await {
            conversation.run().await;
        }
        drop(places);
    });
    response
}
