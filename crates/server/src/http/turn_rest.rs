//! draft-uberti-behave-turn-rest-00 §2: credentials for an application's back end.
//!
//! ```text
//! GET /turn?service=turn&username=ada&key=…
//! {"username":"1795226400:ada","password":"…","ttl":600,"uris":["turn:…"]}
//! ```

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kopru_stun::credentials::mint;
use serde::Serialize;

use super::error::HttpError;
use super::{App, bearer, query_parameter};
use crate::hub::now;
use crate::limits::REST_USER_NAME_BYTES_MAX;
use crate::random;

/// §2.2: Response.
#[derive(Serialize)]
struct Answer<'a> {
    username: String,
    password: String,
    ttl: u64,
    uris: &'a [String],
}

/// Answers whoever shows an API key, as the parameter `key` or as bearer token.
pub(crate) async fn turn(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match answer(&app, query.as_deref().unwrap_or_default(), &headers) {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

fn answer(app: &App, query: &str, headers: &HeaderMap) -> Result<Response, HttpError> {
    let parameter = |name: &str| query_parameter(query, name);
    let key = parameter("key").or_else(|| bearer(headers).map(ToOwned::to_owned));
    if !app.tokens.is_open() && !app.api_keys.know(key.as_deref()) {
        return Err(HttpError::Unauthorized);
    }
    if parameter("service").as_deref() != Some("turn") {
        return Err(HttpError::BadService);
    }
    let name = parameter("username").unwrap_or_else(random::name);
    if name.is_empty() || name.len() > REST_USER_NAME_BYTES_MAX || name.contains(':') {
        return Err(HttpError::BadUserName);
    }
    let secret = app.ice.secret.as_ref().ok_or(HttpError::NoCredentials)?;
    let minted = mint(secret, now(), app.ice.ttl, &name);
    let answer = Answer {
        username: minted.username,
        password: minted.password,
        ttl: app.ice.ttl.as_secs(),
        uris: &app.ice.turn_urls,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
