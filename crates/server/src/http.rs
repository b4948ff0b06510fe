//! RFC 9110: the table of all routes.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the demo call, unless `pages.demo` is off |
//! | `/v1/ws` | the signaling protocol, over WebSocket |
//! | `/v1/ice-servers` | ICE servers with credentials, to whoever has a signaling token |
//! | `/v1/rooms` | which rooms there are, to whoever may know |
//! | `/v1/tokens` | signaling tokens, to whoever has an API key |
//! | `/turn` | the same in the form of the TURN REST draft, to whoever has an API key |
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 while it takes new work, 503 when it does not |
//! | `/metrics` | OpenMetrics; on the admin listener, in development mode on the common one |
//!
//! Whatever else is asked gets a JSON body with a stable code.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::routing::{get, post};
use axum::{Router, http};
use kopru_signal::{CredentialIds, IceSettings};
use kopru_turn::Cidr;
use tokio::sync::{Semaphore, mpsc, watch};

use self::client_address::client_address;
pub(crate) use self::counts::Counts;
use self::error::HttpError;
pub(crate) use self::ice_servers::IceServers;
pub(crate) use self::origin::Origins;
pub(crate) use self::serve::{Peer, requests, stopped};
use crate::accept::{ConnectionCounts, Sources};
use crate::api_keys::ApiKeys;
use crate::config::{Config, Jwt, Mode};
use crate::descriptors::Descriptors;
use crate::failed_logins::FailedLogins;
use crate::hub::Event;
use crate::metrics::Scraper;
use crate::tokens::Tokens;

mod client_address;
mod counts;
mod error;
mod health;
mod ice_servers;
mod metrics;
mod origin;
mod page;
mod rooms;
mod serve;
mod stream;
mod tokens;
mod turn_rest;
mod websocket;

/// What the routes need to answer.
pub(crate) struct App {
    /// Which hosts and pages may ask.
    pub(crate) origins: Origins,
    /// Whose X-Forwarded-For counts.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// Checks signaling tokens.
    pub(crate) tokens: Arc<Tokens>,
    /// What in tokens and keys was not valid, by network.
    pub(crate) failed_logins: Arc<FailedLogins>,
    /// How signaling tokens are made.
    pub(crate) jwt: Jwt,
    /// Checks the keys of back ends.
    pub(crate) api_keys: ApiKeys,
    /// What callers of `/metrics` show, where they have to.
    pub(crate) admin_keys: ApiKeys,
    /// The servers that clients are told, and how credentials are made.
    pub(crate) ice: IceSettings,
    /// Turns identities into quota keys that say nothing; the same as in the hub.
    pub(crate) credential_ids: CredentialIds,
    /// The way to the hub.
    pub(crate) hub: mpsc::Sender<Event>,
    /// The number of the next WebSocket.
    pub(crate) connections: AtomicU64,
    /// One for each WebSocket that there may be.
    pub(crate) conversations: Arc<Semaphore>,
    /// How many there may be of them, and of everything else that is open.
    pub(crate) descriptors: Descriptors,
    /// How many of them each source has.
    pub(crate) sources: Arc<Sources>,
    /// Bytes of a frame beyond which it is not even read.
    pub(crate) frame_bytes_max: usize,
    /// Bytes of frames that may wait for one client.
    pub(crate) queue_bytes_max: usize,
    /// What was refused.
    pub(crate) counts: Arc<Counts>,
    /// Which connections were refused.
    pub(crate) connection_counts: Arc<ConnectionCounts>,
    /// Gathers the numbers.
    pub(crate) scraper: Scraper,
    /// How far the server's life has come.
    pub(crate) phase: watch::Receiver<Phase>,
}

impl App {
    fn is_stopping(&self) -> bool {
        *self.phase.borrow() != Phase::Serving
    }

    /// Who asks.
    fn source(&self, peer: &Peer, headers: &http::HeaderMap) -> IpAddr {
        client_address(peer.ip, headers, &self.trusted_proxies)
    }

    /// Whether somebody from there has one of these keys. In development mode everybody has.
    fn check_key(
        &self,
        keys: &ApiKeys,
        source: IpAddr,
        shown: Option<&str>,
    ) -> Result<(), HttpError> {
        if self.tokens.is_open() {
            return Ok(());
        }
        let shown = shown.ok_or(HttpError::Unauthorized)?;
        if !self.failed_logins.may_try(source) {
            return Err(HttpError::TooManyFailedLogins);
        }
        if keys.know(Some(shown)) {
            return Ok(());
        }
        self.failed_logins.note(source);
        Err(HttpError::Unauthorized)
    }
}

/// The server's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It takes everything.
    Serving,
    /// It is being stopped: members are told, `/readyz` says 503.
    Draining,
    /// No connection is accepted, those that are idle are closed.
    Stopped,
}

/// The routes of the public listeners.
pub(crate) fn public_routes(app: &Arc<App>, config: &Config) -> Router {
    let mut routes = Router::new()
        .route("/v1/ws", get(websocket::websocket))
        .route("/v1/ice-servers", get(ice_servers::ice_servers))
        .route("/v1/rooms", get(rooms::rooms))
        .route("/v1/tokens", post(tokens::tokens))
        .route("/turn", get(turn_rest::turn).post(turn_rest::turn));
    if config.demo {
        // Behind all other routes, so that a wrong method elsewhere stays one.
        routes = routes.route("/", get(page::page)).fallback(page::page);
    } else {
        routes = routes.fallback(nothing);
    }
    if config.mode != Mode::Configured {
        routes = routes.route("/metrics", get(metrics::metrics));
    }
    finish(routes, app)
}

/// The routes of the admin listener.
pub(crate) fn admin_routes(app: &Arc<App>) -> Router {
    finish(Router::new().route("/metrics", get(metrics::metrics)).fallback(nothing), app)
}

fn finish(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
        .layer(from_fn_with_state(Arc::clone(app), origin::check))
        .layer(map_response_with_state(Arc::clone(app), counts::count))
        .with_state(Arc::clone(app))
}

async fn nothing() -> HttpError {
    HttpError::NotFound
}

/// The bearer token of a request (RFC 6750 §2.1).
fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let value = origin::header_text(headers, &http::header::AUTHORIZATION)?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A parameter of a query, decoded.
fn query_parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
