//! Bytes ⇄ messages: STUN (RFC 8489), the attributes and ChannelData of TURN (RFC 8656), and the
//! credentials that signaling mints and TURN checks.
//!
//! ```text
//!   first byte ──▶ demux ──┬─ 0..=3    Message         ◀── parse      a checked view, no copy
//!                          │           MessageBuilder  ──▶ finish     into a given buffer
//!                          └─ 64..=79  ChannelHeader   ◀── read       4 bytes, nothing more
//!
//!             ┌────────────┬────────────┬───────────────────────────────────────┐
//!   STUN      │ type       │ length     │ magic cookie, transaction ID          │  20 bytes
//!             ├────────────┼────────────┼────────────────────────────┬──────────┤
//!             │ attribute  │ length     │ value                      │ padding  │  any number,
//!             ├────────────┼────────────┼────────────────────────────┼──────────┤  each a multiple
//!             │ …          │            │                            │          │  of 4 bytes
//!             └────────────┴────────────┴────────────────────────────┴──────────┘
//!             ┌────────────┬────────────┬───────────────────────────────────────┐
//!   Channel   │ number     │ length     │ application data                      │
//!   Data      └────────────┴────────────┴───────────────────────────────────────┘
//! ```
//!
//! | section | file |
//! |---|---|
//! | RFC 8489 §5 STUN Message Structure | `header.rs`, `method.rs` |
//! | RFC 8489 §6.1, §6.3.1.1 forming messages | `builder.rs` |
//! | RFC 8489 §6.3 Receiving a STUN Message | `message.rs` |
//! | RFC 8489 §9.2.2 HMAC Key, §18.5.1; TURN REST credentials | `credentials.rs` |
//! | RFC 8489 §14, RFC 8656 §18, RFC 5780 §7 | `attribute.rs`; attribute X in `attribute/x.rs` |
//! | RFC 8265 §4.2 OpaqueString Profile | `credentials/opaque_string.rs` |
//! | RFC 8656 §12 Table 3, RFC 7983 §7 | `demux.rs` |
//! | RFC 8656 §12.4 The ChannelData Message | `channel_data.rs` |
//! | RFC 8656 §12.6, §12.7 many datagrams in one packet | `run.rs` |
//! | RFC 8656 §17 STUN Methods | `method.rs` |
//! | RFC 8656 §19 STUN Error Response Codes | `attribute/error_code.rs` |
//!
//! Nothing here does IO, reads a clock or allocates on the way of a packet; only minting and
//! deriving credentials allocate. No bytes make it panic, and nothing behind a declared length is
//! ever read.

pub mod attribute;
mod builder;
pub mod channel_data;
pub mod credentials;
pub mod demux;
mod error;
mod header;
mod message;
mod method;
pub mod packet;
pub mod run;
pub mod time;

pub use builder::MessageBuilder;
pub use error::ParseError;
pub use header::{HEADER_LEN, MAGIC_COOKIE, TransactionId};
pub use message::{Attributes, Integrity, Message};
pub use method::{Class, MessageType, Method};
