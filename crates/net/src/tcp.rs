//! RFC 6062: TCP towards peers. The sockets of one worker, and what they carry.
//!
//! ```text
//!   client                         worker                              peer
//!          control connection   ┌────────────┐
//!     ──── stream::Connection ──┤ turn core  │        Listener ◀──────── connects
//!                               └────────────┘            │ at the door: kept, or closed
//!     ConnectionBind            ┌────────────────────────────────┐
//!     ──── stream::Connection ─▶│ Link ──▶ Pipe to peer   ──▶ TCP├──────▶
//!          becomes this Link    │      ◀── Pipe to client ◀──    │◀──────
//!                               └───────── PeerConnection ───────┘
//! ```
//!
//! A pipe reads a piece when everything before it was taken by the other side, and not earlier: so
//! at most one piece waits here in each direction, and a reader that is slow makes TCP tell the
//! writer. Until a client has come for a connection, what its peer sends waits in the kernel.
//!
//! All of it sleeps on an epoll set of its own, which lies in the worker's: who relays datagrams
//! pays nothing for it.
//!
//! | file | has |
//! |---|---|
//! | `crew.rs` | CONNECTION-ID, which tells the worker |
//! | `listener.rs` | the socket of a relayed transport address, and those that leave from there |
//! | `pipe.rs` | one direction of a connection |
//! | `peer_connection.rs` | one connection |
//! | `peer_sockets.rs` | all of a worker's |

pub(crate) mod crew;
pub(crate) mod listener;
pub(crate) mod peer_connection;
pub(crate) mod peer_sockets;
pub(crate) mod pipe;
