//! Rooms, members and the signaling protocol as a pure state machine.
//!
//! A **room** is a name that some people have in common. Whoever has joined it is a **member**: one
//! device of somebody in one room. Members see who else is there, and pass each other what
//! `RTCPeerConnection` needs to connect them: descriptions and candidates, which nobody here reads.
//! The room exists while it has members, and before, if it was made beforehand.
//!
//! A **session** is what one `hello` opened. It may be in several rooms, as one member in each. It
//! outlives its connection for a while, and all its members with it.
//!
//! ```text
//!  connection, session                          member (one for each room)
//!
//!     connect ──▶ greeting ──▶ close 4408           join ──▶ in the room ──▶ left
//!                    │  (10 s without hello)                  │  ▲   │
//!              hello │                                 update └──┘   ├──▶ disconnected
//!                    ▼                                               └──▶ timed_out
//!          ┌─────── open ─────▶ goodbye, refused too often ──▶ ended
//!     lost │         │  ▲                                        ▲
//!   silent │         └──┘                                        │ grace is over
//!          │  join, description, candidate,                      │
//!          │  message, update, leave, call, ping,                 │
//!          │  ice_servers, token                                 │
//!          ▼                                                     │
//!    reconnecting ───────────────────────────────────────────────┘
//!          │                       hello with resume ──▶ open
//!          └───────────────────────────────▲
//! ```
//!
//! When the last session of an identity has been over for as long, the allocations that were made
//! with its TURN credentials end too (`farewells.rs`).
//!
//! Members may **call** each other: the hub follows who rings, who accepts, how far they have come
//! and why it ended (`call.rs` has the states). A call ends with the last two who are in it.
//!
//! [`Hub`] is all of it. Whoever owns it has the sockets and the clock, and calls:
//!
//! | function | when |
//! |---|---|
//! | [`Hub::connect`] | a client has connected |
//! | [`Hub::locate`] | it is known from which network, where networks are counted |
//! | [`Hub::admit`] | it is known whose token a frame has, or that it is no good |
//! | [`Hub::handle`] | it has sent a frame |
//! | [`Hub::disconnect`] | its connection has ended, and how |
//! | [`Hub::relay_saw`] | the TURN server has seen something of a credential |
//! | [`Hub::handle_timeout`] | the time of [`Hub::poll_timeout`] has come |
//! | [`Hub::create_room`], [`Hub::close_room`] | a back end wants a room, or no longer |
//! | [`Hub::kick`], [`Hub::revoke`] | a back end wants somebody out |
//! | [`Hub::handle_beside`], [`Hub::deliver`] | there are [several](Hub::several) |
//!
//! A server may have several hubs, one for each core, that together have its rooms. What is
//! connected is on one of them: `component.rs` says how, `beside.rs` what one may need of another.
//!
//! Each puts what it wants done into an [`Outbox`]: frames to send and connections to close, in
//! order. There is no IO here, no clock, no randomness and no thread: time and the seed of all ids
//! are arguments, so every scenario is repeated exactly.
//!
//! The wire language is defined in `docs/protocol.md` and lives in [`protocol`]; every limit in
//! [`limits`]; every refusal in [`Rejection`].

mod announced;
mod answered;
mod beside;
mod bucket;
mod call;
mod call_state;
mod calling;
mod calls;
mod claims;
mod component;
mod connection;
mod deadlines;
mod evidence;
mod expulsion;
mod farewells;
mod hello;
mod hub;
mod ice_servers;
mod ids;
mod join;
mod leave;
pub mod limits;
mod listing;
mod liveness;
mod media;
mod member;
mod memory;
mod names;
mod nat;
mod negotiation;
mod new_room;
mod outbox;
mod paces;
mod places;
mod prediction;
mod presence;
mod private;
pub mod protocol;
mod recording;
mod redaction;
mod register;
mod rejection;
mod relay;
mod relay_only;
mod relay_sight;
mod reopening;
mod replay;
mod resume;
mod ringing;
mod room;
mod room_kind;
mod same_identity;
mod session;
mod sessions;
mod settings;
mod sights;
mod spread;
mod stats;
mod stories;
mod story;
mod telling;
mod terms;
mod timeline;
mod token;
mod update;
mod verdict;
mod watches;
mod whole;

pub use beside::Need;
pub use bucket::Bucket;
pub use claims::{Claims, Relay, RoomPattern, Subject};
pub use hub::{Handled, Hub};
pub use ice_servers::{IceServer, IceSettings, NatProbe};
pub use ids::{CredentialIds, ResumeKey};
pub use limits::{Limits, Rate};
pub use listing::{ListedRoom, MemberOfRoom, RoomList, RoomView};
pub use media::Media;
pub use memory::{Memory, Pressure, Share};
pub use names::RoomName;
pub use nat::{Behavior, Nat, Sure};
pub use new_room::{NewRoom, NewRoomRefused};
pub use outbox::{CloseReason, ConnId, ConnectionRecord, Outbox, Outgoing};
pub use paces::Paces;
pub use private::is_private;
pub use rejection::Rejection;
pub use relay_sight::{AllocationEnd, RefusedWhy, RelaySight, TurnTransport};
pub use resume::Parting;
pub use room_kind::RoomKind;
pub use same_identity::SameIdentity;
pub use sessions::Receipt;
pub use settings::Settings;
pub use spread::Spread;
pub use stats::{SetupTimes, Stats};
pub use telling::Asker;
pub use verdict::VerdictClass;
pub use whole::HubNumber;
