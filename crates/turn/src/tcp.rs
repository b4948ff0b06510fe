//! RFC 6062: Traversal Using Relays around NAT (TURN) Extensions for TCP Allocations. The
//! sub-machine beside the relaying of datagrams: connections between relayed transport addresses
//! and peers.
//!
//! ```text
//!  Connect ──▶ connecting ──▶ pending ──▶ bound ──▶ closed
//!              │ 30 s: 447      ▲ │ 30 s    ▲ │
//!              ▼                │ ▼         │ ▼
//!            closed        accepted  ConnectionBind      every arrow to "closed" is counted
//! ```
//!
//! The bytes of a connection never come here: the shell carries them, between sockets that it was
//! told to splice, and asks before each piece whether it may go.
//!
//! | function | |
//! |---|---|
//! | [`handle_connected`](Server::handle_connected) | what became of a connection to a peer |
//! | [`handle_accepted`](Server::handle_accepted) | a peer has connected |
//! | [`handle_disconnected`](Server::handle_disconnected) | a connection has ended |
//! | [`poll_message`](Server::poll_message) | what is to be sent to a client for it |
//! | [`piece_wait`](Server::piece_wait) | when a piece may be carried |
//! | [`relay_piece`](Server::relay_piece) | that it was |

mod connect;
mod connection_attempt;
mod connection_bind;
mod data_connection;
mod message;
mod peer_connection;
mod peer_connection_end;

use std::collections::VecDeque;
use std::time::Instant;

use crate::Server;
use crate::hashing::KeyedHash;
use crate::tcp::message::Message;
use crate::tcp::peer_connection::PeerConnections;

pub use peer_connection_end::PeerConnectionEnd;

/// What a server knows of TCP towards peers.
pub(crate) struct TcpRelay {
    connections: PeerConnections,
    /// One at most for each connection that was made, until the shell fetches them.
    messages: VecDeque<Message>,
}

impl TcpRelay {
    pub(crate) fn new(hash: KeyedHash) -> Self {
        Self { connections: PeerConnections::new(hash), messages: VecDeque::new() }
    }

    /// When the next connection has waited long enough.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.connections.next_timeout()
    }
}

impl Server {
    /// Counts a connection that is in no table any more, or never was.
    fn count_end(&mut self, why: PeerConnectionEnd) {
        self.counters.peer_connections = self.tcp.connections.len() as u64;
        self.counters.count_peer_connection_end(why);
    }
}
