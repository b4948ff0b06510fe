//! What clients report about a connection, and how they ask for its story.

use std::borrow::Cow;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::fields::{Field, Fields, object};
use super::schema;
use crate::limits::{CONNECTION_CHARS_MAX, REPORT_ERRORS_MAX, REPORT_TEXT_CHARS_MAX, SETUP_MS_MAX};
use crate::rejection::Rejection;
use crate::relay_sight::TurnTransport;

/// How one connection is getting on, as one of its two sides sees it.
#[derive(Clone, Debug, JsonSchema)]
pub struct Report<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The other side's member id.
    pub to: Cow<'a, str>,
    /// Which connection of the two.
    #[schemars(length(min = 1, max = CONNECTION_CHARS_MAX))]
    pub connection: Cow<'a, str>,
    /// The state of its ICE agent.
    pub state: IceState,
    /// How long it took from the beginning until it was connected.
    #[schemars(range(max = SETUP_MS_MAX))]
    pub setup_ms: Option<u32>,
    /// How many candidates it has gathered.
    pub candidates: Option<Gathered>,
    /// The pair that is used.
    pub pair: Option<Pair>,
    /// What went wrong while gathering.
    #[schemars(with = "Option<Vec<GatheringError>>", length(max = REPORT_ERRORS_MAX))]
    pub errors: Vec<GatheringError>,
}

impl<'a> Report<'a> {
    pub(super) fn parse(fields: &Fields<'a>) -> Result<Self, Rejection> {
        Ok(Self {
            room: fields.room.room()?,
            to: fields.to.text("to")?,
            connection: fields.connection.short("connection", CONNECTION_CHARS_MAX)?,
            state: fields.state.one_of("state")?,
            setup_ms: fields.setup_ms.optional(|ms| {
                let ms = ms.integer("setup_ms", SETUP_MS_MAX.into())?;
                u32::try_from(ms).map_err(|_| Rejection::BadField("setup_ms"))
            })?,
            candidates: fields.candidates.optional(|field| read(field, "candidates"))?,
            pair: fields.pair.optional(|field| read(field, "pair"))?,
            errors: fields.errors.optional(errors)?.unwrap_or_default(),
        })
    }
}

fn read<'a, T: Deserialize<'a>>(field: Field<'a>, name: &'static str) -> Result<T, Rejection> {
    object(field.json(name)?.get()).ok_or(Rejection::BadField(name))
}

fn errors(field: Field<'_>) -> Result<Vec<GatheringError>, Rejection> {
    let bad = Rejection::BadField("errors");
    let errors: Vec<GatheringError> =
        serde_json::from_str(field.json("errors")?.get()).map_err(|_| bad)?;
    let is_short = |text: &str| text.chars().count() <= REPORT_TEXT_CHARS_MAX;
    let is_good = errors.len() <= REPORT_ERRORS_MAX
        && errors.iter().all(|error| is_short(&error.url) && is_short(&error.text));
    if is_good { Ok(errors) } else { Err(bad) }
}

/// A question: why is this connection as it is?
#[derive(Clone, Debug, JsonSchema)]
pub struct Why<'a> {
    /// The room's canonical name.
    #[schemars(with = "schema::Room")]
    pub room: Cow<'a, str>,
    /// The other side's member id.
    pub to: Cow<'a, str>,
    /// Which connection of the two; the newest when absent.
    #[schemars(length(min = 1, max = CONNECTION_CHARS_MAX))]
    pub connection: Option<Cow<'a, str>>,
}

impl<'a> Why<'a> {
    pub(super) fn parse(fields: &Fields<'a>) -> Result<Self, Rejection> {
        Ok(Self {
            room: fields.room.room()?,
            to: fields.to.text("to")?,
            connection: fields
                .connection
                .optional(|connection| connection.short("connection", CONNECTION_CHARS_MAX))?,
        })
    }
}

/// W3C WebRTC §5.6.4: the state of an ICE agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IceState {
    /// It has nothing to do yet.
    New,
    /// It looks for a pair.
    Checking,
    /// It has found one.
    Connected,
    /// It has found the best one.
    Completed,
    /// Nothing arrives over it at the moment.
    Disconnected,
    /// It has found none, or lost it for good.
    Failed,
    /// The application has closed the connection.
    Closed,
}

/// RFC 8839 §5.1: the type of a candidate.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CandidateType {
    /// An address of the device itself.
    Host,
    /// What a STUN server saw.
    Srflx,
    /// What the partner saw.
    Prflx,
    /// An address of a relay.
    Relay,
}

/// How many candidates of each type a client has gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Gathered {
    /// Of the device itself.
    pub host: u16,
    /// As STUN servers saw it.
    pub srflx: u16,
    /// Of relays.
    pub relay: u16,
}

/// The pair of candidates that a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Pair {
    /// The reporter's.
    pub local: PairEnd,
    /// The other's.
    pub remote: PairEnd,
}

/// One end of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct PairEnd {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: CandidateType,
    /// What is spoken there.
    #[serde(default, deserialize_with = "some")]
    pub protocol: Option<Protocol>,
    /// What a relayed one's client speaks to its relay.
    #[serde(default, deserialize_with = "some")]
    pub relay_protocol: Option<TurnTransport>,
    /// Absent where the browser does not tell.
    #[serde(default, deserialize_with = "address")]
    #[schemars(with = "Option<String>")]
    pub address: Option<IpAddr>,
    /// Its port.
    #[serde(default, deserialize_with = "some")]
    pub port: Option<u16>,
}

/// A name that hides an address is none (draft-ietf-mmusic-mdns-ice-candidates), and no mistake.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    Ok(Cow::<'_, str>::deserialize(deserializer)?.parse().ok())
}

/// A field that is there: `null` is no absence.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// RFC 8839 §5.1: the transport of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// RFC 6544.
    Tcp,
}

/// W3C WebRTC §4.8.3: an `RTCPeerConnectionIceErrorEvent`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct GatheringError {
    /// The server that was asked.
    #[serde(default)]
    #[schemars(length(max = REPORT_TEXT_CHARS_MAX))]
    pub url: Box<str>,
    /// The STUN error code, or 701: no answer.
    pub code: u16,
    /// What the browser says about it.
    #[serde(default)]
    #[schemars(length(max = REPORT_TEXT_CHARS_MAX))]
    pub text: Box<str>,
}
