//! `GET /metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer};

/// Answers whoever shows the admin token, where there is one; in development mode, this machine.
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    if !app.admin_keys.is_empty() || app.tokens.is_open() {
        app.check_key(&app.admin_keys, app.source(&peer, &headers), bearer(&headers))?;
    }
    let text = app.scraper.scrape(&app.hub, &app.counts).await;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
