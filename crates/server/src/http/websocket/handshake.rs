//! RFC 6455 §4.2: Server-Side Requirements of the opening handshake.
//!
//! ```text
//!   GET … HTTP/1.1                          HTTP/1.1 101 Switching Protocols
//!   Connection: …, Upgrade                  Connection: upgrade
//!   Upgrade: websocket              ──▶     Upgrade: websocket
//!   Sec-WebSocket-Version: 13               Sec-WebSocket-Accept: SHA-1(key, GUID), base64
//!   Sec-WebSocket-Key: key
//! ```

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::upgrade::OnUpgrade;

/// A request that asks for a WebSocket.
pub(super) struct Handshake {
    accept: HeaderValue,
    upgrade: OnUpgrade,
}

impl Handshake {
    /// §4.2.1; `None` when it asks for something else, or in another version.
    pub(super) fn read(request: Request) -> Option<Self> {
        let says = |name: HeaderName, word: &str| {
            let values = request.headers().get_all(name);
            let mut words =
                values.iter().flat_map(|value| value.as_bytes().split(|it| *it == b','));
            words.any(|it| it.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        };
        let asks = request.method() == Method::GET
            && says(CONNECTION, "upgrade")
            && says(UPGRADE, "websocket")
            && says(SEC_WEBSOCKET_VERSION, "13");
        let accept = accept(request.headers().get(SEC_WEBSOCKET_KEY)?)?;
        // Only a connection that can become another has this.
        let is_possible = request.extensions().get::<OnUpgrade>().is_some();
        (asks && is_possible).then(|| Self { accept, upgrade: hyper::upgrade::on(request) })
    }

    /// §4.2.2: the answer, and what the connection becomes when it was sent.
    pub(super) fn accept(self) -> (Response, OnUpgrade) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().extend([
            (CONNECTION, HeaderValue::from_static("upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_ACCEPT, self.accept),
        ]);
        (response, self.upgrade)
    }
}

fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let mut sha1 = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key.as_bytes());
    sha1.update(GUID);
    HeaderValue::from_str(&STANDARD.encode(sha1.finish())).ok()
}

/// §1.3
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_key_is_that_of_the_rfc() {
        // §1.3
        let accept = accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_does_not_become_a_websocket() {
        let request = |version: &str| {
            let request = Request::builder()
                .header(CONNECTION, "keep-alive, Upgrade")
                .header(UPGRADE, "WebSocket")
                .header(SEC_WEBSOCKET_VERSION, version)
                .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==");
            request.body(Body::empty()).unwrap()
        };
        assert!(Handshake::read(request("8")).is_none());
        // No connection is under this one.
        assert!(Handshake::read(request("13")).is_none());
    }
}
