//! Calls: what clients say about them, and what the server says.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fields::{Field, Fields};
use super::schema;
use crate::call_state::{CallState, EndReason};
use crate::limits::Limits;
use crate::rejection::Rejection;

/// Call somebody.
#[derive(Clone, Debug, JsonSchema)]
pub struct NewCall<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// Whom to call in it.
    #[schemars(flatten, with = "schema::OneCallee")]
    pub callee: Callee<'a>,
    /// What to tell them: any JSON value, as it came.
    pub data: Option<&'a RawValue>,
    /// How long it may ring.
    #[schemars(range(min = 1))]
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
#[derive(Clone, Debug, JsonSchema)]
pub struct CallStep<'a> {
    /// The call's id.
    pub call: Cow<'a, str>,
    /// What the client does, or tells.
    #[schemars(flatten)]
    pub step: Step,
}

/// What a client does about a call, or tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
pub enum Step {
    /// It rings here.
    Ringing,
    /// Take it.
    Accept,
    /// Don't take it.
    Reject {
        /// Why.
        #[schemars(default)]
        reason: Refusal,
    },
    /// End it, or one's own part in it.
    HangUp {
        /// Why.
        #[schemars(default)]
        reason: Departure,
    },
    /// How its connections are getting on.
    #[schemars(rename = "call_state")]
    Report {
        /// So far they have come.
        state: Progress,
    },
}

/// Why a call is not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Somebody said no.
    #[default]
    Rejected,
    /// This device has another call.
    Busy,
}

/// Why a member goes out of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// Somebody hung up.
    #[default]
    HungUp,
    /// It can't be connected.
    Failed,
}

/// How the connections of a call are getting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
        let reason = fields.reason.optional(|reason| reason.one_of("reason"))?.unwrap_or_default();
        Self::new(fields, Step::Reject { reason })
    }

    pub(super) fn hang_up(fields: &Fields<'a>) -> Result<Self, Rejection> {
        let reason = fields.reason.optional(|reason| reason.one_of("reason"))?.unwrap_or_default();
        Self::new(fields, Step::HangUp { reason })
    }

    pub(super) fn report(fields: &Fields<'a>) -> Result<Self, Rejection> {
        Self::new(fields, Step::Report { state: fields.state.one_of("state")? })
    }

    fn new(fields: &Fields<'a>, step: Step) -> Result<Self, Rejection> {
        Ok(Self { call: fields.call.text("call")?, step })
    }
}

/// A call as it stands.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CallView<'a> {
    pub(crate) call: String,
    pub(crate) room: &'a str,
    pub(crate) caller: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) whole_room: Option<bool>,
    pub(crate) state: CallState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<EndReason>,
    pub(crate) members: Vec<CallMember<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<&'a RawValue>,
}

/// How far one member has come in a call.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CallMember<'a> {
    pub(crate) member: &'a str,
    pub(crate) state: CallState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<EndReason>,
}
