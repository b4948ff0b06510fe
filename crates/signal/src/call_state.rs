//! The states of a call and of its members, and the reasons for which it ends.

/// How far a call has come, or one of its members; in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
