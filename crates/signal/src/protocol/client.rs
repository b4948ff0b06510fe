//! What clients say.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::VERSION;
use super::calls::{CallStep, NewCall};
use super::fields::{Field, Fields, Init, object};
use super::json::Json;
use super::reports::{Report, Why};
use super::schema;
use crate::limits::{CONNECTION_CHARS_MAX, ID_CHARS_MAX, Limits, NEGOTIATION_MAX};
use crate::media::Media;
use crate::nat::Nat;
use crate::rejection::Rejection;
use crate::room_kind::RoomKind;

/// One frame from a client: the envelope and the message in it.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transform = schema::id_except_in_hello)]
pub struct Request<'a> {
    /// The client's name for it; absent only in a `hello`.
    #[schemars(length(min = 1, max = ID_CHARS_MAX))]
    pub id: Option<Cow<'a, str>>,
    /// The highest `seq` it has received.
    #[schemars(range(max = NEGOTIATION_MAX))]
    pub ack: Option<u64>,
    /// What it says.
    #[schemars(flatten)]
    pub message: ClientMessage<'a>,
}

/// A frame that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its `id`, as far as that could be read.
    pub id: Option<String>,
    /// What is wrong.
    pub rejection: Rejection,
}

impl<'a> Request<'a> {
    /// Reads one frame.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, Unreadable> {
        let unreadable = |rejection| Unreadable { id: None, rejection };
        if text.len() > limits.frame_bytes_max {
            return Err(unreadable(Rejection::FrameTooLarge));
        }
        let fields = Fields::split(text).map_err(unreadable)?;
        let id = fields.id.optional(|id| id.short("id", ID_CHARS_MAX)).map_err(unreadable)?;
        match Self::parse_fields(&fields, limits, id.is_some()) {
            Ok((ack, message)) => Ok(Self { id, ack, message }),
            Err(rejection) => Err(Unreadable { id: id.map(Cow::into_owned), rejection }),
        }
    }

    fn parse_fields(
        fields: &Fields<'a>,
        limits: &Limits,
        has_id: bool,
    ) -> Result<(Option<u64>, ClientMessage<'a>), Rejection> {
        let kind = fields.kind.text("type")?;
        let message = ClientMessage::parse(&kind, fields, limits)?;
        if !has_id && !matches!(message, ClientMessage::Hello(_)) {
            return Err(Rejection::MissingField("id"));
        }
        let ack = fields.ack.optional(|ack| ack.integer("ack", NEGOTIATION_MAX))?;
        Ok((ack, message))
    }
}

