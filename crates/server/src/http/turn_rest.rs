//! draft-uberti-behave-turn-rest-00 §2: credentials for an application's back end.
//!
//! ```text
//! GET /turn?service=turn&username=ada&key=…
//! {"username":"1795226400:ada","password":"…","ttl":600,"uris":["turn:…"]}
//! ```

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kopru_stun::credentials::mint;
use serde::Serialize;

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer, query_parameter};
use crate::hub::now;
use crate::limits::REST_USER_NAME_BYTES_MAX;
use crate::random;

/// §2.2: Response.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Credentials"))]
pub(super) struct Answer<'a> {
    username: String,
    password: String,
    ttl: u64,
    uris: &'a [String],
}

/// Answers whoever shows an API key, as the parameter `key` or as bearer token.
pub(crate) async fn turn(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let source = app.source(&peer, &headers);
    match answer(&app, source, query.as_deref(), &headers) {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

fn answer(
    app: &App,
    source: IpAddr,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, HttpError> {
    let parameter = |name: &str| query_parameter(query, name);
    let key = parameter("key").or_else(|| bearer(headers).map(ToOwned::to_owned));
    app.check_key(&app.api_keys, source, key.as_deref())?;
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
