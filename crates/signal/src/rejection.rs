//! Why a client message was refused: each reason with its stable code.

use std::borrow::Cow;

use crate::beside::Need;
use crate::outbox::CloseReason;

/// A client message that was refused. `docs/protocol.md` has a row for each code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// More bytes than a frame may have.
    FrameTooLarge,
    /// Not one JSON object, or one that has a field twice.
    BadJson,
    /// No message has this type.
    UnknownType,
    /// A field that is required.
    MissingField(&'static str),
    /// A field that is not what it must be.
    BadField(&'static str),
    /// A field with more bytes than it may have.
    FieldTooLarge(&'static str),
    /// An acknowledgement of frames that were never sent.
    BadAck,
    /// Anything else before `hello`.
    HelloFirst,
    /// A second `hello`.
    AlreadyGreeted,
    /// A language that is not spoken here.
    UnsupportedVersion,
    /// No token, or one that is not valid.
    Unauthorized,
    /// A token whose time is over.
    TokenExpired,
    /// A token that is good for longer than any may be.
    TokenLivesTooLong,
    /// A token from before a back end ended all sessions of its identity.
    TokenRevoked,
    /// Too many that are not valid have come from this network.
    TooManyFailedLogins {
        /// Until another one is looked at.
        retry_after_s: u32,
    },
    /// A `token` of somebody else.
    AnotherIdentity,
    /// A room that the token does not allow.
    RoomNotAllowed,
    /// There is no such room, and the token may not open one.
    NoSuchRoom,
    /// A room in which this session is already.
    AlreadyJoined,
    /// A room in which another session of this identity is.
    IdentityInRoom,
    /// A room in which this session is not.
    NotInRoom,
    /// Nobody in the room has this member id.
    NoSuchMember,
    /// A newer offer has made this useless.
    Superseded,
    /// A candidate that is none of a relay, where only relays may be used.
    RelayOnly,
    /// The room has all the members it may have.
    RoomFull,
    /// The room is not of the kind that was asked for.
    OtherRoomKind,
    /// The session is in all the rooms it may be in.
    TooManyRooms,
    /// No call that the session is in or called to has this id.
    NoSuchCall,
    /// The call is not in a state for it.
    WrongCallState,
    /// The session is in all the calls it may be in, or the room has all it may have.
    TooManyCalls,
    /// The identity, or the network, has all the sessions it may have.
    TooManySessions,
    /// The identity, or the network, begins sessions faster than it may.
    TooManyNewSessions {
        /// Until another one will be begun.
        retry_after_s: u32,
    },
    /// The server has all the rooms, members, calls or sessions it may have, or no memory for
    /// another session.
    ServerFull,
    /// Faster than the rate of its kind allows.
    RateLimited {
        /// Until the next one will be taken.
        retry_after_s: u32,
    },
}

impl Rejection {
    /// All codes, in the order of the document.
    pub const CODES: [&str; 34] = [
        "frame_too_large",
        "bad_json",
        "unknown_type",
        "missing_field",
        "bad_field",
        "field_too_large",
        "bad_ack",
        "hello_first",
        "already_greeted",
        "unsupported_version",
        "unauthorized",
        "token_expired",
        "token_lives_too_long",
        "token_revoked",
        "too_many_failed_logins",
        "another_identity",
        "room_not_allowed",
        "no_such_room",
        "already_joined",
        "identity_in_room",
        "not_in_room",
        "no_such_member",
        "superseded",
        "relay_only",
        "room_full",
        "other_room_kind",
        "too_many_rooms",
        "no_such_call",
        "wrong_call_state",
        "too_many_calls",
        "too_many_sessions",
        "too_many_new_sessions",
        "server_full",
        "rate_limited",
    ];

    /// The code that programs read. It never changes.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::FrameTooLarge => "frame_too_large",
            Self::BadJson => "bad_json",
            Self::UnknownType => "unknown_type",
            Self::MissingField(_) => "missing_field",
            Self::BadField(_) => "bad_field",
            Self::FieldTooLarge(_) => "field_too_large",
            Self::BadAck => "bad_ack",
            Self::HelloFirst => "hello_first",
            Self::AlreadyGreeted => "already_greeted",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Unauthorized => "unauthorized",
            Self::TokenExpired => "token_expired",
            Self::TokenLivesTooLong => "token_lives_too_long",
            Self::TokenRevoked => "token_revoked",
            Self::TooManyFailedLogins { .. } => "too_many_failed_logins",
            Self::AnotherIdentity => "another_identity",
            Self::RoomNotAllowed => "room_not_allowed",
            Self::NoSuchRoom => "no_such_room",
            Self::AlreadyJoined => "already_joined",
            Self::IdentityInRoom => "identity_in_room",
            Self::NotInRoom => "not_in_room",
            Self::NoSuchMember => "no_such_member",
            Self::Superseded => "superseded",
            Self::RelayOnly => "relay_only",
            Self::RoomFull => "room_full",
            Self::OtherRoomKind => "other_room_kind",
            Self::TooManyRooms => "too_many_rooms",
            Self::NoSuchCall => "no_such_call",
            Self::WrongCallState => "wrong_call_state",
            Self::TooManyCalls => "too_many_calls",
            Self::TooManySessions => "too_many_sessions",
            Self::TooManyNewSessions { .. } => "too_many_new_sessions",
            Self::ServerFull => "server_full",
            Self::RateLimited { .. } => "rate_limited",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub fn message(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::FrameTooLarge => "the frame has more bytes than a frame may have",
            Self::BadJson => "a frame is one JSON object, and no field appears twice",
            Self::UnknownType => "no message has this `type`",
            Self::MissingField(field) => return format!("`{field}` is required").into(),
            Self::BadField(field) => {
                return format!("`{field}` is not what it must be: {}", must_be(field)).into();
            }
            Self::FieldTooLarge(field) => {
                return format!("`{field}` has more bytes than it may have").into();
            }
            Self::BadAck => "`ack` is higher than any `seq` of this session",
            Self::HelloFirst => "the first message must be `hello`",
            Self::AlreadyGreeted => "this connection has a session already",
            Self::UnsupportedVersion => "this server speaks `v` 1",
            Self::Unauthorized => "a valid token is needed",
            Self::TokenExpired => "the token has expired",
            Self::TokenLivesTooLong => "the token is good for longer than this server allows",
            Self::TokenRevoked => "the token was taken back",
            Self::TooManyFailedLogins { .. } => "too many tokens of this network were not valid",
            Self::AnotherIdentity => "the token is of another identity than this session",
            Self::RoomNotAllowed => "the token does not allow this room",
            Self::NoSuchRoom => "there is no such room, and the token may not open one",
            Self::AlreadyJoined => "this session is in the room already",
            Self::IdentityInRoom => "another session of this identity is in the room",
            Self::NotInRoom => "this session is not in the room",
            Self::NoSuchMember => "no member of this room has that id",
            Self::Superseded => "a newer offer of this connection has taken its place",
            Self::RelayOnly => "only candidates of relays are passed on here",
            Self::RoomFull => "the room is full",
            Self::OtherRoomKind => "the room is there already, and of another kind",
            Self::TooManyRooms => "this session is in as many rooms as it may be",
            Self::NoSuchCall => {
                "no call of that id concerns this session: it is over, or never was"
            }
            Self::WrongCallState => "the call is past that, or not there yet",
            Self::TooManyCalls => "this session or this room has as many calls as it may have",
            Self::TooManySessions => {
                "this identity or this network has as many sessions as it may have"
            }
            Self::TooManyNewSessions { .. } => {
                "this identity or this network has begun too many sessions lately"
            }
            Self::ServerFull => "the server has no place left",
            Self::RateLimited { .. } => "too many messages of this kind",
        })
    }

    /// The field that is wrong or missing.
    #[must_use]
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::MissingField(field) | Self::BadField(field) | Self::FieldTooLarge(field) => {
                Some(field)
            }
            _ => None,
        }
    }

    /// How long to wait before trying again, where waiting helps; where the server is full, at
    /// least so long: not everybody is told the same.
    #[must_use]
    pub fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::RateLimited { retry_after_s }
            | Self::TooManyFailedLogins { retry_after_s }
            | Self::TooManyNewSessions { retry_after_s } => Some(retry_after_s),
            Self::RoomFull | Self::ServerFull | Self::TooManySessions => Some(FULL_RETRY_AFTER_S),
            _ => None,
        }
    }

    /// How the connection ends if `hello` was refused for this reason.
    pub(crate) fn closes_greeting(self, retry_after_s: Option<u32>) -> Option<CloseReason> {
        match self {
            Self::ServerFull => {
                let retry_after_s = retry_after_s.unwrap_or(FULL_RETRY_AFTER_S);
                Some(CloseReason::ServerFull { retry_after_s })
            }
            Self::Unauthorized
            | Self::TokenExpired
            | Self::TokenLivesTooLong
            | Self::TokenRevoked => Some(CloseReason::Unauthorized),
            Self::UnsupportedVersion => Some(CloseReason::UnsupportedVersion),
            Self::TooManySessions
            | Self::TooManyNewSessions { .. }
            | Self::TooManyFailedLogins { .. } => Some(CloseReason::TooManyRefusals),
            _ => None,
        }
    }
}

