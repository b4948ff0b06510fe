//! Why a connection is as it is: a pure function of what is known of it.
//!
//! ```text
//!   connected? ──▶ direct, or relayed
//!       │ no
//!   what TURN itself said ──▶ revoked, credential, clock, quota
//!       │ nothing
//!   failed, or over? ──▶ private relay, forbidden peer, a network that lets too little through,
//!       │ no              two symmetric NATs, no common codec, partner gone, unknown
//!       ▼
//!   connecting
//! ```
//!
//! The first that is true is told. What somebody saw comes before what is inferred from nothing
//! being seen.

mod class;
mod network;
mod relay;

use schemars::JsonSchema;
use serde::Serialize;

pub use self::class::VerdictClass;
use crate::evidence::{Evidence, Ways};
use crate::leave::LeaveReason;
use crate::nat::Sure;

/// What is known of a connection.
pub(crate) struct Case<'a> {
    pub(crate) state: StoryState,
    pub(crate) path: Option<Path>,
    /// Whether the two were ever connected.
    pub(crate) was_connected: bool,
    pub(crate) has_offer: bool,
    pub(crate) has_answer: bool,
    /// They began anew after some time, since nothing had come of it.
    pub(crate) has_stalled: bool,
    /// The kinds that both want, with nothing in common.
    pub(crate) nothing_in_common: &'a [String],
    pub(crate) sides: [&'a Evidence; 2],
    /// What the two are called.
    pub(crate) names: [&'a str; 2],
    /// By which ways this server hands out relays.
    pub(crate) offered: Ways,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoryState {
    Connecting,
    Connected,
    Reconnecting,
    Failed,
    Ended,
}

/// Whether media goes through a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Path {
    Direct,
    Relayed,
}

impl Path {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
        }
    }
}

/// What it comes to, in words for developers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) class: VerdictClass,
    /// On which side it lies, if on one.
    pub(crate) whose: Option<usize>,
    pub(crate) sure: Sure,
    pub(crate) cause: String,
    pub(crate) cure: &'static str,
}

/// Says why.
pub(crate) fn judge(case: &Case<'_>) -> Verdict {
    if let Some(verdict) = connected(case) {
        return verdict;
    }
    if case.state == StoryState::Ended && case.was_connected {
        let cause = format!("They were connected, {}, and it is over.", case.by_path());
        return Verdict::of(VerdictClass::Ended, Sure::Certain, cause, NOTHING_TO_DO);
    }
    if let Some(verdict) = relay::refused(case) {
        return verdict;
    }
    // Who restarts ICE in time never hears that it has failed.
    let has_failed = case.has_stalled || case.sides.iter().any(|side| side.has_failed);
    if !has_failed && case.state != StoryState::Ended {
        return connecting(case);
    }
    // Who is gone has not failed, unless it has said so.
    let gone = if has_failed { None } else { codecs(case).or_else(|| partner_gone(case)) };
    gone.or_else(|| relay::out_of_reach(case))
        .or_else(|| if case.was_connected { None } else { network::too_little(case) })
        .or_else(|| codecs(case))
        .or_else(|| partner_gone(case))
        .unwrap_or_else(|| unknown(case))
}

fn connected(case: &Case<'_>) -> Option<Verdict> {
    if !matches!(case.state, StoryState::Connected | StoryState::Reconnecting) {
        return None;
    }
    let (class, sure) = match case.path {
        Some(Path::Direct) => (VerdictClass::ConnectedDirect, Sure::Certain),
        Some(Path::Relayed) => (VerdictClass::ConnectedRelayed, Sure::Certain),
        None => (VerdictClass::ConnectedDirect, Sure::Guess),
    };
    let mut cause = format!("They are connected, {}.", case.by_path());
    if case.state == StoryState::Reconnecting {
        cause = format!("They were connected, {}; at the moment nothing arrives.", case.by_path());
    }
    if !case.nothing_in_common.is_empty() {
        let kinds = case.nothing_in_common.join(" and ");
        cause.push_str(&format!(" But they have nothing in common for {kinds}, so none is seen."));
    }
    let cure = match case.state {
        StoryState::Reconnecting => "Wait some seconds, then restart ICE on either side.",
        _ => NOTHING_TO_DO,
    };
    Some(Verdict::of(class, sure, cause, cure))
}

fn connecting(case: &Case<'_>) -> Verdict {
    if case.was_connected {
        let cause = "They were connected, and are being connected anew.".to_owned();
        return Verdict::of(VerdictClass::Connecting, Sure::Certain, cause, LOOK_AGAIN);
    }
    let reports = case.sides.iter().any(|side| side.ice.is_some());
    let (cause, cure) = match (case.has_offer, case.has_answer) {
        (false, _) if !case.nothing_in_common.is_empty() => {
            return codecs(case).unwrap_or_else(|| unknown(case));
        }
        (false, _) => ("Nobody has made an offer yet.", "Let the impolite one of the two offer."),
        (true, false) => (
            "There is an offer, and no answer yet.",
            "Look at the application of who is to answer: does it handle `description`?",
        ),
        (true, true) if reports => {
            ("Offer and answer are there; ICE looks for a pair.", LOOK_AGAIN)
        }
        (true, true) => (
            "Offer and answer are there; neither side has reported its ICE state.",
            "Send `report` when the ICE state changes, so that the rest can be told.",
        ),
    };
    Verdict::of(VerdictClass::Connecting, Sure::Certain, cause.to_owned(), cure)
}

