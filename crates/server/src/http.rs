//! RFC 9110: the table of all routes.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the demo call, unless `pages.demo` is off |
//! | `/v1/ws` | the signaling protocol, over WebSocket |
//! | `/v1/connect`, `/v1/messages`, `/v1/goodbye` | the same over requests: what clients say |
//! | `/v1/events`, `/v1/poll` | the same: what they are told |
//! | `/v1/ice-servers` | ICE servers with credentials, to whoever has a signaling token |
//! | `/v1/rooms` | which rooms there are, to whoever may know; makes one, by API key |
//! | `/v1/calls`, `/v1/calls/{id}` | the stories of connections, to whoever may know |
//! | `/v1/rooms/{room}` | shows and ends a room, by API key |
//! | `/v1/rooms/{room}/members/{member}` | puts a member out, by API key |
//! | `/v1/revoke` | ends what somebody has, by API key |
//! | `/v1/tokens` | signaling tokens, to whoever has an API key |
//! | `/v1/openapi.json`, `/v1/schema/{file}` | what there is to ask, and to say |
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
use axum::response::Redirect;
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Router, http};
use kopru_signal::{CredentialIds, IceSettings, Memory, Pressure, Rate};
use kopru_turn::Cidr;
use tokio::sync::{Semaphore, oneshot, watch};

use self::client_address::client_address;
pub(crate) use self::counts::Counts;
use self::error::HttpError;
pub(crate) use self::ice_servers::IceServers;
pub(crate) use self::links::{LinkCounts, Links};
pub(crate) use self::listing_rate::ListingRate;
pub(crate) use self::origin::Origins;
pub(crate) use self::serve::{Peer, requests, stopped};
use crate::accept::{Places, Sources};
use crate::api_keys::ApiKeys;
use crate::config::{Config, Jwt, Mode};
use crate::descriptors::Descriptors;
use crate::failed_logins::FailedLogins;
use crate::hub::{Desks, Event};
use crate::metrics::{HttpCounts, Scraper};
use crate::tokens::Tokens;

mod calls;
mod client_address;
mod counts;
mod documents;
mod error;
mod events;
mod frames;
mod gate;
mod health;
mod ice_servers;
mod links;
mod listing_rate;
mod metrics;
#[cfg(test)]
mod openapi;
mod order;
mod origin;
mod page;
mod poll;
mod revoke;
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
    pub(crate) hub: Desks,
    /// The number of the next signaling connection.
    pub(crate) connections: AtomicU64,
    /// Those that are no WebSockets.
    pub(crate) links: Links,
    /// One for each signaling connection that there may be.
    pub(crate) conversations: Arc<Semaphore>,
    /// How many there may be of them, and of everything else that is open.
    pub(crate) descriptors: Descriptors,
    /// How many of them each source has.
    pub(crate) sources: Arc<Sources>,
    /// Bytes of a frame beyond which it is not even read.
    pub(crate) frame_bytes_max: usize,
    /// Pings and pongs of one WebSocket.
    pub(crate) ping_rate: Rate,
    /// How often each identity may ask which rooms there are.
    pub(crate) listing_rate: ListingRate,
    /// What is held for all clients together.
    pub(crate) memory: Memory,
    /// Bytes of frames that may wait for one client.
    pub(crate) queue_bytes_max: usize,
    /// What became of connections and requests.
    pub(crate) counts: HttpCounts,
    /// Gathers the numbers.
    pub(crate) scraper: Scraper,
    /// How far the server's life has come.
    pub(crate) phase: watch::Receiver<Phase>,
}

impl App {
    fn is_stopping(&self) -> bool {
        *self.phase.borrow() != Phase::Serving
    }

    /// A place for a signaling connection from there.
    fn places(&self, source: IpAddr) -> Result<Places, HttpError> {
        if self.is_stopping() {
            return Err(HttpError::Stopping);
        }
        if self.memory.pressure() == Pressure::Full {
            return Err(HttpError::ServerFull);
        }
        let place = self.sources.take(source).ok_or(HttpError::TooManyConnections)?;
        let conversation = Arc::clone(&self.conversations).try_acquire_owned();
        Ok((conversation.map_err(|_| HttpError::ServerFull)?, place))
    }

