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
use super::{App, query_parameter};
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
    // Of an operator it is nobody's, and everybody's stories may be told.
    let subject = app.asker(&peer, &headers)?.and_then(|claims| claims.subject);
    let identity = subject.map(|subject| subject.as_str().to_owned());
    let (answer, story) = oneshot::channel();
    let asked = app.hub.send(Event::Story { identity, id, answer }).await;
    asked.map_err(|_| HttpError::Stopping)?;
    let story = story.await.map_err(|_| HttpError::Stopping)?;
    story.map(told).ok_or(HttpError::NoSuchCall)
}

fn told(story: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(story)).into_response()
}
