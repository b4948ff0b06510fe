//! `POST /v1/revoke`: a back end ends what somebody has: sessions, tokens and allocations.
//!
//! ```text
//! {"identity":"ada"}
//! {"sessions":2}
//! ```

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer, frames};
use crate::hub::Event;
use crate::limits::REQUEST_BODY_BYTES_MAX;

/// Of whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Revocation {
    identity: String,
}

/// What has ended.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Revoked {
    sessions: usize,
}

/// Answers whoever shows an API key.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, HttpError> {
    // Before a byte of the body is read.
    app.check_key(&app.api_keys, app.source(&peer, &headers), bearer(&headers))?;
    let body = frames::text(request.into_body(), REQUEST_BODY_BYTES_MAX, &peer).await?;
    let Revocation { identity } =
        serde_json::from_str(&body).map_err(|_| HttpError::BadRevocation)?;
    // In the order in which nobody comes back in between.
    app.tokens.revoke(&identity).map_err(|_| HttpError::ServerFull)?;
    app.end_allocations(&identity).await?;
    app.hub.pass().await.map_err(|_| HttpError::Stopping)?;
    let sessions = app.ask_hub(|answer| Event::Revoke { identity, answer }).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Revoked { sessions })).into_response())
}
