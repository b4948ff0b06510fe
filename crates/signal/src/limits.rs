//! Every limit of the signaling side, with its default. The tables in `docs/protocol.md` say the
//! same; a test compares them.

use std::time::Duration;

/// Characters of a client message's `id`.
pub const ID_CHARS_MAX: usize = 64;
/// Characters of a `connection` id.
pub const CONNECTION_CHARS_MAX: usize = 64;
/// Characters of a room name in its canonical form.
pub const ROOM_CHARS_MAX: usize = 64;
/// Characters of a display name in its canonical form.
pub const NAME_CHARS_MAX: usize = 64;
/// Characters of a token's subject.
pub const IDENTITY_CHARS_MAX: usize = 128;
/// Client messages of one session whose repetition is recognised.
pub const ANSWERED_IDS_MAX: usize = 64;
/// Connections of two members whose negotiations are followed; that used last is forgotten last.
pub const CONNECTIONS_PER_PAIR_MAX: usize = 8;
/// Candidates of one member for one connection that wait for their description to be acknowledged.
pub const HELD_CANDIDATES_MAX: usize = 128;
/// Bytes of candidates that wait so for one member of a room, from all others together.
pub const HELD_BYTES_MAX: usize = 64 * 1024;
/// Kinds of media that a member may name.
pub const MEDIA_KINDS_MAX: usize = 8;
/// Names of one kind of media.
pub const MEDIA_NAMES_MAX: usize = 32;
/// Characters of such a name.
pub const MEDIA_NAME_CHARS_MAX: usize = 64;
/// Rooms that are looked at for one page of a list.
pub const LISTED_ROOMS_MAX: usize = 1000;
/// How many seconds a room that was made beforehand may wait for its first member: a day.
pub const EMPTY_S_MAX: u64 = 86_400;
/// Rooms that back ends have ended, of which it is known that they stay ended.
pub const ENDED_ROOMS_MAX: usize = 10_000;
/// Entries of a story's timeline: its beginning and its end are kept.
pub const TIMELINE_ENTRIES_MAX: usize = 64;
/// Bytes of text in a timeline: what applications and browsers wrote.
pub const TIMELINE_TEXT_BYTES_MAX: usize = 4096;
/// Candidates of one side that a story knows by their addresses.
pub const ANNOUNCED_MAX: usize = 8;
/// Stories of one identity in which what TURN sees is told: the newest ones.
pub const SIGHTED_STORIES_MAX: usize = 32;
/// Stories on one page of the list.
pub const LISTED_STORIES_MAX: usize = 100;
/// Entries of `errors` in a report.
pub const REPORT_ERRORS_MAX: usize = 16;
/// Characters of each text in a report.
pub const REPORT_TEXT_CHARS_MAX: usize = 256;
/// The longest `setup_ms`: an hour.
pub const SETUP_MS_MAX: u32 = 3_600_000;
/// What TURN saw for one credential, kept for the connection that may begin next.
pub const EARLY_SIGHTS_MAX: usize = 8;
/// How long that is kept.
pub const EARLY_SIGHT_AGE_MAX: Duration = Duration::from_secs(30);
/// Identities, or networks, of which it is known how many sessions they have begun lately.
pub const PACES_MAX: usize = 16_384;
/// Two who negotiate anew so long after their first answer, and were never connected, have failed.
pub const STALLED_AFTER: Duration = Duration::from_secs(10);
/// The largest `negotiation`: the largest integer that JavaScript can count to.
pub const NEGOTIATION_MAX: u64 = (1 << 53) - 1;