/// Everything that a client may say.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage<'a> {
    /// The first message of a connection.
    Hello(Hello<'a>),
    /// Enter a room.
    Join(Join<'a>),
    /// Change what others see of oneself.
    Update(Update<'a>),
    /// Leave a room.
    Leave(Leave<'a>),
    /// Offer, answer or rollback for one member.
    Description(Description<'a>),
    /// An ICE candidate for one member.
    Candidate(Candidate<'a>),
    /// Anything else for one member, or for all.
    Message(Message<'a>),
    /// Call somebody.
    Call(NewCall<'a>),
    /// How a connection is getting on.
    Report(Report<'a>),
    /// Ask for the story of a connection.
    Why(Why<'a>),
    /// Go on with another token, which is read by [`token_of`](super::token_of).
    #[schemars(description = "Go on with another token.", transform = schema::needs_token)]
    Token,
    /// Ask for fresh ICE servers.
    IceServers,
    /// A sign of life.
    Ping,
    /// Answer a call, end it, or tell how it gets on.
    #[schemars(untagged)]
    CallStep(CallStep<'a>),
}

impl<'a> ClientMessage<'a> {
    fn parse(kind: &str, fields: &Fields<'a>, limits: &Limits) -> Result<Self, Rejection> {
        Ok(match kind {
            "hello" => Self::Hello(Hello::parse(fields)?),
            "join" => Self::Join(Join::parse(fields, limits)?),
            "update" => Self::Update(Update::parse(fields, limits)?),
            "leave" => Self::Leave(Leave { room: fields.room.room()? }),
            "description" => Self::Description(Description::parse(fields)?),
            "candidate" => Self::Candidate(Candidate::parse(fields, limits)?),
            "message" => Self::Message(Message::parse(fields, limits)?),
            "call" => Self::Call(NewCall::parse(fields, limits)?),
            "ringing" => Self::CallStep(CallStep::ringing(fields)?),
            "accept" => Self::CallStep(CallStep::accept(fields)?),
            "reject" => Self::CallStep(CallStep::reject(fields)?),
            "hang_up" => Self::CallStep(CallStep::hang_up(fields)?),
            "call_state" => Self::CallStep(CallStep::report(fields)?),
            "report" => Self::Report(Report::parse(fields)?),
            "why" => Self::Why(Why::parse(fields)?),
            "token" => fields.token.text("token").map(|_| Self::Token)?,
            "ice_servers" => Self::IceServers,
            "ping" => Self::Ping,
            _ => return Err(Rejection::UnknownType),
        })
    }
}

/// The first message of a connection, in version [`VERSION`]. Its token is read by
/// [`token_of`](super::token_of).
#[derive(Clone, Debug, JsonSchema)]
#[schemars(description = "The first message of a connection.")]
#[schemars(transform = schema::may_bring_token, transform = schema::in_this_version)]
pub struct Hello<'a> {
    /// Names the session that this client had before.
    pub resume: Option<Cow<'a, str>>,
    /// What it can do.
    #[schemars(default)]
    pub capabilities: Capabilities,
}

impl<'a> Hello<'a> {
    fn parse(fields: &Fields<'a>) -> Result<Self, Rejection> {
        // First of all: in another version the other fields may mean something else.
        if fields.v.integer("v", NEGOTIATION_MAX)? != VERSION {
            return Err(Rejection::UnsupportedVersion);
        }
        fields.token.optional(|token| token.text("token"))?;
        let capabilities: Option<Capabilities> = fields.capabilities.optional(|capabilities| {
            let text = capabilities.json("capabilities")?.get();
            object(text).ok_or(Rejection::BadField("capabilities"))
        })?;
        Ok(Self {
            resume: fields.resume.optional(|resume| resume.text("resume"))?,
            capabilities: capabilities.unwrap_or_default(),
        })
    }
}

/// What a client says that it can do, as far as the server reads it.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Capabilities {
    /// Take back its own offer.
    pub rollback: bool,
    /// Restart ICE in a connection that exists.
    pub ice_restart: bool,
    /// Not take a candidate before its description: the server is to wait.
    pub hold_candidates: bool,
}

/// Enter a room.
#[derive(Clone, Debug, JsonSchema)]
pub struct Join<'a> {
    /// Its canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The display name in its canonical form.
    #[schemars(with = "Option<schema::DisplayName>")]
    pub name: String,
    /// A JSON object, as it came.
    #[schemars(with = "Option<schema::Object>")]
    pub meta: &'a RawValue,
    /// What it can send or take.
    #[schemars(with = "Option<Media>")]
    pub media: Media,
    /// What it has found out about its NAT.
    #[schemars(with = "Option<schema::NatOrNothing>")]
    pub nat: Option<Nat>,
    /// The member id that this session had in this room before.
    pub member: Option<Cow<'a, str>>,
    /// What kind of room it expects, or opens.
    pub kind: Option<RoomKind>,
}

impl<'a> Join<'a> {
    fn parse(fields: &Fields<'a>, limits: &Limits) -> Result<Self, Rejection> {
        let meta = fields.meta.optional(|meta| meta.raw_object("meta", limits.meta_bytes_max))?;
        Ok(Self {
            room: fields.room.room()?,
            name: fields.name.optional(Field::display_name)?.unwrap_or_default(),
            meta: meta.unwrap_or_else(empty_object),
            media: fields.media.optional(Field::media)?.unwrap_or_default(),
            nat: fields.nat.optional(Field::nat)?.flatten(),
            member: fields.member.optional(|member| member.text("member"))?,
            kind: fields.room_kind.optional(|kind| kind.one_of("kind"))?,
        })
    }
}

/// `{}`.
pub(crate) fn empty_object<'a>() -> &'a RawValue {
    serde_json::from_str("{}").expect("is JSON")
}

/// Change one's own name, meta, what one tells of one's NAT, or several of them.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(extend(
    "anyOf" = [{ "required": ["name"] }, { "required": ["meta"] }, { "required": ["nat"] }]
))]
pub struct Update<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The new display name.
    #[schemars(with = "Option<schema::DisplayName>")]
    pub name: Option<String>,
    /// The new meta, a JSON object.
    #[schemars(with = "Option<schema::Object>")]
    pub meta: Option<&'a RawValue>,
    /// What it tells of its NAT from now on: something, or nothing.
    #[schemars(with = "Option<schema::NatOrNothing>")]
    pub nat: Option<Option<Nat>>,
}

impl<'a> Update<'a> {
    fn parse(fields: &Fields<'a>, limits: &Limits) -> Result<Self, Rejection> {
        let update = Self {
            room: fields.room.room()?,
            name: fields.name.optional(Field::display_name)?,
            meta: fields.meta.optional(|meta| meta.raw_object("meta", limits.meta_bytes_max))?,
            nat: fields.nat.optional(Field::nat)?,
        };
        if update.name.is_none() && update.meta.is_none() && update.nat.is_none() {
            return Err(Rejection::MissingField("name"));
        }
        Ok(update)
    }
}

/// Leave a room.
#[derive(Clone, Debug, JsonSchema)]
pub struct Leave<'a> {
    /// Its canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
}

/// Offer, answer or rollback for one member.
#[derive(Clone, Debug, JsonSchema)]
pub struct Description<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The addressee's member id.
    pub to: Cow<'a, str>,
    /// Which connection of the two.
    #[schemars(length(min = 1, max = CONNECTION_CHARS_MAX))]
    pub connection: Cow<'a, str>,
    /// Which offer of the connection.
    #[schemars(range(max = NEGOTIATION_MAX))]
    pub negotiation: u64,
    /// What it does.
    #[schemars(skip)]
    pub kind: DescriptionKind,
    /// An `RTCSessionDescriptionInit`, as it came.
    #[schemars(with = "schema::SessionDescription")]
    pub description: Json<'a>,
    /// Whether the sender wants to know what became of it.
    #[schemars(default)]
    pub receipt: bool,
}

/// An `RTCSdpType`, as far as it makes a difference here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptionKind {
    /// Begins a negotiation.
    Offer,
    /// Answers an offer, for good or for now.
    Answer,
    /// Takes an offer back.
    Rollback,
}

