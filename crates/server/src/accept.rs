//! RFC 9293: accepts TCP connections, finds out by their first bytes what is spoken on them, and
//! gives them to whoever speaks it.
//!
//! ```text
//!  accept ─▶ PROXY protocol, ─▶ first byte ─┬─ STUN ──────────────────────▶ a relay worker
//!            from proxies                   ├─ TLS ─▶ handshake ─▶ first ──┬─ STUN ─┘
//!                                           │                      byte    └─ else ─▶ HTTP
//!                                           └─ else ─▶ refused
//! ```
//!
//! So one port serves HTTPS, WSS, TURN over TLS and TURN over TCP. (ALPN does not tell them apart:
//! browsers send none for TURN.) A listener for plain HTTP asks for no first byte.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use kopru_net::{Handover, Stream};
use kopru_turn::Cidr;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, Transport};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};

pub(crate) use self::connection_counts::{ConnectionCounts, Refused};
use self::first_bytes::FirstBytes;
pub(crate) use self::sources::{Place, Sources};
use crate::http::{self, Peer, Phase};
use crate::limits::{FIRST_BYTES_TIMEOUT, TLS_HANDSHAKE_TIMEOUT};

mod connection_counts;
mod first_bytes;
mod proxy_protocol;
mod sources;

/// One listening address and what is served there.
pub(crate) struct Serving {
    /// The bound socket.
    pub(crate) listener: TcpListener,
    /// What is spoken there.
    pub(crate) speaks: Speaks,
    /// What all listeners share.
    pub(crate) common: Common,
}

/// What is spoken on a listener.
#[derive(Clone)]
pub(crate) enum Speaks {
    /// Plain HTTP and nothing else.
    Http(Router),
    /// STUN and TURN over TCP, and what there may be inside TLS. Proxies say who they stand for.
    Turn {
        /// Takes the connections of STUN and TURN.
        handover: Handover,
        /// Inside TLS: HTTP, or STUN and TURN.
        tls: Option<(TlsAcceptor, Router)>,
        /// Who has to send a PROXY protocol header, and is believed.
        proxies: Arc<[Cidr]>,
    },
}

/// What all listeners share.
#[derive(Clone)]
pub(crate) struct Common {
    /// Connections of all listeners together.
    pub(crate) places: Arc<Semaphore>,
    /// How many of them each source has.
    pub(crate) sources: Arc<Sources>,
    /// How many clients may be read from after they were sent away.
    pub(crate) lingering: Arc<Semaphore>,
    /// What was refused.
    pub(crate) counts: Arc<ConnectionCounts>,
    /// How far the server's life has come.
    pub(crate) phase: watch::Receiver<Phase>,
}

/// The two ends of a connection, as the client sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
}

impl Ends {
    /// An IPv4 address is one, however it is written.
    fn new(client: SocketAddr, server: SocketAddr) -> Self {
        let canonical = |at: SocketAddr| match at.ip().to_canonical() {
            ip if ip == at.ip() => at,
            ip => SocketAddr::new(ip, at.port()),
        };
        Self { client: canonical(client), server: canonical(server) }
    }
}

/// What a connection is counted by, in all and of its source.
pub(crate) type Places = (OwnedSemaphorePermit, Place);

impl Serving {
    /// Accepts until the server is stopped; returns when the last connection has ended that is not
    /// a relay worker's.
    pub(crate) async fn run(mut self) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = http::stopped(&mut self.common.phase) => break,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Ok(place) = Arc::clone(&self.common.places).try_acquire_owned() else {
                        self.common.counts.refuse(Refused::TooMany);
                        continue;
                    };
                    let (speaks, common) = (self.speaks.clone(), self.common.clone());
                    connections.spawn(async move {
                        let counts = Arc::clone(&common.counts);
                        if let Err(why) = serve(stream, peer, place, speaks, common).await {
                            debug!(reason = why.name(), "a connection was refused");
                            counts.refuse(why);
                        }
                    });
                }
                Err(error) => not_accepted(&error).await,
            }
        }
        drop(self.listener);
        while connections.join_next().await.is_some() {}
    }
}