fn codecs(case: &Case<'_>) -> Option<Verdict> {
    if case.nothing_in_common.is_empty() {
        return None;
    }
    let kinds = case.nothing_in_common.join(" and ");
    let cause = format!("They have no codec or protocol for {kinds} in common.");
    // Where ICE was begun all the same, something else may have kept it from its end.
    let was_begun = case.sides.iter().any(|side| side.has_failed);
    let sure = if was_begun { Sure::Guess } else { Sure::Certain };
    let cure = "Let both sides name one more at `join` that the other can: in browsers opus for \
                audio, VP8 or H264 for video.";
    Some(Verdict::of(VerdictClass::NoCommonCodec, sure, cause, cure))
}

fn partner_gone(case: &Case<'_>) -> Option<Verdict> {
    let is_gone = |side: &&Evidence| side.left.is_some() || side.is_away;
    let whose = case.sides.iter().position(is_gone)?;
    let (name, side) = (case.names[whose], case.sides[whose]);
    let how = match side.left {
        Some(LeaveReason::Left) => "left the room",
        Some(LeaveReason::Disconnected) => "lost its connection to this server, and did not return",
        Some(LeaveReason::TimedOut) => "was not heard of any more, and did not return",
        Some(LeaveReason::Replaced) => "joined on another device, which took its place",
        Some(LeaveReason::NotAllowed) => "was not allowed to stay",
        Some(LeaveReason::Kicked) => "was put out of the room by the application",
        Some(LeaveReason::RoomClosed) => "was there until the application closed the room",
        Some(LeaveReason::Revoked) => "had its access taken back",
        None => "has lost its connection to this server for the moment",
    };
    let verdict = Verdict::of(
        VerdictClass::PartnerGone,
        if side.left.is_some() { Sure::Certain } else { Sure::Likely },
        format!("{name} {how}, before they were connected."),
        "Drop the connection, and make a new one when that member is there again.",
    );
    Some(Verdict { whose: Some(whose), ..verdict })
}

fn unknown(case: &Case<'_>) -> Verdict {
    let silent = case.sides.iter().position(|side| side.ice.is_none());
    let (cause, cure) = match (case.was_connected, silent) {
        (true, _) => (
            "They were connected, then the path was lost, and no other was found.".to_owned(),
            "Restart ICE, or begin a new connection. Look at the timeline: did somebody change \
             networks?",
        ),
        (false, Some(side)) => (
            format!("{} has not reported its ICE state, so only half is known.", case.names[side]),
            "Send `report` from both sides, then ask again.",
        ),
        (false, None) => (
            "ICE failed, and nothing that was seen says why.".to_owned(),
            "Compare the candidates of both sides in the timeline with what firewalls between them \
             let through, and try `iceTransportPolicy: \"relay\"` on both.",
        ),
    };
    Verdict::of(VerdictClass::Unknown, Sure::Guess, cause, cure)
}

impl Verdict {
    fn of(class: VerdictClass, sure: Sure, cause: String, cure: &'static str) -> Self {
        Self { class, whose: None, sure, cause, cure }
    }
}

impl Case<'_> {
    fn by_path(&self) -> &'static str {
        match self.path {
            Some(Path::Direct) => "without a relay",
            Some(Path::Relayed) => "through a relay",
            None => "over a pair that neither side has told",
        }
    }

    /// The first side of which something is true, and that.
    fn find<T>(&self, of: impl Fn(&Evidence) -> Option<T>) -> Option<(usize, T)> {
        let mut sides = self.sides.iter().enumerate();
        sides.find_map(|(side, evidence)| Some((side, of(evidence)?)))
    }

    /// A verdict about one side, whose name begins the sentence.
    fn about(&self, side: usize, (class, sure): (VerdictClass, Sure), words: Words<'_>) -> Verdict {
        let cause = words.cause.replace("{who}", self.names[side]);
        let cause = cause.replace("{partner}", self.names[1 - side]);
        Verdict { whose: Some(side), ..Verdict::of(class, sure, cause, words.cure) }
    }
}

/// Cause and cure, with `{who}` and `{partner}` in place of names.
struct Words<'a> {
    cause: &'a str,
    cure: &'static str,
}

const NOTHING_TO_DO: &str = "Nothing to repair.";
const LOOK_AGAIN: &str = "Ask again in some seconds.";
