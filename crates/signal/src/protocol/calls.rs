//! Calls: what clients say about them, and what the server says.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::fields::{Field, Fields};
use crate::limits::Limits;
use crate::rejection::Rejection;

/// Call somebody.
#[derive(Clone, Debug)]
pub struct NewCall<'a> {
    /// The room's canonical name.
    pub room: Cow<'a, str>,
    /// Whom to call in it.
    pub callee: Callee<'a>,
    /// What to tell them: any JSON value, as it came.
    pub data: Option<&'a RawValue>,
    /// How long it may ring.
    pub timeout_s: Option<u64>,
}

/// Whom a call is for.
#[derive(Clone, Debug)]
pub enum Callee<'a> {
    /// The member of this id.
    Member(Cow<'a, str>),
    /// All devices of somebody; the first to accept is the one.
    Identity(Cow<'a, str>),
    /// Everybody in the room.
    WholeRoom,
}

impl<'a> NewCall<'a> {
    pub(super) fn parse(fields: &Fields<'a>, limits: &Limits) -> Result<Self, Rejection> {
        let to = fields.to.optional(|to| to.text("to"))?;
        let identity = fields.identity.optional(|identity| identity.text("identity"))?;
        let callee = match (to, identity) {
            (Some(_), Some(_)) => return Err(Rejection::BadField("identity")),
            (Some(member), None) => Callee::Member(member),
            (None, Some(identity)) => Callee::Identity(identity),
            (None, None) => Callee::WholeRoom,
        };
        let timeout_s_max = limits.ring_timeout_max.as_secs();
        let timeout_s = fields.timeout_s.optional(|timeout| {
            let seconds = timeout.integer("timeout_s", timeout_s_max)?;
            (seconds > 0).then_some(seconds).ok_or(Rejection::BadField("timeout_s"))
        })?;
        let data = |data: Field<'a>| data.raw_sized("data", limits.message_bytes_max);
        Ok(Self { room: fields.room.room()?, callee, data: fields.data.optional(data)?, timeout_s })
    }
}

/// One step of a call that exists.
#[derive(Clone, Debug)]
pub struct CallStep<'a> {
    /// The call's id.
    pub call: Cow<'a, str>,
    /// What the client does, or tells.
    pub step: Step,
}

/// What a client does about a call, or tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It rings here.
    Ringing,
    /// Take it.
    Accept,
    /// Don't take it.
    Reject(Refusal),
    /// End it, or one's own part in it.
    HangUp(Departure),
    /// How its connections are getting on.
    Report(Progress),
}

/// Why a call is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody said no.
    Rejected,
    /// This device has another call.
    Busy,
}

/// Why a member goes out of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Somebody hung up.
    HungUp,
    /// It can't be connected.
    Failed,
}

/// How the connections of a call are getting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// They are being made.
    Connecting,
    /// They carry media or data.
    Connected,
    /// They did, and are being repaired.
    Reconnecting,
}

impl<'a> CallStep<'a> {
    pub(super) fn ringing(fields: &Fields<'a>) -> Result<Self, Rejection> {
        Self::new(fields, Step::Ringing)
    }

    pub(super) fn accept(fields: &Fields<'a>) -> Result<Self, Rejection> {
        Self::new(fields, Step::Accept)
    }

    pub(super) fn reject(fields: &Fields<'a>) -> Result<Self, Rejection> {
        let reason = fields.reason.optional(|reason| reason.text("reason"))?;
        let refusal = match reason.as_deref() {
            None | Some("rejected") => Refusal::Rejected,
            Some("busy") => Refusal::Busy,
            Some(_) => return Err(Rejection::BadField("reason")),
        };
        Self::new(fields, Step::Reject(refusal))
    }

    pub(super) fn hang_up(fields: &Fields<'a>) -> Result<Self, Rejection> {
        let reason = fields.reason.optional(|reason| reason.text("reason"))?;
        let parting = match reason.as_deref() {
            None | Some("hung_up") => Departure::HungUp,
            Some("failed") => Departure::Failed,
            Some(_) => return Err(Rejection::BadField("reason")),
        };
        Self::new(fields, Step::HangUp(parting))
    }

    pub(super) fn report(fields: &Fields<'a>) -> Result<Self, Rejection> {
        let progress = match &*fields.state.text("state")? {
            "connecting" => Progress::Connecting,
            "connected" => Progress::Connected,
            "reconnecting" => Progress::Reconnecting,
            _ => return Err(Rejection::BadField("state")),
        };
        Self::new(fields, Step::Report(progress))
    }

    fn new(fields: &Fields<'a>, step: Step) -> Result<Self, Rejection> {
        Ok(Self { call: fields.call.text("call")?, step })
    }
}

/// A call as it stands.
#[derive(Serialize)]
pub(crate) struct CallView<'a> {
    pub(crate) call: String,
    pub(crate) room: &'a str,
    pub(crate) caller: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whole_room: Option<bool>,
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    pub(crate) members: Vec<CallMember<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a RawValue>,
}

/// How far one member has come in a call.
#[derive(Serialize)]
pub(crate) struct CallMember<'a> {
    pub(crate) member: &'a str,
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}
