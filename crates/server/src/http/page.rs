//! The demo call, which travels inside the binary.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::HttpError;

/// What vite built, and what is committed.
#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
struct Page;

/// `GET /` and the files that it asks for.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return HttpError::NotFound.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    match Page::get(path) {
        Some(file) => respond(path, file, &headers),
        None => HttpError::NotFound.into_response(),
    }
}

/// A file that clients keep, and ask about by its tag.
pub(super) fn respond(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = entity_tag(&file);
    let unchanged = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = if unchanged {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(file.data))
    };
    let fields = response.headers_mut();
    // vite puts a hash of the content into the names of assets.
    let caching = if path.starts_with("assets/") { FOR_EVER } else { "no-cache" };
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    fields.extend(HeaderValue::from_str(&tag).map(|tag| (header::ETAG, tag)));
    for (name, value) in PROTECTION {
        fields.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// RFC 9110 §8.8.3: the first half of the content's SHA-256.
fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The page runs its own scripts only, is framed by nobody, and tells nobody where it was (the
/// fragment of an invitation holds a token).
const PROTECTION: [(header::HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
         media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self)",
    ),
];
