//! The states of a call and of its members, and the reasons for which it ends.

use schemars::JsonSchema;
use serde::Serialize;

use crate::protocol::{Departure, Refusal};

/// How far a call has come, or one of its members; in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallState {
    Inviting,
    Ringing,
    Accepted,
    Connecting,
    Reconnecting,
    Connected,
    Ended,
}

impl CallState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Inviting => "inviting",
            Self::Ringing => "ringing",
            Self::Accepted => "accepted",
            Self::Connecting => "connecting",
            Self::Reconnecting => "reconnecting",
            Self::Connected => "connected",
            Self::Ended => "ended",
        }
    }
}

/// Why a call is over, or over for one of its members.
///
/// In the order in which they speak for a call that nobody accepted: what a person did before what
/// only happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndReason {
    Rejected,
    Timeout,
    Busy,
    Left,
    Failed,
    HungUp,
    Cancelled,
    AnsweredElsewhere,
    /// Both called each other, and the other one's call goes on.
    Glare,
}

impl EndReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::Left => "left",
            Self::Failed => "failed",
            Self::HungUp => "hung_up",
            Self::Cancelled => "cancelled",
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::Glare => "glare",
        }
    }
}

impl From<Refusal> for EndReason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected => Self::Rejected,
            Refusal::Busy => Self::Busy,
        }
    }
}

impl From<Departure> for EndReason {
    fn from(departure: Departure) -> Self {
        match departure {
            Departure::HungUp => Self::HungUp,
            Departure::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_counted_has_the_name_that_is_told() {
        use CallState::{Accepted, Connected, Connecting, Ended, Inviting, Reconnecting, Ringing};
        for state in [Inviting, Ringing, Accepted, Connecting, Reconnecting, Connected, Ended] {
            assert_eq!(json!(state), state.as_str());
        }
        use EndReason::{AnsweredElsewhere, Cancelled, HungUp, Left, Rejected, Timeout};
        use EndReason::{Busy, Failed, Glare};
        for reason in [Rejected, Timeout, Busy, Left, Failed, HungUp, Cancelled, AnsweredElsewhere]
        {
            assert_eq!(json!(reason), reason.as_str());
        }
        assert_eq!(json!(Glare), Glare.as_str());
    }
}
