//! The STUN and TURN server of kopru, as a pure state machine: packets in, verdicts out.
//!
//! ```text
//!                     FiveTuple + datagram                RelayedAddr + PeerAddr + datagram
//!                              │                                         │
//!                              ▼                                         ▼
//!                       handle_client                               handle_peer
//!                              │                                         │
//!        ┌───────────┬─────────┴──┬──────────────┐                       │
//!     request    indication   ChannelData     neither              peer_data.rs
//!   auth.rs, verb  send.rs  channel_data.rs      │                       │
//!        │           └─────┬──────┘              │                       │
//!     ToClient     ToPeer │ ToRelayed          Drop(reason)           ToClient
//! ```
//!
//! One datagram in, at most one out. The packet is edited where it lies: a header is taken off
//! towards the peer and put in front towards the client, a reply takes the place of its request.
//! Datagrams of one flow that come together in one packet are a *run* and looked up once.
//!
//! [`Server`] has ten functions and one accessor, and nothing else moves it:
//!
//! | function | |
//! |---|---|
//! | [`handle_client`](Server::handle_client) | a datagram from a client → [`Verdict`] |
//! | [`handle_peer`](Server::handle_peer) | a datagram from a peer → [`Verdict`] |
//! | [`handle_client_run`](Server::handle_client_run) | many of a client → [`RunVerdict`] |
//! | [`handle_peer_run`](Server::handle_peer_run) | many of a peer → [`RunVerdict`] |
//! | [`handle_icmp`](Server::handle_icmp) | what ICMP says of a datagram to a peer → [`Verdict`] |
//! | [`handle_timeout`](Server::handle_timeout) | ends what has expired |
//! | [`end_of_users`](Server::end_of_users) | ends what was taken back |
//! | [`poll_timeout`](Server::poll_timeout) | when that is wanted next |
//! | [`poll_event`](Server::poll_event) | what happened to allocations, and which were refused |
//! | [`counters`](Server::counters) | what was counted |
//!
//! Connections between relayed transport addresses and peers (RFC 6062) don't fit "one in, one
//! out": they are a sub-machine of their own, with six functions beside these, see `tcp.rs`.
//!
//! # Invariants
//!
//! - No IO, no clock, no randomness of its own: time and seed are arguments. The one hole in the
//!   wall is [`RelaySockets`].
//! - Before a client has proved that it knows a password, nothing about it is kept, and an error
//!   response is at most four times as long as its request. Who has not even echoed a nonce shares
//!   a budget of replies with its network, in a table that never grows.
//! - Only a value made by `auth.rs` reaches a verb that changes state.
//! - The relay path allocates nothing, copies no payload and writes no log line.
//! - Every silent discard has a [`DropReason`] and is counted; every table has a
//!   limit in [`limits`].
//! - An allocation that has expired is gone in that instant, whether or not the timer came by.
//!
//! # Where is …
//!
//! | section | file |
//! |---|---|
//! | RFC 8489 §6.3 receiving a message, 420 | `server.rs` |
//! | RFC 8489 §6.3.1.1 forming a response | `reply.rs`, codes in `reject.rs` |
//! | RFC 8489 §9.2 long-term credentials | `auth.rs`, `nonce.rs`, `users.rs`, `known_keys.rs` |
//! | RFC 8489 §12 Binding | `binding.rs` |
//! | RFC 5780 §6 Binding that shows what NATs do | `nat_discovery.rs` |
//! | RFC 8489 §16.2.1 replies to unproven sources | `reply_budget.rs`, `source_prefix.rs` |
//! | RFC 8656 §2 terms | `five_tuple.rs` |
//! | RFC 8656 §6, §9, §12 state | `allocation.rs`, `permission.rs`, `channel.rs` |
//! | where state lies, and is found | `allocations.rs`, `slab.rs`, `index.rs`, `timers.rs` |
//! | RFC 8656 §7.2 Allocate | `allocate.rs`, `relayed_addresses.rs`, `reservations.rs` |
//! | RFC 8656 §8.2 Refresh | `refresh.rs` |
//! | RFC 8656 §10.2 CreatePermission | `create_permission.rs` |
//! | RFC 8656 §12.2 ChannelBind | `channel_bind.rs` |
//! | RFC 8656 §11.2 Send, §12.6 ChannelData | `send.rs`, `channel_data.rs` |
//! | RFC 8656 §11.3, §12.7 a datagram from a peer | `peer_data.rs` |
//! | RFC 8656 §12.6, §12.7 many of them at once | `run.rs` |
//! | RFC 8656 §11.5 ICMP | `icmp.rs` |
//! | RFC 8656 §21.3.1 limits and rates | `limits.rs`, `rate.rs` |
//! | RFC 8656 §19 refusals that are told | `refusal.rs` |
//! | RFC 6062 §5.1 TCP allocations | `allocate.rs` |
//! | RFC 6062 §5.2 Connect, §5.4 ConnectionBind | `tcp/connect.rs`, `tcp/connection_bind.rs` |
//! | RFC 6062 §5.3 a connection from a peer | `tcp/connection_attempt.rs` |
//! | RFC 6062 §5.5 data connections | `tcp/data_connection.rs`, `tcp/peer_connection.rs` |
//! | RFC 8656 §14 DONT-FRAGMENT | [`Verdict::ToPeer`] says it, the shell does it |
//! | RFC 8656 §21 which peers may be reached | `peer_policy.rs`, `special_purpose.rs`, `cidr.rs` |
//!

pub mod five_tuple;
pub mod limits;
pub mod relay_sockets;

mod allocate;
mod allocation;
mod allocations;
mod auth;
mod binding;
mod channel;
mod channel_bind;
mod channel_data;
mod cidr;
mod counters;
mod create_permission;
mod event;
mod hashing;
mod icmp;
mod index;
mod known_keys;
mod nat_discovery;
mod nonce;
mod peer_data;
mod peer_policy;
mod permission;
mod rate;
mod refresh;
mod refusal;
mod reject;
mod relayed_addresses;
mod reply;
mod reply_budget;
mod reservations;
mod run;
mod send;
mod server;
mod settings;
mod slab;
mod source_prefix;
mod special_purpose;
mod tcp;
mod timers;
mod transaction_ids;
mod users;
mod verdict;

pub use cidr::{Cidr, CidrError};
pub use counters::{Counters, RequestMethod, Traffic};
pub use event::{EndReason, Ended, Event};
pub use icmp::IcmpError;
pub use limits::Limits;
pub use nat_discovery::NatDiscovery;
pub use peer_policy::PeerPolicy;
pub use rate::{Direction, PerSecond, RelayRate, UserRate};
pub use refusal::{RefusalReason, Refused};
pub use relay_sockets::RelaySockets;
pub use reply_budget::ReplyLimit;
pub use run::RunVerdict;
pub use server::Server;
pub use settings::Settings;
pub use source_prefix::SourcePrefix;
pub use tcp::PeerConnectionEnd;
pub use users::{UserKeys, Users};
pub use verdict::{DropReason, Verdict};
