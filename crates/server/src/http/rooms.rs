//! `GET /v1/rooms`: which rooms there are, for whoever may know.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use kopru_signal::{RoomList, RoomPattern};
use tokio::sync::oneshot;

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer, query_parameter};
use crate::hub::Event;

/// Answers whoever shows an API key, or a token that grants it, with the rooms that the token
/// allows.
pub(crate) async fn rooms(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let patterns = patterns(&app, &peer, &headers)?;
    let after = query_parameter(query.as_deref(), "after");
    let (answer, list) = oneshot::channel::<RoomList>();
    let asked = app.hub.send(Event::ListRooms { patterns, after, answer }).await;
    asked.map_err(|_| HttpError::Stopping)?;
    let list = list.await.map_err(|_| HttpError::Stopping)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list)).into_response())
}

fn patterns(app: &App, peer: &Peer, headers: &HeaderMap) -> Result<Vec<RoomPattern>, HttpError> {
    let source = app.source(peer, headers);
    if !app.failed_logins.may_try(source) {
        return Err(HttpError::TooManyFailedLogins);
    }
    // What is no key may be a token; if it is neither, the check of tokens notes it.
    if app.api_keys.know(bearer(headers)) {
        return Ok(vec![RoomPattern::Any]);
    }
    let claims = app.tokens.claims(source, bearer(headers))?;
    if claims.list { Ok(claims.rooms) } else { Err(HttpError::ListNotGranted) }
}
