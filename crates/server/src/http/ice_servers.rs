//! `GET /v1/ice-servers`: what an application gives to `RTCPeerConnection`, without signaling here.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kopru_signal::{IceServer, IceSettings};
use kopru_stun::credentials::Secret;
use kopru_stun::time::Now;
use serde::Serialize;

use super::error::HttpError;
use super::{App, bearer};
use crate::hub::now;
use crate::random;
use crate::tokens::TokenError;

/// ICE servers as JSON, in the words of the W3C's `RTCConfiguration`.
#[derive(Serialize)]
pub(crate) struct IceServers {
    #[serde(rename = "iceServers")]
    servers: Vec<IceServer>,
    /// How many seconds the credentials open new allocations; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
}

impl IceServers {
    /// Mints credentials for `name`.
    pub(crate) fn new(ice: &IceSettings, now: Now, name: &str) -> Self {
        Self { servers: ice.servers(now, name), ttl: ice.ttl_s() }
    }
}

/// The quota keys of identities: opaque to everybody on the path, the same for the same identity as
/// long as the process lives, so that asking again gives nobody a second quota.
pub(crate) struct Pseudonyms(Secret);

impl Pseudonyms {
    pub(crate) fn new() -> Self {
        Self(random::secret())
    }

    fn of(&self, identity: &str) -> String {
        format!("i_{}", self.0.password(identity))
    }
}

/// Answers whoever shows a signaling token; in development mode, this machine.
pub(crate) async fn ice_servers(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let claims = match app.tokens.claims(bearer(&headers)) {
        Ok(claims) => claims,
        Err(TokenError::Expired) => return HttpError::TokenExpired.into_response(),
        Err(TokenError::Invalid) => return HttpError::Unauthorized.into_response(),
    };
    let name = match &claims.subject {
        Some(subject) => app.pseudonyms.of(subject.as_str()),
        None => format!("i_{}", random::name()),
    };
    let servers = IceServers::new(&app.ice, now(), &name);
    ([(header::CACHE_CONTROL, "no-store")], Json(servers)).into_response()
}
