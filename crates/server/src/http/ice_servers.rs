//! `GET /v1/ice-servers`: what an application gives to `RTCPeerConnection`, without signaling here.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kopru_signal::{IceServer, IceSettings, NatProbe, Relay};
use kopru_stun::credentials::limited_id;
use kopru_stun::time::Now;
use serde::Serialize;

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer};
use crate::hub::now;
use crate::random;

/// ICE servers as JSON, in the words of the W3C's `RTCConfiguration`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct IceServers<'a> {
    #[serde(rename = "iceServers")]
    servers: Vec<IceServer>,
    /// How many seconds the credentials open new allocations; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    /// Absent where nobody may learn anything of the client's NAT.
    #[serde(rename = "natProbe", skip_serializing_if = "Option::is_none")]
    nat_probe: Option<NatProbe<'a>>,
}

impl<'a> IceServers<'a> {
    /// Mints credentials for `name`, who may relay, or may not, or has to.
    pub(crate) fn new(ice: &'a IceSettings, now: Now, name: &str, relay: Relay) -> Self {
        let (servers, ttl) = (ice.servers(now, name), ice.ttl_s());
        Self { servers, ttl, nat_probe: ice.nat_probe(relay) }
    }
}

/// Answers whoever shows a signaling token; in development mode, this machine.
pub(crate) async fn ice_servers(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let claims = app.tokens.claims(app.source(&peer, &headers), bearer(&headers))?;
    let id = match &claims.subject {
        // The same as in a session: one identity has one quota.
        Some(subject) => app.credential_ids.of(subject.as_str()),
        None => format!("i_{}", random::name()),
    };
    let name = limited_id(&id, claims.bits_per_second);
    let ice = match claims.relay {
        Relay::No => Cow::Owned(app.ice.without_relay()),
        Relay::Yes | Relay::Only => Cow::Borrowed(&app.ice),
    };
    let servers = IceServers::new(&ice, now(), &name, claims.relay);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(servers)).into_response())
}
