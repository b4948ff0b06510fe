//! RFC 9112: accepts connections and gives them to the routes, within the limits: so many at once,
//! so long for a handshake, so long for a request's head, so long without taking an answer.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower_service::Service;
use tracing::{debug, warn};

use super::sources::{Place, Sources};
use super::stream::{ClientStream, Lingers};
use super::{Counts, Phase};
use crate::limits::{
    REQUEST_HEAD_BYTES_MAX, REQUEST_HEAD_TIMEOUT, REQUEST_HEADERS_MAX, TLS_HANDSHAKE_TIMEOUT,
};

/// The connection that a request came on.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Who is at its other end.
    pub(crate) ip: IpAddr,
    /// Whether to read on after it is given up.
    pub(crate) lingers: Lingers,
}

/// One listening address and what is served there.
pub(crate) struct Serving {
    /// The bound socket.
    pub(crate) listener: TcpListener,
    /// With TLS, or plain.
    pub(crate) tls: Option<TlsAcceptor>,
    /// What answers.
    pub(crate) routes: Router,
    /// Connections of all listeners together.
    pub(crate) places: Arc<Semaphore>,
    /// How many of them each source has.
    pub(crate) sources: Arc<Sources>,
    /// What was refused.
    pub(crate) counts: Arc<Counts>,
    /// How far the server's life has come.
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Serving {
    /// Accepts until the server is stopped; returns when the last connection has ended.
    pub(crate) async fn run(mut self) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stopped(&mut self.phase) => break,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let ip = peer.ip().to_canonical();
                    let place = Arc::clone(&self.places).try_acquire_owned();
                    let (Ok(place), Some(own_place)) = (place, self.sources.take(ip)) else {
                        self.counts.connection_refused();
                        continue;
                    };
                    connections.spawn(self.connection(stream, ip, (place, own_place)));
                }
                Err(error) => refused(&error).await,
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }

    fn connection(
        &self,
        stream: TcpStream,
        ip: IpAddr,
        place: (OwnedSemaphorePermit, Place),
    ) -> impl Future<Output = ()> + use<> {
        let routes = self.routes.clone();
        let phase = self.phase.clone();
        let tls = self.tls.clone();
        async move {
            let _place = place;
            // Signaling frames are small and urgent.
            _ = stream.set_nodelay(true);
            let peer = Peer { ip, lingers: Lingers::default() };
            let Some(tls) = tls else { return requests(stream, peer, routes, phase).await };
            match timeout(TLS_HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => requests(stream, peer, routes, phase).await,
                Ok(Err(error)) => debug!(%error, "TLS handshake failed"),
                Err(_) => debug!("TLS handshake took too long"),
            }
        }
    }
}

async fn requests<S>(stream: S, peer: Peer, routes: Router, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = ClientStream::new(stream, peer.lingers.clone());
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
}

async fn stopped(phase: &mut watch::Receiver<Phase>) {
    // Without a sender the server is gone as well.
    _ = phase.wait_for(|phase| *phase == Phase::Stopped).await;
}

/// accept(2) failed: either this one connection was gone already, or the process is out of file
/// descriptors and trying again at once would only burn the core.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "no connection can be accepted");
        sleep(Duration::from_millis(100)).await;
    }
}
