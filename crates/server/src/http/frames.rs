//! Frames from a client without a WebSocket, and the place in which they wait for it.
//!
//! | POST to | body | answer |
//! |---|---|---|
//! | `/v1/connect` | `hello`, and what else is to be said at once | secret and ticket of a link |
//! | `/v1/messages` | frames | 204 |
//! | `/v1/goodbye` | the secret, since a beacon carries no headers | 204 |

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use kopru_signal::{Memory, Pressure};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::client_address::client_address;
use super::error::HttpError;
use super::links::{Link, LinkEnd, Links, Opened, lines};
use super::{App, Peer, bearer};
use crate::limits::{FRAMES_PER_REQUEST_MAX, HELLO_BYTES_MAX, REQUEST_BODY_TIMEOUT};

/// What tells that a client has been here before.
#[derive(Deserialize)]
struct Hello {
    resume: Option<IgnoredAny>,
}

/// What names a link from now on.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Connected {
    connection: String,
    ticket: String,
}

/// `POST /v1/connect`
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let source = client_address(peer.ip, &headers, &app.trusted_proxies);
    let places = app.places(source)?;
    let frames = frames(body, HELLO_BYTES_MAX, &peer, &app.memory).await?;
    if app.memory.pressure() >= Pressure::Tight && !takes_up_a_session(&frames) {
        return Err(HttpError::ServerFull);
    }
    let Opened { link, secret, ticket } = Links::open(&app, source, places).await?;
    link.say(&frames).await?;
    Ok(unstored(Json(Connected { connection: secret, ticket })))
}

/// `POST /v1/messages`
pub(crate) async fn messages(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let link = app.links.by_secret(bearer(&headers))?;
    let bytes_max = link.bytes_max(app.frame_bytes_max);
    let frames = match frames(body, bytes_max, &peer, &app.memory).await {
        Ok(frames) => frames,
        Err(error) => return Err(refused(error, &link)),
    };
    link.say(&frames).await?;
    Ok(unstored(StatusCode::NO_CONTENT))
}

/// `POST /v1/goodbye`: good also for a link that has ended meanwhile.
pub(crate) async fn goodbye(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Response, HttpError> {
    let secret = text(body, SECRET_BYTES_MAX, &peer).await?;
    if let Ok(link) = app.links.by_secret(Some(secret.trim())) {
        link.end(LinkEnd::Goodbye);
    }
    Ok(unstored(StatusCode::NO_CONTENT))
}

/// Whether whoever says this had a session; if it has it no more, the hub says so.
fn takes_up_a_session(frames: &str) -> bool {
    let hello = lines(frames).next().and_then(|text| serde_json::from_str::<Hello>(text).ok());
    hello.is_some_and(|hello| hello.resume.is_some())
}

/// What holds a secret, or may, is kept by nobody.
pub(crate) fn unstored(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refused(error: HttpError, link: &Link) -> HttpError {
    if error == HttpError::BodyTooLarge {
        link.end(LinkEnd::TooLarge);
    }
    error
}

/// Reads a body of frames, each on a line of its own. What has come of it is counted.
async fn frames(
    body: Body,
    bytes_max: usize,
    peer: &Peer,
    memory: &Memory,
) -> Result<String, HttpError> {
    peer.reading.count(memory.share(0), bytes_max);
    let text = text(body, bytes_max, peer).await;
    peer.reading.taken();
    let text = text?;
    if lines(&text).count() > FRAMES_PER_REQUEST_MAX {
        return Err(HttpError::TooManyFrames);
    }
    Ok(text)
}

/// Reads a body of text.
///
/// # Errors
/// When it is too long or no text, or does not come in time.
pub(crate) async fn text(body: Body, bytes_max: usize, peer: &Peer) -> Result<String, HttpError> {
    let bytes = timeout(REQUEST_BODY_TIMEOUT, bytes(body, bytes_max)).await;
    let bytes = bytes.unwrap_or(Err(HttpError::BodyTimeout));
    if bytes.is_err() {
        // Whoever still sends gets to read why.
        peer.reading.linger();
    }
    String::from_utf8(bytes?).map_err(|_| HttpError::NotText)
}

async fn bytes(body: Body, bytes_max: usize) -> Result<Vec<u8>, HttpError> {
    let mut parts = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(part) = parts.next().await {
        let part: Bytes = part.map_err(|_| HttpError::BodyTimeout)?;
        if bytes.len() + part.len() > bytes_max {
            return Err(HttpError::BodyTooLarge);
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

const SECRET_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use futures_util::stream::pending;
    use tokio::sync::Semaphore;
    use tokio::time::Instant;

    use super::*;
    use crate::accept::Sources;

    fn peer() -> Peer {
        let one = || Arc::new(Semaphore::new(1));
        let ip = "127.0.0.1".parse().unwrap();
        let place = Sources::new(1, &[]).take(ip).unwrap();
        Peer::at(ip, one(), (one().try_acquire_owned().unwrap(), place))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_comes_in_time_and_is_text() {
        let (begin, memory) = (Instant::now(), Memory::new(1000));
        let never = Body::from_stream(pending::<Result<Bytes, axum::Error>>());
        assert_eq!(frames(never, 10, &peer(), &memory).await, Err(HttpError::BodyTimeout));
        assert_eq!(begin.elapsed(), REQUEST_BODY_TIMEOUT);
        assert_eq!(
            frames(Body::from("{}\n{}"), 5, &peer(), &memory).await.as_deref(),
            Ok("{}\n{}")
        );
        assert_eq!(
            frames(Body::from("{}\n{}\n"), 5, &peer(), &memory).await,
            Err(HttpError::BodyTooLarge)
        );
        let bytes = Body::from(vec![0xff]);
        assert_eq!(frames(bytes, 5, &peer(), &memory).await, Err(HttpError::NotText));
        for (count, is_taken) in
            [(FRAMES_PER_REQUEST_MAX, true), (FRAMES_PER_REQUEST_MAX + 1, false)]
        {
            let body = Body::from("{}\n".repeat(count));
            assert_eq!(frames(body, 1000, &peer(), &memory).await.is_ok(), is_taken, "{count}");
        }
    }
}