fn must_be(field: &str) -> &'static str {
    match field {
        "id" | "connection" => "a string of 1 to 64 characters",
        "room" => "1 to 64 characters to see, none of them a control character",
        "name" => "at most 64 characters, none of them a control character",
        "meta" | "capabilities" => "a JSON object",
        "candidate" => "a JSON object or null",
        "media" => "an object of lists of names: 8 lists, 32 names, 64 characters at most",
        "description" => "an object with `type` and `sdp`",
        "to" => "the id of another member",
        "receipt" => "true or false, and true only beside `to`",
        "identity" => "whom to call, where no `to` says it",
        "kind" => "`mesh` or `pair`",
        "reason" => "a reason that this message may give",
        "state" => "a state that this message may tell",
        "setup_ms" => "a whole number of milliseconds, up to an hour",
        "candidates" => "an object of numbers: `host`, `srflx`, `relay`",
        "pair" => "an object with `local` and `remote`, each with its `type`",
        "errors" => "a list of 16 objects at most, each with its `code`; 256 characters a text",
        "timeout_s" => "a whole number of seconds, from 1 to what the server allows",
        "ack" | "negotiation" | "v" => "an integer from 0 to 9007199254740991",
        _ => "a string",
    }
}

/// Why a frame is not obeyed.
#[derive(Debug)]
pub(crate) enum Setback {
    /// It is refused.
    Refused(Rejection),
    /// It takes what is on that hub. Nothing was changed yet but what a second look at it skips:
    /// see [`Take`](crate::hub::Take).
    Needs(Need),
}

impl From<Rejection> for Setback {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

/// A place may become free at any time; asking more often than this only adds to the crowd.
pub(crate) const FULL_RETRY_AFTER_S: u32 = 10;
