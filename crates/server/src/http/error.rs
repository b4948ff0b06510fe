//! What the HTTP side answers when it can't do what was asked: `{"code":"…","message":"…"}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kopru_signal::Spread;
use serde::Serialize;

use crate::failed_logins::RETRY_AFTER_S;
use crate::limits::RESTART_RETRY_AFTER_S;
use crate::tokens::TokenError;

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
    /// The token is good for longer than any may be.
    TokenLivesTooLong,
    /// A token from before all those of its identity were taken back.
    TokenRevoked,
    /// Too many tokens and keys of this network were not valid.
    TooManyFailedLogins,
    /// The token does not grant to list rooms.
    ListNotGranted,
    /// A body that is not what `POST /v1/tokens` takes.
    BadTokenRequest,
    /// A body that is not what `POST /v1/rooms` takes.
    BadRoomRequest,
    /// A body that is not what `POST /v1/revoke` takes.
    BadRevocation,
    /// A subject that can't be one.
    BadSubject,
    /// A room that can't be one.
    BadRoom,
    /// More members than such a room may have, or none.
    BadCapacity,
    /// A time that no room may wait.
    BadEmptyS,
    /// No room of this name.
    NoSuchRoom,
    /// Nobody in the room has this id.
    NoSuchMember,
    /// There is a room of this name.
    RoomExists,
    /// A life that no token may have.
    BadTtl,
    /// An `after` that was never a `next`.
    BadAfter,
    /// Nobody configured secrets of tokens, so none can be signed.
    NoSecret,
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
    /// No story or call of this id, or none of who asks.
    NoSuchCall,
    /// This identity asks for lists of rooms faster than it may.
    RateLimited,
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
    /// The server holds as many connections, rooms or revocations as it may, or as many bytes.
    ServerFull,
    /// The server is being stopped.
    Stopping,
}

impl HttpError {
    /// All of them, in the order of declaration.
    pub(crate) const ALL: [Self; 39] = [
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::WrongHost,
        Self::ForeignOrigin,
        Self::WebSocketRequired,
        Self::Unauthorized,
        Self::TokenExpired,
        Self::TokenLivesTooLong,
        Self::TokenRevoked,
        Self::TooManyFailedLogins,
        Self::ListNotGranted,
        Self::BadTokenRequest,
        Self::BadRoomRequest,
        Self::BadRevocation,
        Self::BadSubject,
        Self::BadRoom,
        Self::BadCapacity,
        Self::BadEmptyS,
        Self::NoSuchRoom,
        Self::NoSuchMember,
        Self::RoomExists,
        Self::BadTtl,
        Self::BadAfter,
        Self::NoSecret,
        Self::BadService,
        Self::BadUserName,
        Self::NoCredentials,
        Self::TooManyConnections,
        Self::TooManyPolls,
        Self::NoSuchConnection,
        Self::NoSuchCall,
        Self::RateLimited,
        Self::AlreadyRead,
        Self::BodyTooLarge,
        Self::TooManyFrames,
        Self::BodyTimeout,
        Self::NotText,
        Self::ServerFull,
        Self::Stopping,
    ];

