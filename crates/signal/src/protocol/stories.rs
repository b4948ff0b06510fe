//! The story of a connection, as it is told.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::reports::{CandidateType, Gathered, IceState, Protocol};
use crate::leave::LeaveReason;
use crate::nat::Sure;
use crate::relay_sight::{AllocationEnd, TurnTransport};
use crate::verdict::{Path, StoryState, VerdictClass};

/// A story, as far as its reader may know it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoryView<'a> {
    /// Absent where nothing has passed between the two, and there is nothing to find again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    pub(crate) room: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) connection: &'a str,
    pub(crate) members: [StoryMember<'a>; 2],
    pub(crate) state: StoryState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) setup_ms: Option<u32>,
    pub(crate) began_unix_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lasted_ms: Option<i64>,
    pub(crate) dropped: u32,
    /// Absent in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeline: Option<Vec<EntryView<'a>>>,
    pub(crate) verdict: VerdictView<'a>,
}

/// One of the two.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoryMember<'a> {
    pub(crate) member: &'a str,
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ice: Option<IceState>,
    pub(crate) candidates: Gathered,
}

/// One thing that happened.
#[derive(Serialize, JsonSchema)]
pub(crate) struct EntryView<'a> {
    /// From the story's beginning; what was before it is negative.
    pub(crate) at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) who: Option<&'a str>,
    pub(crate) what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u32>,
    #[serde(flatten)]
    pub(crate) detail: Option<Detail<'a>>,
}

/// What is to be said about it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Detail<'a> {
    Kinds(&'a [String]),
    Candidate(CandidateView),
    State(IceState),
    Pair(PairView),
    Error(ErrorView<'a>),
    Turn(TurnView),
    Reason(LeaveReason),
}

/// A candidate; its address only for who may know it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CandidateView {
    #[serde(rename = "type")]
    pub(crate) kind: CandidateType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relay_protocol: Option<TurnTransport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct PairView {
    pub(crate) local: CandidateView,
    pub(crate) remote: CandidateView,
}

/// An error; its texts only for who may know them.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<&'a str>,
    pub(crate) code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<&'a str>,
}

/// What TURN saw.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TurnView {
    Allocated {
        allocated: TurnTransport,
        #[serde(skip_serializing_if = "Option::is_none")]
        relayed_private: Option<bool>,
    },
    Refused {
        refused: u16,
        why: &'static str,
    },
    PeerRefused {
        peer_refused: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        peer: Option<IpAddr>,
    },
    Ended {
        ended: AllocationEnd,
        transport: TurnTransport,
        to_peers_bytes: u64,
        to_client_bytes: u64,
    },
}

/// Why it is as it is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VerdictView<'a> {
    pub(crate) class: VerdictClass,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whose: Option<&'a str>,
    pub(crate) sure: Sure,
    pub(crate) cause: String,
    pub(crate) cure: &'static str,
}

/// The answer to `why`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoryTold<'a> {
    pub(crate) story: StoryView<'a>,
}

/// The connections of one call.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CallStories<'a> {
    pub(crate) call: &'a str,
    pub(crate) connections: Vec<StoryView<'a>>,
}

/// Some of all stories, newest first.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StoryList<'a> {
    pub(crate) calls: Vec<StoryView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
