//! The wire language, version 1: everything that `docs/protocol.md` defines, as types.
//!
//! Payloads (`sdp`, `candidate`, `data`, `meta`) are slices of the text they came in, and go out
//! byte for byte.

mod calls;
mod client;
mod fields;
mod json;
mod object;
mod reports;
mod scan;
mod schema;
mod server;
mod stories;

pub(crate) use calls::{CallMember, CallView};
pub use calls::{CallStep, Callee, Departure, NewCall, Progress, Refusal, Step};
pub(crate) use client::empty_object;
pub use client::{
    Candidate, Capabilities, ClientMessage, Description, DescriptionKind, Hello, Join, Leave,
    Message, Request, Unreadable, Update,
};
pub use json::Json;
pub use reports::{
    CandidateType, Gathered, GatheringError, IceState, Pair, PairEnd, Protocol, Report, Why,
};
pub use schema::{client_schema, server_schema, story_list_schema, story_schema};
pub(crate) use server::{
    Answer, Body, Frame, IceServersPush, Joined, MemberChange, MemberView, PutOut, Refused,
    RelayedCandidate, RelayedDescription, RelayedMessage, ServerMessage, Welcome,
};

pub(crate) use stories::{
    CallStories, CandidateView, Detail, EntryView, ErrorView, PairView, StoryList, StoryMember,
    StoryTold, StoryView, TurnView, VerdictView,
};

/// The language that this server speaks.
pub const VERSION: u64 = 1;

/// The token inside `text` if that is a `hello` or a `token` with one: for whoever verifies tokens
/// before [`Hub::admit`](crate::Hub::admit).
#[must_use]
pub fn token_of(text: &str) -> Option<String> {
    client::token_of(text)
}
