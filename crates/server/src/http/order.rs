//! RFC 6750 §2.1: what back ends ask for, who show an API key.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::extract::{Extension, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer, frames};
use crate::limits::REQUEST_BODY_BYTES_MAX;

/// Somebody who has an API key asks.
pub(super) struct ByApiKey;

impl FromRequestParts<Arc<App>> for ByApiKey {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let peer = Extension::<Peer>::from_request_parts(parts, app).await;
        let Extension(peer) = peer.map_err(IntoResponse::into_response)?;
        let source = app.source(&peer, &parts.headers);
        app.check_key(&app.api_keys, source, bearer(&parts.headers))
            .map(|()| Self)
            .map_err(IntoResponse::into_response)
    }
}

/// What somebody with an API key wants done, read from the body.
pub(super) struct Order<T>(pub(super) T);

/// What a body may say.
pub(super) trait Ordered: DeserializeOwned {
    /// The answer to a body that says something else.
    const UNREADABLE: HttpError;
}

impl<T: Ordered> FromRequest<Arc<App>> for Order<T> {
    type Rejection = Response;

    async fn from_request(mut request: Request, app: &Arc<App>) -> Result<Self, Response> {
        // Before a byte of the body is read.
        let _: ByApiKey = request.extract_parts_with_state(app).await?;
        let peer = request.extract_parts::<Extension<Peer>>().await;
        let Extension(peer) = peer.map_err(IntoResponse::into_response)?;
        read(request, &peer).await.map(Self).map_err(IntoResponse::into_response)
    }
}

async fn read<T: Ordered>(request: Request, peer: &Peer) -> Result<T, HttpError> {
    let body = frames::text(request.into_body(), REQUEST_BODY_BYTES_MAX, peer).await?;
    serde_json::from_str(&body).map_err(|_| T::UNREADABLE)
}
