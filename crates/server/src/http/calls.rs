//! `GET /v1/calls`: the stories of connections, for whoever may know.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::oneshot;

use super::error::HttpError;
use super::order::ByApiKey;
use super::serve::Peer;
use super::{App, bearer, query_parameter};
use crate::hub::Event;

/// Answers whoever shows an API key with all stories, newest first.
pub(crate) async fn calls(
    State(app): State<Arc<App>>,
    _: ByApiKey,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let after = query_parameter(query.as_deref(), "after");
    let after = after.map(|after| after.parse().map_err(|_| HttpError::BadAfter)).transpose()?;
    let (answer, list) = oneshot::channel();
    let asked = app.hub.send(Event::ListStories { after, answer }).await;
    asked.map_err(|_| HttpError::Stopping)?;
    Ok(told(list.await.map_err(|_| HttpError::Stopping)?))
}

/// Answers with one story, or those of one call: all of it to whoever shows an API key, and to a
/// token's holder what its identity took part in, as it may know it.
pub(crate) async fn call(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let identity = identity(&app, &peer, &headers)?;
    let (answer, story) = oneshot::channel();
    let asked = app.hub.send(Event::Story { identity, id, answer }).await;
    asked.map_err(|_| HttpError::Stopping)?;
    let story = story.await.map_err(|_| HttpError::Stopping)?;
    story.map(told).ok_or(HttpError::NoSuchCall)
}

/// Whose stories may be told; `None`: everybody's.
fn identity(app: &App, peer: &Peer, headers: &HeaderMap) -> Result<Option<String>, HttpError> {
    let source = app.source(peer, headers);
    if !app.failed_logins.may_try(source) {
        return Err(HttpError::TooManyFailedLogins);
    }
    // What is no key may be a token; if it is neither, the check of tokens notes it.
    if app.api_keys.know(bearer(headers)) {
        return Ok(None);
    }
    // In development mode nobody is anybody, and this machine may know everything.
    let claims = app.tokens.claims(source, bearer(headers))?;
    Ok(claims.subject.map(|subject| subject.as_str().to_owned()))
}

fn told(story: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(story)).into_response()
}
