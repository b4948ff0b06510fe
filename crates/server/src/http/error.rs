//! What the HTTP side answers when it can't do what was asked: `{"code":"…","message":"…"}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A refusal. Programs read the code, people the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpError {
    /// No such path.
    NotFound,
    /// The path exists, this method does not.
    MethodNotAllowed,
    /// The Host header is none of this server's names (DNS rebinding).
    WrongHost,
    /// A page of another origin asks, and none such is allowed.
    ForeignOrigin,
    /// Not a WebSocket handshake.
    WebSocketRequired,
    /// No token or key where one is needed, or one that is not valid.
    Unauthorized,
    /// The token's time is over.
    TokenExpired,
    /// `service` is not `turn`.
    BadService,
    /// A user name that can't be part of a time-limited one.
    BadUserName,
    /// Nobody configured TURN secrets, so there are no credentials to give.
    NoCredentials,
    /// This source has as many signaling connections as it may have.
    TooManyConnections,
    /// As many polls wait as may wait.
    TooManyPolls,
    /// The secret or the ticket of a signaling connection that has ended, or never was.
    NoSuchConnection,
    /// Another request reads the frames of that connection.
    AlreadyRead,
    /// The body has too many bytes.
    BodyTooLarge,
    /// The body has too many frames.
    TooManyFrames,
    /// The body did not come, or not in time.
    BodyTimeout,
    /// The body is not UTF-8.
    NotText,
    /// The server is being stopped.
    Stopping,
}

impl HttpError {
    /// All of them, in the order of declaration.
    pub(crate) const ALL: [Self; 19] = [
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::WrongHost,
        Self::ForeignOrigin,
        Self::WebSocketRequired,
        Self::Unauthorized,
        Self::TokenExpired,
        Self::BadService,
        Self::BadUserName,
        Self::NoCredentials,
        Self::TooManyConnections,
        Self::TooManyPolls,
        Self::NoSuchConnection,
        Self::AlreadyRead,
        Self::BodyTooLarge,
        Self::TooManyFrames,
        Self::BodyTimeout,
        Self::NotText,
        Self::Stopping,
    ];

    /// What programs read.
    pub(crate) const fn code(self) -> &'static str {
        self.parts().1
    }

    const fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "there is nothing at this path"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not take this method",
            ),
            Self::WrongHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "wrong_host",
                "the Host header is not a name of this server; in development mode use localhost",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "pages of this origin may not connect; signaling.allowed_origins lets them",
            ),
            Self::WebSocketRequired => (
                StatusCode::UPGRADE_REQUIRED,
                "websocket_required",
                "this path speaks WebSocket (RFC 6455) only",
            ),
            Self::Unauthorized => {
                (StatusCode::UNAUTHORIZED, "unauthorized", "a valid token or key is needed")
            }
            Self::TokenExpired => {
                (StatusCode::UNAUTHORIZED, "token_expired", "the token's time is over")
            }
            Self::BadService => {
                (StatusCode::BAD_REQUEST, "bad_service", "the parameter service must be turn")
            }
            Self::BadUserName => (
                StatusCode::BAD_REQUEST,
                "bad_username",
                "the parameter username must have 1 to 400 bytes and no colon",
            ),
            Self::NoCredentials => (
                StatusCode::NOT_FOUND,
                "no_credentials",
                "this server has no turn.auth.secrets, so it can't make credentials",
            ),
            Self::TooManyConnections => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_connections",
                "too many connections from this address",
            ),
            Self::TooManyPolls => {
                (StatusCode::SERVICE_UNAVAILABLE, "too_many_polls", "too many clients poll")
            }
            Self::NoSuchConnection => (
                StatusCode::NOT_FOUND,
                "no_such_connection",
                "it has ended, or its ticket was used",
            ),
            Self::AlreadyRead => {
                (StatusCode::CONFLICT, "already_read", "another request reads its frames")
            }
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the body has too many bytes")
            }
            Self::TooManyFrames => (StatusCode::BAD_REQUEST, "too_many_frames", "over 64 frames"),
            Self::BodyTimeout => {
                (StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not come in time")
            }
            Self::NotText => (StatusCode::BAD_REQUEST, "not_text", "the body must be UTF-8"),
            Self::Stopping => {
                (StatusCode::SERVICE_UNAVAILABLE, "stopping", "the server is being stopped")
            }
        }
    }
}

#[derive(Serialize)]
struct Body {
    code: &'static str,
    message: &'static str,
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let mut response = (status, Json(Body { code, message })).into_response();
        // For whoever counts.
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_place_and_a_code_of_its_own() {
        for (index, error) in HttpError::ALL.into_iter().enumerate() {
            assert_eq!(error as usize, index);
            let namesakes = HttpError::ALL.into_iter().filter(|other| other.code() == error.code());
            assert_eq!(namesakes.count(), 1, "{}", error.code());
        }
    }
}
