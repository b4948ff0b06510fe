//! `GET /metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::{App, bearer};

/// Answers whoever shows the admin token, where there is one.
pub(crate) async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if !app.admin_keys.is_empty() && !app.admin_keys.know(bearer(&headers)) {
        return HttpError::Unauthorized.into_response();
    }
    let text = app.scraper.scrape(&app.hub, &app.counts).await;
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
