//! The limits of the control plane: how much of everything, and how long. The limits of rooms are
//! options (`[signaling.limits]`), those of allocations too (`[turn.limits]`).

use std::time::Duration;

/// TCP connections of all public listeners together that are neither WebSockets nor event streams
/// (those have `signaling.limits.connections_max`) nor of TURN clients with an allocation. Where
/// descriptors are few, this and what one source may have is less (`descriptors.rs`).
pub(crate) const HTTP_CONNECTIONS_MAX: usize = 4096;

/// The same of one source: an IPv4 address, an IPv6 /64.
pub(crate) const HTTP_CONNECTIONS_PER_SOURCE_MAX: u32 = 512;

/// TCP connections of the admin listener. They are apart, so that whoever looks after the server
/// sees it when the public listeners are full.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 32;

/// Signaling connections of one source.
pub(crate) const WEBSOCKETS_PER_SOURCE_MAX: u32 = 2000;

/// From the first byte to the end of the request's head; also how long a connection may idle.
pub(crate) const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// A request's head, and what is read ahead.
pub(crate) const REQUEST_HEAD_BYTES_MAX: usize = 16 * 1024;

/// Header fields of a request.
pub(crate) const REQUEST_HEADERS_MAX: usize = 64;

/// The body of a request for a token.
pub(crate) const REQUEST_BODY_BYTES_MAX: usize = 16 * 1024;

/// From accept to the first bytes, where they tell what is spoken; inside TLS from the end of the
/// handshake.
pub(crate) const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(10);

/// The TLS handshake, from its first byte to the end.
pub(crate) const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take nothing while something waits to be written to it.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// What a WebSocket may send before it has shown a token that is valid: a `hello` with a long one.
pub(crate) const HELLO_BYTES_MAX: usize = 16 * 1024;

/// What is read from a WebSocket's socket at once: by each thread, into one place.
pub(crate) const WEBSOCKET_READ_BYTES: usize = 16 * 1024;

/// What a WebSocket gathers before it writes, in one place of each thread; but for one long frame.
pub(crate) const WEBSOCKET_WRITE_BYTES: usize = 16 * 1024;

/// Frames that go to the hub together.
pub(crate) const TEXTS_TOGETHER_MAX: usize = 64;

/// What a WebSocket takes, but for frames: its socket, its task.
pub(crate) const WEBSOCKET_BYTES: usize = 3 * 1024;

/// What the connection of a client without a WebSocket takes, but for frames.
pub(crate) const LINK_BYTES: usize = 4 * 1024;

/// Signaling connections beyond `connections_max` that are let in, only to be told that the server
/// is full.
pub(crate) const WEBSOCKETS_SPARE: usize = 64;

/// From the head of a request to the end of its body.
pub(crate) const REQUEST_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Frames in one request.
pub(crate) const FRAMES_PER_REQUEST_MAX: usize = 64;

/// How long nobody may ask for the frames of a client without a WebSocket: the client is lost then.
pub(crate) const UNREAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a poll waits for a frame. Proxies end what is silent for 30 s.
pub(crate) const POLL_WAIT: Duration = Duration::from_secs(20);

/// An event stream is silent for no longer.
pub(crate) const EVENTS_SILENCE: Duration = Duration::from_secs(15);

/// How long the server waits for the client's half of the closing handshake (RFC 6455 §7.1.1).
pub(crate) const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);

/// How long and how much is read from a client that still sends after it was sent away.
pub(crate) const LINGER_TIMEOUT: Duration = Duration::from_secs(5);
/// See [`LINGER_TIMEOUT`].
pub(crate) const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Clients that are read from after they were sent away, at a time. The others are cut off.
pub(crate) const LINGERING_MAX: usize = 64;

/// Desks of signaling.
pub(crate) const DESKS_MAX: u16 = 1024;

/// Events on their way from all clients to one desk. Who finds it full waits, and reads nothing
/// meanwhile.
pub(crate) const HUB_QUEUE_MAX: usize = 256;

/// About as long as a server takes to be there again, in seconds.
pub(crate) const RESTART_RETRY_AFTER_S: u32 = 2;

/// How long members have to say goodbye when the server is being stopped.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_millis(1200);

/// How long requests that are being answered then have.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The longest life of tokens and credentials that the command line makes, in seconds.
pub(crate) const LIFE_S_MAX: u64 = 366 * 86400;

/// Bytes of the user name in `GET /turn`.
pub(crate) const REST_USER_NAME_BYTES_MAX: usize = 400;
