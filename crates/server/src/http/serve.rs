//! RFC 9112: answers the requests of one connection, within the limits: so long for a request's
//! head, so long without taking an answer.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tower_service::Service;
use tracing::debug;

use super::Phase;
use super::stream::{ClientStream, Reading};
use crate::accept::Places;
use crate::limits::{REQUEST_HEAD_BYTES_MAX, REQUEST_HEAD_TIMEOUT, REQUEST_HEADERS_MAX};

/// The connection that a request came on.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Who is at its other end.
    pub(crate) ip: IpAddr,
    /// How it is read.
    pub(crate) reading: Reading,
    /// What it is counted by.
    places: Arc<Mutex<Option<Places>>>,
}

impl Peer {
    /// Somebody at this address. `lingering` has one for each that may be read from after it was
    /// sent away.
    pub(crate) fn at(ip: IpAddr, lingering: Arc<Semaphore>, places: Places) -> Self {
        let places = Arc::new(Mutex::new(Some(places)));
        Self { ip, reading: Reading::new(lingering), places }
    }

    /// From now on the connection is counted by somebody else, or not at all.
    pub(crate) fn give_up_places(&self) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Answers until the connection ends or the server is stopped.
pub(crate) async fn requests<S>(
    stream: S,
    peer: Peer,
    routes: Router,
    mut phase: watch::Receiver<Phase>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = ClientStream::new(stream, peer.reading.clone());
    let served = peer.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        routes.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD_TIMEOUT)
        .max_buf_size(REQUEST_HEAD_BYTES_MAX)
        .max_headers(REQUEST_HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut phase) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection broke off");
    }
    // Also when it goes on as a WebSocket.
    served.give_up_places();
}

/// Waits for the end of the server.
pub(crate) async fn stopped(phase: &mut watch::Receiver<Phase>) {
    // Without a sender the server is gone as well.
    _ = phase.wait_for(|phase| *phase == Phase::Stopped).await;
}
