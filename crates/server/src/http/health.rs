//! Whether the process lives, and whether it wants more work.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;
use super::error::HttpError;

/// `GET /healthz`: alive.
pub(crate) async fn healthz() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

/// `GET /readyz`: ready, or being stopped.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.is_stopping() {
        return HttpError::Stopping.into_response();
    }
    Json(json!({ "status": "ready" })).into_response()
}
