//! What the server says.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::calls::CallView;
use super::schema;
use super::stories::StoryTold;
use crate::ice_servers::{IceServer, NatProbe};
use crate::leave::LeaveReason;
use crate::media::Media;
use crate::nat::Nat;
use crate::prediction::Prediction;
use crate::rejection::Rejection;
use crate::room_kind::RoomKind;
use crate::sessions::Fate;

/// Everything that the server may say.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(transform = schema::numbered)]
pub(crate) enum ServerMessage<'a> {
    Welcome(Welcome<'a>),
    Joined(Joined<'a>),
    MemberJoined(MemberChange<'a>),
    MemberUpdated(MemberChange<'a>),
    MemberLeft(MemberChange<'a>),
    Left(PutOut<'a>),
    Description(RelayedDescription<'a>),
    Candidate(RelayedCandidate<'a>),
    Message(RelayedMessage<'a>),
    Call(CallView<'a>),
    Story(StoryTold<'a>),
    IceServers(IceServersPush<'a>),
    Receipt {
        of: &'a str,
        status: Fate,
    },
    /// In place of an offer that a newer one made useless before it arrived.
    Superseded {},
    Ok(Answer),
    Pong {},
    Error(Refused),
}

impl ServerMessage<'_> {
    /// Bytes of what is carried unread.
    fn payload_len(&self) -> usize {
        match self {
            Self::Description(it) => it.description.get().len(),
            Self::Candidate(it) => it.candidate.get().len(),
            Self::Message(it) => it.data.get().len(),
            _ => 0,
        }
    }
}

/// Room for what most messages have around their payload: no text grows while it is written.
const ENVELOPE_BYTES: usize = 192;

/// A message written once, from which the frames of several receivers are made.
///
/// ```text
///  {"type":"message",  "seq":8,  "re":"4",   "room":"lab","from":"m_…","data":…}
///  └─ head ──────────  └ each receiver's ┘   └─ the rest, the same for all ────┘
/// ```
pub(crate) struct Body {
    /// A JSON object that begins with its `type`.
    json: String,
    /// Where that ends.
    head_len: usize,
}

impl Body {
    pub(crate) fn of(message: &ServerMessage<'_>) -> Self {
        let mut json = Vec::with_capacity(message.payload_len() + ENVELOPE_BYTES);
        serde_json::to_writer(&mut json, message).expect("these types have a JSON form");
        let json = String::from_utf8(json).expect("JSON is text");
        // The names of types are words without a quote in them.
        let head_len = json.match_indices('"').nth(3).map_or(json.len(), |(at, _)| at + 1);
        Self { json, head_len }
    }

    /// Bytes of it, without what each receiver's frame adds.
    pub(crate) fn len(&self) -> usize {
        self.json.len()
    }

    /// The frame for one receiver; without `seq` where there is no session.
    pub(crate) fn frame(&self, seq: Option<u64>, re: Option<&str>) -> String {
        let (head, rest) = self.json.split_at(self.head_len);
        let re_len = re.map_or(0, str::len);
        let mut text = String::with_capacity(self.json.len() + re_len + 48);
        text.push_str(head);
        if let Some(seq) = seq {
            text.push_str(",\"seq\":");
            text.push_str(&seq.to_string());
        }
        if let Some(re) = re {
            text.push_str(",\"re\":");
            text.push_str(&serde_json::to_string(re).expect("a string has a JSON form"));
        }
        text.push_str(rest);
        text
    }
}

/// What `ok` says beside that it is done.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// To `update`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
    /// Said only where the addressee is reconnecting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) held: Option<bool>,
    /// To `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_ttl_s: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Welcome<'a> {
    pub(crate) v: u64,
    pub(crate) session: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) resume: String,
    pub(crate) resumed: bool,
    pub(crate) complete: bool,
    pub(crate) heartbeat_s: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_ttl_s: Option<u64>,
    #[serde(flatten)]
    pub(crate) ice: IceServersPush<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct IceServersPush<'a> {
    pub(crate) ice_servers: &'a [IceServer],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ice_ttl_s: Option<u64>,
    #[schemars(extend("enum" = ["all", "relay"]))]
    pub(crate) ice_transport_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nat_probe: Option<NatProbe<'a>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Joined<'a> {
    pub(crate) room: &'a str,
    pub(crate) kind: RoomKind,
    pub(crate) capacity: usize,
    pub(crate) member: &'a str,
    pub(crate) members: Vec<MemberView<'a>>,
    pub(crate) version: u64,
    /// Said only where the room allows nothing but relays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = "relay"))]
    pub(crate) ice_transport_policy: Option<&'static str>,
    /// Those that this member is in or called to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) calls: Vec<CallView<'a>>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct MemberChange<'a> {
    pub(crate) room: &'a str,
    pub(crate) member: MemberView<'a>,
    pub(crate) version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<LeaveReason>,
}

/// The receiver is no longer in a room, and did not ask for it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PutOut<'a> {
    pub(crate) room: &'a str,
    pub(crate) member: &'a str,
    pub(crate) reason: LeaveReason,
}

/// One member as another one sees it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MemberView<'a> {
    pub(crate) member: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) name: &'a str,
    #[schemars(with = "schema::Object")]
    pub(crate) meta: &'a RawValue,
    /// The receiver's part towards this member.
    pub(crate) polite: bool,
    /// Said only where the receiver must not offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offers: Option<bool>,
    /// Said only while its connection is lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reconnecting: Option<bool>,
    /// Said only where one of the two can't restart ICE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ice_restart: Option<bool>,
    /// What both can, of the kinds of media of which both say something.
    #[serde(skip_serializing_if = "Media::is_empty")]
    pub(crate) common: Media,
    /// The kinds of which both say something and have nothing in common.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) nothing_in_common: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nat: Option<&'a Nat>,
    /// Where both have told something of their NATs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prediction: Option<Prediction>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct RelayedDescription<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) connection: &'a str,
    pub(crate) negotiation: u64,
    #[schemars(with = "schema::SessionDescription")]
    pub(crate) description: &'a RawValue,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct RelayedCandidate<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) connection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negotiation: Option<u64>,
    #[schemars(with = "schema::CandidateOrEnd")]
    pub(crate) candidate: &'a RawValue,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct RelayedMessage<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) data: &'a RawValue,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Refused {
    #[schemars(extend("enum" = &Rejection::CODES[..]))]
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

impl Refused {
    pub(crate) fn new(rejection: Rejection, retry_after_s: Option<u32>) -> Self {
        Self {
            code: rejection.code(),
            message: rejection.message().into_owned(),
            field: rejection.field(),
            retry_after_s,
        }
    }
}
