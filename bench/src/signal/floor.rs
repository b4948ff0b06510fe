//! The floor: the least that a relay on axum costs. Each client has a number, which its URL says;
//! what it says goes to its partner, through one queue, as it is.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::dialect::bare::HERE;
use crate::dialect::partner_of;
use crate::error::BenchError;

type Lines = Arc<Mutex<HashMap<usize, Sender<Message>>>>;

/// Serves on loopback until the process is ended.
pub(crate) fn serve(port: u16) -> Result<(), BenchError> {
    let failed = BenchError::io("the floor");
    let runtime = tokio::runtime::Runtime::new().map_err(&failed)?;
    runtime.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.map_err(&failed)?;
        let routes = Router::new().route("/{client}", get(upgrade)).with_state(Lines::default());
        axum::serve(listener, routes).await.map_err(&failed)
    })
}

async fn upgrade(
    State(lines): State<Lines>,
    Path(client): Path<usize>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .on_upgrade(move |socket| relay(socket, client, lines))
}

async fn relay(mut socket: WebSocket, client: usize, lines: Lines) {
    let (line, mut queue) = channel(QUEUE_MAX);
    lock(&lines).insert(client, line);
    let here = String::from_utf8_lossy(HERE).into_owned();
    if socket.send(Message::text(here)).await.is_ok() {
        while pass_one(&mut socket, &mut queue, client, &lines).await.is_some() {}
    }
    lock(&lines).remove(&client);
}

async fn pass_one(
    socket: &mut WebSocket,
    queue: &mut Receiver<Message>,
    client: usize,
    lines: &Lines,
) -> Option<()> {
    tokio::select! {
        message = queue.recv() => socket.send(message?).await.ok(),
        message = socket.recv() => {
            if let message @ Message::Text(_) = message?.ok()? {
                let partner = lock(lines).get(&partner_of(client)).cloned();
                if let Some(partner) = partner {
                    // Whoever is gone needs nothing.
                    _ = partner.send(message).await;
                }
            }
            Some(())
        }
    }
}

fn lock(lines: &Lines) -> std::sync::MutexGuard<'_, HashMap<usize, Sender<Message>>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

const BUFFER_BYTES: usize = 1024;
const QUEUE_MAX: usize = 64;
