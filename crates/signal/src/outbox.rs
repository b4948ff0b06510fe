//! What the hub wants done: frames to send and connections to close, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::sessions::Receipt;
use crate::verdict::VerdictClass;
use crate::whole::HubNumber;

/// One connection to a client. Whoever owns the sockets numbers them; no number is used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Send this text to that connection.
    Frame(ConnId, Arc<str>),
    /// Close that connection after what was sent before. The hub has forgotten it.
    Close(ConnId, CloseReason),
    /// Write down what became of a connection between two members.
    Record(ConnectionRecord),
    /// That connection is on another hub from now on: what it sends has to be handled there. Only
    /// [`Hub::handle_beside`](crate::Hub::handle_beside) says so.
    Move(ConnId, HubNumber),
    /// Give this to [`Hub::deliver`](crate::Hub::deliver) of the hub that it is for. Where there is
    /// one hub alone, it is for nobody.
    Receipt(Receipt),
    /// End the allocations of the credential with this id, as it stands in user names behind the
    /// expiry: whose it is has had no session for a while.
    EndAllocations(Arc<str>),
}

/// What the hub wants done, in order: what is popped first has to be done first.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Outgoing>,
}

impl Outbox {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next thing to do.
    pub fn pop(&mut self) -> Option<Outgoing> {
        self.queue.pop_front()
    }

    pub(crate) fn frame(&mut self, conn: ConnId, text: Arc<str>) {
        self.queue.push_back(Outgoing::Frame(conn, text));
    }

    pub(crate) fn moved(&mut self, conn: ConnId, hub: HubNumber) {
        self.queue.push_back(Outgoing::Move(conn, hub));
    }

    pub(crate) fn receipt(&mut self, receipt: Receipt) {
        self.queue.push_back(Outgoing::Receipt(receipt));
    }

    pub(crate) fn record(&mut self, record: ConnectionRecord) {
        self.queue.push_back(Outgoing::Record(record));
    }

    pub(crate) fn end_allocations(&mut self, credential: Arc<str>) {
        self.queue.push_back(Outgoing::EndAllocations(credential));
    }

    pub(crate) fn close(&mut self, conn: ConnId, reason: CloseReason) {
        self.queue.push_back(Outgoing::Close(conn, reason));
    }
}

/// What became of a connection between two members, without names and addresses: those are in its
/// story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRecord {
    /// The id of its story.
    pub story: String,
    /// How the attempt to connect them came out.
    pub class: VerdictClass,
    /// `direct` or `relayed`, where a client has told it.
    pub path: Option<&'static str>,
    /// How long it took until they were connected; `None`: they never were.
    pub setup_ms: Option<u32>,
    /// From the first message of the connection to its end.
    pub age: Duration,
}

/// Why the server closes a connection. `docs/protocol.md` has a row for each.
///
/// Over a WebSocket it is the code and reason of a close frame, over another transport the last
/// thing that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The server is being stopped.
    GoingAway {
        /// Until this client is to come back.
        retry_after_s: u32,
    },
    /// A binary frame.
    TextOnly,
    /// A frame that the transport gave up reading.
    FrameTooLarge,
    /// The token is missing, not valid or expired.
    Unauthorized,
    /// A back end ended all sessions of this identity.
    Revoked,
    /// The client speaks another language.
    UnsupportedVersion,
    /// No valid `hello` in time.
    HelloTimeout,
    /// The session came back on another connection.
    Replaced,
    /// Nothing was heard for three heartbeats.
    Silent,
    /// Too much was waiting to be read by this client.
    TooSlow,
    /// Refused too often, too many pings, or too many sessions of one identity or network, at once
    /// or lately.
    TooManyRefusals,
    /// As many connections or sessions as there may be, or no memory for another one.
    ServerFull {
        /// Until this client is to try again.
        retry_after_s: u32,
    },
}

impl CloseReason {
    /// All of them, with any time there is.
    pub const ALL: [Self; 12] = [
        Self::GoingAway { retry_after_s: 1 },
        Self::TextOnly,
        Self::FrameTooLarge,
        Self::Unauthorized,
        Self::Revoked,
        Self::UnsupportedVersion,
        Self::HelloTimeout,
        Self::Replaced,
        Self::Silent,
        Self::TooSlow,
        Self::TooManyRefusals,
        Self::ServerFull { retry_after_s: 1 },
    ];

    /// The WebSocket close code.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway { .. } => 1001,
            Self::TextOnly => 1003,
            Self::FrameTooLarge => 1009,
            Self::Unauthorized => 4401,
            Self::Revoked => 4403,
            Self::UnsupportedVersion => 4406,
            Self::HelloTimeout => 4408,
            Self::Replaced => 4409,
            Self::Silent => 4410,
            Self::TooSlow => 4413,
            Self::TooManyRefusals => 4429,
            Self::ServerFull { .. } => 4503,
        }
    }

    /// The text beside the code.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::GoingAway { .. } => "going_away",
            Self::TextOnly => "text_only",
            Self::FrameTooLarge => "frame_too_large",
            Self::Unauthorized => "unauthorized",
            Self::Revoked => "revoked",
            Self::UnsupportedVersion => "unsupported_version",
            Self::HelloTimeout => "hello_timeout",
            Self::Replaced => "replaced",
            Self::Silent => "silent",
            Self::TooSlow => "too_slow",
            Self::TooManyRefusals => "too_many_refusals",
            Self::ServerFull { .. } => "server_full",
        }
    }

    /// How long the client is to wait, where the server says so: each client another time.
    #[must_use]
    pub fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::GoingAway { retry_after_s } | Self::ServerFull { retry_after_s } => {
                Some(retry_after_s)
            }
            _ => None,
        }
    }
}
