//! `POST /v1/revoke`: a back end ends what somebody has: sessions, tokens and allocations.
//!
//! ```text
//! {"identity":"ada"}
//! {"sessions":2}
//! ```

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::App;
use super::error::HttpError;
use super::order::{Order, Ordered};
use crate::hub::Event;

/// Of whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Revocation {
    identity: String,
}

impl Ordered for Revocation {
    const UNREADABLE: HttpError = HttpError::BadRevocation;
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
    Order(Revocation { identity }): Order<Revocation>,
) -> Result<Response, HttpError> {
    // In the order in which nobody comes back in between.
    app.tokens.revoke(&identity).map_err(|_| HttpError::ServerFull)?;
    app.end_allocations(&identity)?;
    app.hub.pass().await.map_err(|_| HttpError::Stopping)?;
    let sessions = app.ask_hub(|answer| Event::Revoke { identity, answer }).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(Revoked { sessions })).into_response())
}
