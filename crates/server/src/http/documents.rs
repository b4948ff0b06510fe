//! The descriptions that programs read: OpenAPI, and JSON Schemas of the signaling protocol. Made
//! from the code and committed; tests compare them.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::error::HttpError;
use super::page;

/// What `cargo xtask schema` writes.
#[derive(RustEmbed)]
#[folder = "../../docs/schema"]
struct Documents;

/// `GET /v1/openapi.json`
pub(super) async fn openapi(headers: HeaderMap) -> Response {
    document("openapi.json", &headers)
}

/// `GET /v1/schema/client.json` and `/v1/schema/server.json`
pub(super) async fn schema(Path(file): Path<String>, headers: HeaderMap) -> Response {
    match file.as_str() {
        "client.json" | "server.json" => document(&file, &headers),
        _ => HttpError::NotFound.into_response(),
    }
}

fn document(file: &str, headers: &HeaderMap) -> Response {
    match Documents::get(file) {
        Some(embedded) => page::respond(file, embedded, headers),
        None => HttpError::NotFound.into_response(),
    }
}
