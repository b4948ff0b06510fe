//! `POST /v1/tokens`: a signaling token, for an application's back end.
//!
//! ```text
//! {"subject":"ada","rooms":["lab"],"relay":"only","ttl_s":600}
//! {"token":"…","expires":1795226400}
//! ```

use std::num::NonZero;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use kopru_signal::Relay;
use serde::{Deserialize, Serialize};

use super::App;
use super::error::HttpError;
use super::order::{Order, Ordered};
use crate::tokens::{MakeError, Rooms, Wish, make};

/// What the token is to say: the claims of a token, by the same names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "NewToken"))]
pub(super) struct Asked {
    subject: String,
    rooms: Option<Rooms>,
    #[serde(default)]
    list: bool,
    create: Option<bool>,
    #[serde(default)]
    relay: Relay,
    bits_per_second: Option<NonZero<u64>>,
    #[serde(default = "usual_ttl_s")]
    ttl_s: u64,
}

impl Ordered for Asked {
    const UNREADABLE: HttpError = HttpError::BadTokenRequest;
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Token"))]
pub(super) struct Answer {
    token: String,
    expires: u64,
}

/// Answers whoever shows an API key.
pub(super) async fn tokens(
    State(app): State<Arc<App>>,
    Order(asked): Order<Asked>,
) -> Result<Response, HttpError> {
    let Asked { subject, rooms, list, create, relay, bits_per_second, ttl_s } = asked;
    let wish = Wish { subject, rooms, list, create, relay, bits_per_second, ttl_s };
    let made = make(&app.jwt, wish).map_err(|error| match error {
        MakeError::NoSecret => HttpError::NoSecret,
        MakeError::Subject => HttpError::BadSubject,
        MakeError::Room => HttpError::BadRoom,
        MakeError::Ttl => HttpError::BadTtl,
        MakeError::TooLong => HttpError::BodyTooLarge,
    })?;
    let answer = Answer { token: made.token, expires: made.expires };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

const fn usual_ttl_s() -> u64 {
    3600
}