impl<'a> Description<'a> {
    fn parse(fields: &Fields<'a>) -> Result<Self, Rejection> {
        let description = fields.description.whole.json("description")?;
        let kind = description_kind(&fields.description);
        Ok(Self {
            room: fields.room.room()?,
            to: fields.to.text("to")?,
            connection: fields.connection.short("connection", CONNECTION_CHARS_MAX)?,
            negotiation: fields.negotiation.integer("negotiation", NEGOTIATION_MAX)?,
            kind: kind.ok_or(Rejection::BadField("description"))?,
            description,
            receipt: fields.receipt()?,
        })
    }
}

fn description_kind(init: &Init<'_>) -> Option<DescriptionKind> {
    if init.is_unsound {
        return None;
    }
    let has_sdp = init.sdp.json("sdp").is_ok_and(|sdp| sdp.get().starts_with('"'));
    let (kind, is_whole) = match init.kind.text("type").ok()?.as_ref() {
        "offer" => (DescriptionKind::Offer, has_sdp),
        "answer" | "pranswer" => (DescriptionKind::Answer, has_sdp),
        "rollback" => (DescriptionKind::Rollback, has_sdp || init.sdp.is_absent()),
        _ => return None,
    };
    is_whole.then_some(kind)
}

/// An ICE candidate for one member.
#[derive(Clone, Debug, JsonSchema)]
pub struct Candidate<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The addressee's member id.
    pub to: Cow<'a, str>,
    /// Which connection of the two.
    #[schemars(length(min = 1, max = CONNECTION_CHARS_MAX))]
    pub connection: Cow<'a, str>,
    /// Which offer of the connection it belongs to, where the sender says so.
    #[schemars(range(max = NEGOTIATION_MAX))]
    pub negotiation: Option<u64>,
    /// An `RTCIceCandidateInit` or `null`, as it came.
    #[schemars(with = "schema::CandidateOrEnd")]
    pub candidate: Json<'a>,
    /// Whether the sender wants to know what became of it.
    #[schemars(default)]
    pub receipt: bool,
}

impl<'a> Candidate<'a> {
    fn parse(fields: &Fields<'a>, limits: &Limits) -> Result<Self, Rejection> {
        let candidate = fields.candidate.sized("candidate", limits.candidate_bytes_max)?;
        if !candidate.get().starts_with('{') && candidate.get() != "null" {
            return Err(Rejection::BadField("candidate"));
        }
        Ok(Self {
            room: fields.room.room()?,
            to: fields.to.text("to")?,
            connection: fields.connection.short("connection", CONNECTION_CHARS_MAX)?,
            negotiation: fields
                .negotiation
                .optional(|number| number.integer("negotiation", NEGOTIATION_MAX))?,
            candidate,
            receipt: fields.receipt()?,
        })
    }
}

/// Anything else for one member, or for all.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transform = schema::receipt_of_one)]
pub struct Message<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The addressee's member id; `None` for everybody else in the room.
    pub to: Option<Cow<'a, str>>,
    /// Any JSON value, as it came.
    #[schemars(with = "RawValue")]
    pub data: Json<'a>,
    /// Whether the sender wants to know what became of it; only with `to`.
    #[schemars(default)]
    pub receipt: bool,
}

impl<'a> Message<'a> {
    fn parse(fields: &Fields<'a>, limits: &Limits) -> Result<Self, Rejection> {
        let receipt = fields.receipt()?;
        if receipt && fields.to.is_absent() {
            return Err(Rejection::BadField("receipt"));
        }
        Ok(Self {
            room: fields.room.room()?,
            to: fields.to.optional(|to| to.text("to"))?,
            receipt,
            data: fields.data.sized("data", limits.message_bytes_max)?,
        })
    }
}

pub(super) fn token_of(text: &str) -> Option<String> {
    // That stands at the beginning of nearly every frame, which is not read twice then.
    let kind = Fields::kind_of(text)?;
    if !matches!(&*kind, "hello" | "token") {
        return None;
    }
    let fields = Fields::split(text).ok()?;
    fields.token.text("token").ok().map(Cow::into_owned)
}