    /// Who asks.
    fn source(&self, peer: &Peer, headers: &http::HeaderMap) -> IpAddr {
        client_address(peer.ip, headers, &self.trusted_proxies)
    }

    /// Asks the hub, and waits for its answer.
    async fn ask_hub<T>(
        &self,
        event: impl FnOnce(oneshot::Sender<T>) -> Event,
    ) -> Result<T, HttpError> {
        let (answer, answered) = oneshot::channel();
        self.hub.send(event(answer)).await.map_err(|_| HttpError::Stopping)?;
        answered.await.map_err(|_| HttpError::Stopping)
    }

    /// Ends all allocations of an identity. Its credentials open no other for as long as those that
    /// it has may be good.
    fn end_allocations(&self, identity: &str) -> Result<(), HttpError> {
        let id = self.credential_ids.of(identity);
        let revoked = self.scraper.endings.revoke(&id, self.ice.ttl);
        revoked.map_err(|_| HttpError::ServerFull)
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
    let mut routes = with_all(Router::new(), api());
    if config.demo {
        // Behind all other routes, so that a wrong method elsewhere stays one.
        routes = routes.route("/", get(page::page)).fallback(page::page);
    } else {
        routes = routes.fallback(nothing);
    }
    if config.mode != Mode::Configured {
        routes = with_all(routes, scraped());
    }
    let routes = complete(routes);
    let base_path = config.http.base_path.as_str();
    if base_path.is_empty() {
        return finish(routes, app);
    }
    // What the page asks for is beside its address, which therefore ends with a slash.
    let home = Redirect::permanent(&format!("{base_path}/"));
    let outside = Router::new()
        .route(base_path, get(async move || home))
        .nest_service(&format!("{base_path}/"), routes.with_state(Arc::clone(app)))
        .fallback(nothing);
    finish(complete(outside), app)
}

/// The routes of the admin listener.
pub(crate) fn admin_routes(app: &Arc<App>) -> Router {
    let routes = with_all(Router::new(), scraped()).fallback(nothing);
    finish(complete(routes), app)
}

type Route = (&'static str, MethodRouter<Arc<App>>);

/// What programs ask.
fn api() -> Vec<Route> {
    vec![
        ("/v1/ws", get(websocket::websocket)),
        ("/v1/connect", post(frames::connect)),
        ("/v1/messages", post(frames::messages)),
        ("/v1/goodbye", post(frames::goodbye)),
        ("/v1/events", get(events::events)),
        ("/v1/poll", post(poll::poll)),
        ("/v1/ice-servers", get(ice_servers::ice_servers)),
        ("/v1/rooms", get(rooms::list).post(rooms::create)),
        ("/v1/rooms/{room}", get(rooms::show).delete(rooms::close)),
        ("/v1/rooms/{room}/members/{member}", delete(rooms::kick)),
        ("/v1/revoke", post(revoke::revoke)),
        ("/v1/calls", get(calls::calls)),
        ("/v1/calls/{id}", get(calls::call)),
        ("/v1/tokens", post(tokens::tokens)),
        ("/v1/openapi.json", get(documents::openapi)),
        ("/v1/schema/{file}", get(documents::schema)),
        ("/turn", get(turn_rest::turn).post(turn_rest::turn)),
    ]
}

/// What monitoring asks.
fn scraped() -> Vec<Route> {
    vec![("/metrics", get(metrics::metrics))]
}

/// What is asked of every listener.
fn probes() -> Vec<Route> {
    vec![("/healthz", get(health::healthz)), ("/readyz", get(health::readyz))]
}

fn with_all(routes: Router<Arc<App>>, more: Vec<Route>) -> Router<Arc<App>> {
    more.into_iter().fold(routes, |routes, (path, methods)| routes.route(path, methods))
}

/// What every table of routes has, when all others are in it.
fn complete(routes: Router<Arc<App>>) -> Router<Arc<App>> {
    with_all(routes, probes()).method_not_allowed_fallback(async || HttpError::MethodNotAllowed)
}

fn finish(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
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