/// The settable limits of one [`Hub`](crate::Hub).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a frame from a client; a longer one is refused unread.
    pub frame_bytes_max: usize,
    /// Bytes of a member's `meta`, as it came.
    pub meta_bytes_max: usize,
    /// Bytes of one `candidate`, as it came.
    pub candidate_bytes_max: usize,
    /// Bytes of a message's `data`, as it came.
    pub message_bytes_max: usize,
    /// Bytes of frames that may wait for one slow client. Whoever owns the sockets keeps it.
    pub queue_bytes_max: usize,
    /// Frames of one session that are kept for sending again.
    pub replay_frames_max: usize,
    /// Bytes of those frames.
    pub replay_bytes_max: usize,
    /// Members of one room.
    pub members_per_room_max: usize,
    /// Rooms that one session may be in.
    pub rooms_per_session_max: usize,
    /// Sessions of one identity.
    pub sessions_per_identity_max: usize,
    /// Sessions that were opened in one network, as whoever owns the sockets tells networks apart.
    pub sessions_per_network_max: usize,
    /// Open connections, with and without a session; and sessions, with and without a connection.
    pub connections_max: usize,
    /// Bytes that are held for all clients together: see [`Memory`](crate::Memory).
    pub memory_bytes_max: usize,
    /// Rooms in all.
    pub rooms_max: usize,
    /// Rooms that were made beforehand and wait for their first member.
    pub waiting_rooms_max: usize,
    /// Members in all rooms together.
    pub members_max: usize,
    /// Calls in one room.
    pub calls_per_room_max: usize,
    /// Calls that one session may have begun or accepted.
    pub calls_per_session_max: usize,
    /// Calls in all rooms together.
    pub calls_max: usize,
    /// Stories of connections, those that are over included; 0: none is kept.
    pub stories_max: usize,
    /// Stories of connections of one identity.
    pub stories_per_identity_max: usize,
    /// How long a story can be read after its connection is over.
    pub story_age_max: Duration,
    /// How long a call rings, unless the caller says otherwise.
    pub ring_timeout: Duration,
    /// The longest that a caller may say.
    pub ring_timeout_max: Duration,
    /// How long a call may be accepted without being connected.
    pub connect_timeout: Duration,
    /// How long a connection may stay without a valid `hello`.
    pub hello_timeout: Duration,
    /// How often a client has to say something; after three times as long it counts as gone.
    pub heartbeat: Duration,
    /// How long a session waits for its client after its connection was lost, and allocations for
    /// another session when the last one of their identity is over.
    pub grace: Duration,
    /// `description` messages of one session.
    pub descriptions: Rate,
    /// `candidate` messages of one session.
    pub candidates: Rate,
    /// `message` messages of one session; one to the whole room counts once.
    pub messages: Rate,
    /// `call` messages of one session.
    pub calls: Rate,
    /// `report` and `why` messages of one session.
    pub reports: Rate,
    /// All other messages of one session. Whoever owns the sockets keeps it for the pings of one
    /// WebSocket too, and for the lists of rooms that one identity asks for.
    pub requests: Rate,
    /// Errors sent to one connection; beyond that it is closed.
    pub refusals: Rate,
    /// Sessions that one identity begins. Taking one up again is none.
    pub identity_sessions: Rate,
    /// The same of one network.
    pub network_sessions: Rate,
}

impl Limits {
    /// The size at which a transport gives up reading a frame. What lies between it and
    /// [`frame_bytes_max`](Self::frame_bytes_max) is read and gets its error.
    #[must_use]
    pub fn transport_bytes_max(&self) -> usize {
        self.frame_bytes_max.saturating_mul(4)
    }

    /// From whom nothing was heard for this long is gone.
    pub(crate) fn silence_max(&self) -> Duration {
        self.heartbeat * 3
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: 64 * 1024,
            meta_bytes_max: 4 * 1024,
            candidate_bytes_max: 4 * 1024,
            message_bytes_max: 16 * 1024,
            queue_bytes_max: 1024 * 1024,
            replay_frames_max: 256,
            replay_bytes_max: 256 * 1024,
            members_per_room_max: 16,
            rooms_per_session_max: 8,
            sessions_per_identity_max: 16,
            sessions_per_network_max: 2000,
            connections_max: 50_000,
            memory_bytes_max: 1 << 30,
            rooms_max: 20_000,
            waiting_rooms_max: 1000,
            members_max: 100_000,
            calls_per_room_max: 32,
            calls_per_session_max: 8,
            calls_max: 20_000,
            stories_max: 20_000,
            stories_per_identity_max: 1000,
            story_age_max: Duration::from_secs(900),
            ring_timeout: Duration::from_secs(45),
            ring_timeout_max: Duration::from_secs(300),
            connect_timeout: Duration::from_secs(60),
            hello_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(25),
            grace: Duration::from_secs(30),
            // Whoever enters a room of sixteen may have to offer to fifteen at once, and gathers
            // some forty candidates for each.
            descriptions: Rate { per_second: 20, burst: 100 },
            candidates: Rate { per_second: 100, burst: 600 },
            messages: Rate { per_second: 50, burst: 100 },
            calls: Rate { per_second: 1, burst: 10 },
            // In that room of sixteen each connection reports some five times within seconds.
            reports: Rate { per_second: 10, burst: 100 },
            requests: Rate { per_second: 10, burst: 40 },
            refusals: Rate { per_second: 5, burst: 50 },
            // All devices of somebody come back from a restart, and are reloaded some times.
            identity_sessions: Rate { per_second: 1, burst: 60 },
            // As many as there may be of one network, at once.
            network_sessions: Rate { per_second: 50, burst: 2000 },
        }
    }
}

/// So many a second in the long run, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run; 0 means no limit.
    pub per_second: u32,
    /// At once after a pause; 0 counts as 1.
    pub burst: u32,
}
