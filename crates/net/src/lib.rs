//! Packets in and out of [`kopru_turn::Server`]: sockets, and one pinned thread for each core.
//!
//! ```text
//!              clients                                     peers
//!                 │ udp 3478                                 ▲ udp 49152-65535
//!     ┌───────────┴───────────┐                              │
//!     │ SO_REUSEPORT group    │   the kernel picks a member by the five-tuple's hash
//!     └─┬───────────────────┬─┘                              │
//!       ▼                   ▼                                │
//! ┌─ kopru-relay-0 ─┐ ┌─ kopru-relay-1 ─┐                    │
//! │ listeners       │ │ listeners       │  belong to the process: a restarted worker gets
//! │ epoll, bell     │ │ epoll, bell     │  its own back, so no group changes its size
//! │─────────────────│ │─────────────────│                    │
//! │ turn::Server    │ │ turn::Server    │  belong to the worker, and end with it
//! │ relay sockets ──┼─┼─ relay sockets ─┼────────────────────┘
//! └──▲──────────────┘ └─────────────▲───┘
//!    │      ┌────────────────┐      │
//!    └─────▶│ inbox │  inbox │◀─────┘        datagrams from one relayed transport address
//!           └────────────────┘               to another, without copy, lock or system call
//!        shared: ports, quotas, bars         but for the bell that wakes a sleeper
//! ```
//!
//! Clients over TCP and TLS are accepted by the control plane and come to a worker through its
//! inbox, one worker after the other.
//!
//! An allocation lives on one worker from its first to its last datagram: its five-tuple is hashed
//! there and its relay socket was opened there. Nothing on the way of a relayed datagram allocates,
//! locks or logs (but that an inbox makes each of its buffers once); what can't go on is counted
//! and forgotten, never waited for.
//!
//! Datagrams travel together where they come together, and nothing waits for company:
//!
//! ```text
//! recvmmsg, UDP_GRO          turn::Server               sendmsg, UDP_SEGMENT
//!  ┌──────────────┐     a run: one lookup, each    ┌───────────────────────────┐
//!  │ train of one │ ──▶ header checked, each   ──▶ │ pieces of the same bytes, │
//!  │ sender       │     datagram counted           │ cut again by the kernel   │
//!  ├──────────────┤                                ├───────────────────────────┤
//!  │ one datagram │ ──▶ as ever                ──▶ │ those in a row to one     │
//!  │ one datagram │ ──▶                        ──▶ │ destination, of one length│
//!  └──────────────┘                                └───────────────────────────┘
//! ```
//!
//! Between two allocations a run is handed over in memory: on one worker in the same bytes, to
//! another through its inbox with one copy.
//!
//! | file | has |
//! |---|---|
//! | `workers.rs`, `worker.rs` | the threads, and the loop that each of them runs |
//! | `worker/forward.rs` | from arrival to departure: datagrams, trains, runs |
//! | `driver.rs`, `driver/` | the seam to the network, and its Linux side |
//! | `driver/udp/arrivals.rs`, `flow.rs` | what a socket gives in its turn, and what it remembers |
//! | `driver/udp/departures.rs` | what leaves together |
//! | `listener.rs`, `relay_socket.rs`, `blanks.rs` | the two kinds of sockets, with their options |
//! | `listening.rs` | which addresses have listeners: a second port, NAT discovery |
//! | `stream.rs`, `stream/` | connections of clients over TCP and TLS |
//! | `tcp.rs`, `tcp/` | TCP towards peers (RFC 6062) |
//! | `relay_sockets.rs`, `ports.rs`, `port_set.rs`, `reservations.rs` | relayed addresses |
//! | `quota.rs`, `bars.rs` | how many each may have, who may have none, and who no longer |
//! | `endings.rs` | the control plane's way to end what users have |
//! | `inbox.rs`, `control.rs`, `stats.rs` | what threads say to each other |
//! | `sys.rs`, `sys/` | system calls; the only `unsafe` of the workspace |

#[cfg(test)]
extern crate self as kopru_net; // the tests' client calls this crate by its name

mod affinity;
mod bars;
mod batch;
mod blanks;
mod control;
mod driver;
mod endings;
mod entropy;
mod flow;
mod inbox;
mod listener;
mod listening;
mod port_set;
mod ports;
mod quota;
mod relay_socket;
mod relay_sockets;
mod reservations;
mod settings;
mod start_error;
mod stats;
mod stream;
mod sys;
mod tcp;
mod worker;
mod workers;

#[cfg(test)]
#[path = "../tests/client/mod.rs"]
mod client;
#[cfg(test)]
#[path = "../tests/train/mod.rs"]
mod train;

use std::io;
use std::net::IpAddr;

pub use bars::BarsFull;
pub use control::Event;
pub use endings::Endings;
pub use listener::RECEIVE_BUFFER_BYTES;
pub use settings::{PortRange, PortRangeError, RelayAddress, SecondPort, Settings};
pub use start_error::StartError;
pub use stats::{Loss, Snapshot, Streams};
// How messages are cut out of a stream: fuzzers hold it against what is written there.
pub use stream::frame::{FRAME_MAX, Frame, NotFramed};
pub use stream::handover::Handover;
pub use stream::incoming::Incoming;
pub use stream::{Stream, StreamEnd};
pub use workers::Workers;

/// The addresses of this host's interfaces that are up, in the order of the kernel, each once.
///
/// # Errors
/// When the system does not say.
pub fn own_addresses() -> io::Result<Vec<IpAddr>> {
    sys::interfaces::addresses()
}

/// Raises the number of descriptors this process may have open to the most it may raise it to,
/// and says how many that is.
///
/// # Errors
/// When the system refuses.
pub fn raise_open_files_limit() -> io::Result<u64> {
    sys::process::raise_open_files_limit()
}