/// Finds out what is spoken on a connection, and lets it be spoken.
async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    place: OwnedSemaphorePermit,
    speaks: Speaks,
    mut common: Common,
) -> Result<(), Refused> {
    // Signaling frames are small and urgent, and so is media.
    _ = stream.set_nodelay(true);
    let server = stream.local_addr().map_err(|_| Refused::Silent)?;
    let mut ends = Ends::new(peer, server);
    if let Speaks::Turn { proxies, .. } = &speaks
        && proxies.iter().any(|block| block.contains(ends.client.ip()))
    {
        let header = proxy_protocol::read(&mut stream, ends);
        let header = common.within(FIRST_BYTES_TIMEOUT, header).await?;
        ends = header.map_err(|_| Refused::ProxyHeader)?;
    }
    let ip = ends.client.ip();
    let own_place = common.sources.take(ip).ok_or(Refused::TooMany)?;
    let places = (place, own_place);
    let (handover, tls) = match speaks {
        Speaks::Http(routes) => {
            let peer = Peer::at(ip, common.lingering, places);
            http::requests(stream, peer, routes, common.phase).await;
            return Ok(());
        }
        Speaks::Turn { handover, tls, .. } => (handover, tls),
    };
    let first = common.within(FIRST_BYTES_TIMEOUT, FirstBytes::of(&stream)).await??;
    match (first, tls) {
        (FirstBytes::Stun, _) => hand_over(&handover, stream, None, ends, places),
        (FirstBytes::Tls, Some((acceptor, routes))) => {
            let accepted = timeout(TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
            let stream = accepted.map_err(|_| Refused::TlsHandshake)?.map_err(|error| {
                debug!(%error, "TLS handshake failed");
                Refused::TlsHandshake
            })?;
            inside_tls(stream, ends, places, (handover, routes), common).await
        }
        (FirstBytes::Http, Some(_)) => {
            // Whoever forgot the s learns it.
            _ = timeout(FIRST_BYTES_TIMEOUT, stream.write_all(NOT_HTTPS)).await;
            Err(Refused::UnknownProtocol)
        }
        _ => Err(Refused::UnknownProtocol),
    }
}

async fn inside_tls(
    mut stream: TlsStream<TcpStream>,
    ends: Ends,
    places: Places,
    (handover, routes): (Handover, Router),
    mut common: Common,
) -> Result<(), Refused> {
    let first = common.within(FIRST_BYTES_TIMEOUT, stream.fill_buf()).await?;
    match FirstBytes::from(first.map_err(|_| Refused::Silent)?) {
        FirstBytes::None => Err(Refused::Silent),
        FirstBytes::Stun => {
            let (stream, tls) = stream.into_inner();
            hand_over(&handover, stream, Some(Box::new(tls)), ends, places)
        }
        _ => {
            let peer = Peer::at(ends.client.ip(), common.lingering, places);
            http::requests(stream, peer, routes, common.phase).await;
            Ok(())
        }
    }
}

fn hand_over(
    handover: &Handover,
    stream: TcpStream,
    tls: Option<Box<rustls::ServerConnection>>,
    Ends { client, server }: Ends,
    places: Places,
) -> Result<(), Refused> {
    let socket = stream.into_std().map_err(|_| Refused::Silent)?;
    let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
    let five_tuple = FiveTuple { transport, client: ClientAddr(client), server };
    handover.give(Stream { socket, tls, five_tuple, place: Box::new(places) });
    Ok(())
}

impl Common {
    /// Waits for a client that has said nothing yet: not for long, and not when the server stops.
    async fn within<T>(
        &mut self,
        patience: Duration,
        wait: impl Future<Output = T>,
    ) -> Result<T, Refused> {
        tokio::select! {
            outcome = timeout(patience, wait) => outcome.map_err(|_| Refused::Silent),
            () = http::stopped(&mut self.phase) => Err(Refused::Silent),
        }
    }
}

/// accept(2) failed: either this one connection was gone already, or the process is out of file
/// descriptors and trying again at once would only burn the core.
async fn not_accepted(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        warn!(%error, "no connection can be accepted");
        sleep(Duration::from_millis(100)).await;
    }
}

const NOT_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 42\r\n\r\n\
    This port speaks HTTPS: write https:// ...";