    /// What programs read.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::WrongHost => "wrong_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::WebSocketRequired => "websocket_required",
            Self::Unauthorized => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::TokenLivesTooLong => "token_lives_too_long",
            Self::TokenRevoked => "token_revoked",
            Self::TooManyFailedLogins => "too_many_failed_logins",
            Self::ListNotGranted => "list_not_granted",
            Self::BadTokenRequest => "bad_token_request",
            Self::BadRoomRequest => "bad_room_request",
            Self::BadRevocation => "bad_revocation",
            Self::BadSubject => "bad_subject",
            Self::BadRoom => "bad_room",
            Self::BadCapacity => "bad_capacity",
            Self::BadEmptyS => "bad_empty_s",
            Self::NoSuchRoom => "no_such_room",
            Self::NoSuchMember => "no_such_member",
            Self::RoomExists => "room_exists",
            Self::BadTtl => "bad_ttl",
            Self::BadAfter => "bad_after",
            Self::NoSecret => "no_secret",
            Self::BadService => "bad_service",
            Self::BadUserName => "bad_username",
            Self::NoCredentials => "no_credentials",
            Self::TooManyConnections => "too_many_connections",
            Self::TooManyPolls => "too_many_polls",
            Self::NoSuchConnection => "no_such_connection",
            Self::NoSuchCall => "no_such_call",
            Self::RateLimited => "rate_limited",
            Self::AlreadyRead => "already_read",
            Self::BodyTooLarge => "body_too_large",
            Self::TooManyFrames => "too_many_frames",
            Self::BodyTimeout => "body_timeout",
            Self::NotText => "not_text",
            Self::ServerFull => "server_full",
            Self::Stopping => "stopping",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::NotFound
            | Self::NoSecret
            | Self::NoCredentials
            | Self::NoSuchConnection
            | Self::NoSuchCall
            | Self::NoSuchRoom
            | Self::NoSuchMember => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ForeignOrigin | Self::ListNotGranted => StatusCode::FORBIDDEN,
            Self::WebSocketRequired => StatusCode::UPGRADE_REQUIRED,
            Self::Unauthorized
            | Self::TokenExpired
            | Self::TokenLivesTooLong
            | Self::TokenRevoked => StatusCode::UNAUTHORIZED,
            Self::TooManyFailedLogins | Self::TooManyConnections | Self::RateLimited => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::AlreadyRead | Self::RoomExists => StatusCode::CONFLICT,
            Self::BadTokenRequest
            | Self::BadRoomRequest
            | Self::BadRevocation
            | Self::BadSubject
            | Self::BadRoom
            | Self::BadCapacity
            | Self::BadEmptyS
            | Self::BadTtl
            | Self::BadAfter
            | Self::BadService
            | Self::BadUserName
            | Self::TooManyFrames
            | Self::NotText => StatusCode::BAD_REQUEST,
            Self::TooManyPolls | Self::ServerFull | Self::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// When to try again, where waiting helps: not everybody at once.
    pub(super) const fn retry_after(self) -> Option<Spread> {
        match self {
            // Whichever the rate: one of less than one a second is none.
            Self::TooManyFailedLogins | Self::RateLimited => Some(Spread::over(RETRY_AFTER_S, 1)),
            Self::TooManyConnections | Self::TooManyPolls | Self::ServerFull => {
                Some(Spread::over(FULL_RETRY_AFTER_S, FULL_SPREAD_S))
            }
            Self::Stopping => Some(Spread::over(RESTART_RETRY_AFTER_S, RESTART_SPREAD_S)),
            _ => None,
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::NotFound => "there is nothing at this path",
            Self::MethodNotAllowed => "this path does not take this method",
            Self::WrongHost => {
                "the Host header is not a name of this server; in development mode use localhost"
            }
            Self::ForeignOrigin => {
                "pages of this origin may not connect; signaling.allowed_origins lets them"
            }
            Self::WebSocketRequired => "this path speaks WebSocket (RFC 6455) only",
            Self::Unauthorized => "a valid token or key is needed",
            Self::TokenExpired => "the token's time is over",
            Self::TokenLivesTooLong => "the token is good for longer than this server allows",
            Self::TokenRevoked => "the token was taken back",
            Self::TooManyFailedLogins => "too many tokens and keys of this network were not valid",
            Self::ListNotGranted => "the token does not grant to list rooms",
            Self::BadTokenRequest => {
                "the body must be a JSON object with `subject` and, if wanted, `rooms`, `list`, \
                 `create`, `relay`, `bits_per_second` and `ttl_s`"
            }
            Self::BadRoomRequest => {
                "the body must be a JSON object with, if wanted, `room`, `kind`, `capacity`, \
                 `relay_only` and `empty_s`"
            }
            Self::BadRevocation => "the body must be a JSON object with `identity`",
            Self::BadSubject => {
                "`subject` must be 1 to 128 characters, none of them a control character"
            }
            Self::BadRoom => "not a room name; in a token it may be \"prefix/*\" or \"*\" as well",
            Self::BadCapacity => {
                "`capacity` must be 1 or more, and no more than rooms of its kind may have"
            }
            Self::BadEmptyS => "`empty_s` must be from 1 to 86400",
            Self::NoSuchRoom => "there is no room of this name",
            Self::NoSuchMember => "no member of this room has that id",
            Self::RoomExists => "there is a room of this name already",
            Self::BadTtl => "`ttl_s` must be 1 or more, and no longer than jwt.life_max",
            Self::BadAfter => "`after` must be the `next` of another page",
            Self::NoSecret => {
                "this server has no signaling.auth.jwt.secrets, so it can't sign tokens"
            }
            Self::BadService => "the parameter service must be turn",
            Self::BadUserName => "the parameter username must have 1 to 400 bytes and no colon",
            Self::NoCredentials => {
                "this server has no turn.auth.secrets, so it can't make credentials"
            }
            Self::TooManyConnections => "too many connections from this address",
            Self::TooManyPolls => "too many clients poll",
            Self::NoSuchConnection => "it has ended, or its ticket was used",
            Self::NoSuchCall => "no call or story of that id concerns you: forgotten, or never was",
            Self::RateLimited => "this identity asks for lists of rooms too often",
            Self::AlreadyRead => "another request reads its frames",
            Self::BodyTooLarge => "the body has too many bytes, or the token would have",
            Self::TooManyFrames => "over 64 frames",
            Self::BodyTimeout => "the body did not come in time",
            Self::NotText => "the body must be UTF-8",
            Self::ServerFull => "the server has no place left",
            Self::Stopping => "the server is being stopped",
        }
    }
}

impl From<TokenError> for HttpError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::Unauthorized,
            TokenError::Expired => Self::TokenExpired,
            TokenError::LivesTooLong => Self::TokenLivesTooLong,
            TokenError::Revoked => Self::TokenRevoked,
            TokenError::TooManyFailed => Self::TooManyFailedLogins,
        }
    }
}

/// A place may become free at any time; asking more often only adds to the crowd.
const FULL_RETRY_AFTER_S: u32 = 10;
/// Over how many seconds those are spread who are to ask again.
const FULL_SPREAD_S: u32 = 20;
/// The same where the server is being stopped.
const RESTART_SPREAD_S: u32 = 5;

#[derive(Serialize)]
struct Body {
    code: &'static str,
    message: &'static str,
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = Body { code: self.code(), message: self.message() };
        let mut response = (status, Json(body)).into_response();
        // For whoever counts, and says when to try again.
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
    fn whoever_is_to_wait_hears_how_long() {
        for error in HttpError::ALL {
            let waits = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
            assert_eq!(
                error.retry_after().is_some(),
                waits.contains(&error.status()),
                "{}",
                error.code()
            );
        }
    }

    #[test]
    fn every_refusal_has_its_place_and_a_code_of_its_own() {
        for (index, error) in HttpError::ALL.into_iter().enumerate() {
            assert_eq!(error as usize, index);
            let namesakes = HttpError::ALL.into_iter().filter(|other| other.code() == error.code());
            assert_eq!(namesakes.count(), 1, "{}", error.code());
        }
    }
}
