//! RFC 8656 §3.1: TURN over TCP and TLS. A client's connection, from the control plane to its end.
//!
//! ```text
//!  control plane                    worker
//!  ┌──────────────┐    inbox    ┌────────────────────────────────────────────────────────┐
//!  │ accept, TLS, │───Stream───▶│ Connection                                             │
//!  │ first bytes  │             │  link ──▶ incoming ──frame──▶ PacketBuf ──▶ core       │
//!  └──────────────┘             │  link ◀── outgoing ◀── what does not go at once ◀──┘   │
//!                               └────────────────────────────────────────────────────────┘
//! ```
//!
//! A connection belongs to one worker for life, like the allocation that it may have: when it ends,
//! so does the allocation. One without has a few kilobytes, a few seconds for its first message and
//! a minute for each that follows: so it gets an allocation, or keeps the mapping of a NAT that it
//! has learned here (RFC 8489 §6.2.2: "Only the client knows how long it needs the binding").
//! Only one on which nothing has come but ConnectionBind (RFC 6062) goes to another worker, if that
//! has the connection which is named; and when it is bound, it goes over to `tcp`.
//!
//! | file | has |
//! |---|---|
//! | `frame.rs` | where a message ends |
//! | `incoming.rs`, `outgoing.rs` | what was read, what waits to be written |
//! | `link.rs` | the bytes: plain, or TLS |
//! | `connection.rs`, `connections.rs` | one of them, and all of a worker's |
//! | `handover.rs` | how they come to a worker |

pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod frame;
pub(crate) mod handover;
pub(crate) mod incoming;
pub(crate) mod link;
pub(crate) mod outgoing;

use std::net::TcpStream;

use kopru_turn::five_tuple::FiveTuple;
use rustls::ServerConnection;

/// A client's connection on which STUN is about to be spoken.
pub struct Stream {
    /// Its socket.
    pub socket: TcpStream,
    /// For TLS over TCP: the state, the handshake being over. What it has decrypted already counts
    /// as received.
    pub tls: Option<Box<ServerConnection>>,
    /// Whose it is.
    pub five_tuple: FiveTuple,
    /// What the control plane counts clients with that have proved nothing. Dropped when this one
    /// has an allocation, or ends.
    pub place: Box<dyn Send>,
}

/// Why a connection ended. These are all the values of the `reason` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamEnd {
    /// The client closed it, or it broke.
    Closed,
    /// What came was neither STUN nor ChannelData, so nobody knows where the next message begins.
    NotFramed,
    /// No allocation, and no message in time, or more bytes than a client without one may send.
    Unproven,
    /// The client read nothing for a long time although something was to be read.
    Stalled,
    /// Another connection came with the same five-tuple, so this one is gone.
    Replaced,
    /// There were no descriptors, or no place in the worker's inbox.
    Capacity,
    /// A data connection (RFC 6062) ended, and with it the peer's; what that did is counted there.
    DataConnection,
}

impl StreamEnd {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::Closed,
        Self::NotFramed,
        Self::Unproven,
        Self::Stalled,
        Self::Replaced,
        Self::Capacity,
        Self::DataConnection,
    ];

    /// The value of the `reason` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::NotFramed => "not_framed",
            Self::Unproven => "unproven",
            Self::Stalled => "stalled",
            Self::Replaced => "replaced",
            Self::Capacity => "capacity",
            Self::DataConnection => "data_connection",
        }
    }
}
