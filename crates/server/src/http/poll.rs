//! `POST /v1/poll`: the frames that wait for a client, or the first that comes within
//! [`POLL_WAIT`]: `{"frames":[…]}`, with `"close":{…}` beside them when they are the last.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::error::HttpError;
use super::events::close_event;
use super::frames::unstored;
use super::links::{ReadBy, Reader};
use super::{App, bearer};
use crate::limits::POLL_WAIT;
use crate::outgoing::Next;

/// Waits for something to say to whoever shows the secret.
pub(crate) async fn poll(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let link = app.links.by_secret(bearer(&headers))?;
    let _place = app.links.poll()?;
    let mut reader = link.read()?;
    app.counts.links.read(ReadBy::Poll);
    let mut next = match timeout(POLL_WAIT, reader.next()).await {
        Ok(Some(next)) => Some(next),
        Ok(None) => return Err(HttpError::NoSuchConnection),
        Err(_) => None,
    };
    let mut text = "{\"frames\":[".to_owned();
    while let Some(Next::Frame(frame)) = &next {
        text.push_str(frame);
        next = reader.try_next();
        text.push_str(if matches!(next, Some(Next::Frame(_))) { "," } else { "" });
    }
    text.push(']');
    finish(&mut text, next, reader);
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok(unstored((json, text).into_response()))
}

fn finish(text: &mut String, last: Option<Next>, reader: Reader) {
    if let Some(Next::Close(reason)) = last {
        text.push_str(",\"close\":");
        text.push_str(&close_event(reason));
        reader.told_of_close();
    } else {
        reader.release();
    }
    text.push('}');
}
