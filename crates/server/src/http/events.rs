//! `GET /v1/events`: the frames of a link as a stream of events (HTML §9.2, server-sent events).
//!
//! ```text
//! :                                          every 15 s without a frame
//! data: {"type":"pong","seq":14,"re":"11"}   a frame
//!
//! event: close                               the last one
//! data: {"code":4409,"reason":"replaced"}
//! ```

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use kopru_signal::CloseReason;
use tokio::time::timeout;

use super::error::HttpError;
use super::links::{ReadBy, Reader};
use super::{App, Peer, bearer, query_parameter};
use crate::limits::EVENTS_SILENCE;
use crate::outgoing::Next;

/// Streams to whoever shows the ticket, in the URL, or the secret, in a header.
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let link = match query_parameter(query.as_deref(), "ticket") {
        Some(ticket) => app.links.by_ticket(&ticket)?,
        None => app.links.by_secret(bearer(&headers))?,
    };
    let reader = link.read()?;
    app.counts.links.read(ReadBy::Events);
    // The link has a place of its own, as a WebSocket has.
    peer.give_up_places();
    let stream = unfold(Step::Greet(reader), step);
    Ok((HEAD, Body::from_stream(stream)).into_response())
}

/// What is to be sent next.
enum Step {
    /// Something at once, so that whoever waits for the answer's beginning has it.
    Greet(Reader),
    /// What comes.
    Read(Reader),
    /// Nothing any more.
    End,
}

async fn step(step: Step) -> Option<(Result<Bytes, Infallible>, Step)> {
    let mut reader = match step {
        Step::Greet(reader) => return Some((Ok(Bytes::from_static(COMMENT)), Step::Read(reader))),
        Step::Read(reader) => reader,
        Step::End => return None,
    };
    let Ok(mut next) = timeout(EVENTS_SILENCE, reader.next()).await else {
        return Some((Ok(Bytes::from_static(COMMENT)), Step::Read(reader)));
    };
    let mut text = String::new();
    while let Some(Next::Frame(frame)) = &next {
        write_event(&mut text, frame);
        // So much at once; what follows waits in the queue, where it counts.
        next = if text.len() < BATCH_BYTES { reader.try_next() } else { None };
    }
    if let Some(Next::Close(reason)) = next {
        text.push_str("event: close\n");
        write_event(&mut text, &close_event(reason));
        reader.told_of_close();
        return Some((Ok(text.into()), Step::End));
    }
    if text.is_empty() { None } else { Some((Ok(text.into()), Step::Read(reader))) }
}

/// A frame is one line, but for line breaks between its tokens, where they mean nothing.
fn write_event(text: &mut String, data: &str) {
    for line in data.split(['\n', '\r']) {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
}

/// Why a link is closed, in the words of a WebSocket's close frame.
pub(crate) fn close_event(reason: CloseReason) -> String {
    let seconds = reason.retry_after_s();
    let retry = seconds.map_or_else(String::new, |s| format!(r#","retry_after_s":{s}"#));
    format!(r#"{{"code":{},"reason":"{}"{retry}}}"#, reason.code(), reason.reason())
}

const COMMENT: &[u8] = b":\n\n";
const BATCH_BYTES: usize = 16 * 1024;

/// No proxy is to keep, gather or change it; and the connection ends with it.
const HEAD: [(HeaderName, &str); 4] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    (header::CACHE_CONTROL, "no-store, no-transform"),
    (HeaderName::from_static("x-accel-buffering"), "no"),
    (header::CONNECTION, "close"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_between_tokens_stays_inside_its_event() {
        let mut text = String::new();
        write_event(&mut text, "{\"data\":[1,\r\n2]}");
        assert_eq!(text, "data: {\"data\":[1,\ndata: \ndata: 2]}\n\n");
    }
}
