//! What the server says.

use serde::Serialize;
use serde_json::value::RawValue;

use super::calls::CallView;
use crate::ice_servers::IceServer;
use crate::media::Media;
use crate::rejection::Rejection;
use crate::room_kind::RoomKind;

/// Everything that the server may say.
#[derive(Serialize)]
#[serde(untagged)]
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
    IceServers(IceServersPush<'a>),
    Receipt {
        of: &'a str,
        status: &'static str,
    },
    /// In place of an offer that a newer one made useless before it arrived.
    Superseded {},
    Ok(Answer),
    Pong {},
    Error(Refused),
}

impl ServerMessage<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Joined(_) => "joined",
            Self::MemberJoined(_) => "member_joined",
            Self::MemberUpdated(_) => "member_updated",
            Self::MemberLeft(_) => "member_left",
            Self::Left(_) => "left",
            Self::Description(_) => "description",
            Self::Candidate(_) => "candidate",
            Self::Message(_) => "message",
            Self::Call(_) => "call",
            Self::IceServers(_) => "ice_servers",
            Self::Receipt { .. } => "receipt",
            Self::Superseded {} => "superseded",
            Self::Ok(_) => "ok",
            Self::Pong {} => "pong",
            Self::Error(_) => "error",
        }
    }

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
///  └─ kind ─────────┘  └ each receiver's ┘   └─ body, the same for all ────────┘
/// ```
pub(crate) struct Body {
    kind: &'static str,
    /// A JSON object.
    json: String,
}

impl Body {
    pub(crate) fn of(message: &ServerMessage<'_>) -> Self {
        let mut json = Vec::with_capacity(message.payload_len() + ENVELOPE_BYTES);
        serde_json::to_writer(&mut json, message).expect("these types have a JSON form");
        let json = String::from_utf8(json).expect("JSON is text");
        Self { kind: message.kind(), json }
    }

    /// The frame for one receiver; without `seq` where there is no session.
    pub(crate) fn frame(&self, seq: Option<u64>, re: Option<&str>) -> String {
        let re_len = re.map_or(0, str::len);
        let mut text = String::with_capacity(self.json.len() + self.kind.len() + re_len + 48);
        text.push_str("{\"type\":\"");
        text.push_str(self.kind);
        text.push('"');
        if let Some(seq) = seq {
            text.push_str(",\"seq\":");
            text.push_str(&seq.to_string());
        }
        if let Some(re) = re {
            text.push_str(",\"re\":");
            text.push_str(&serde_json::to_string(re).expect("a string has a JSON form"));
        }
        match self.json.strip_prefix('{') {
            Some(rest) if rest != "}" => {
                text.push(',');
                text.push_str(rest);
            }
            _ => text.push('}'),
        }
        text
    }
}

/// What `ok` says beside that it is done.
#[derive(Default, Serialize)]
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

#[derive(Serialize)]
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

#[derive(Serialize)]
pub(crate) struct IceServersPush<'a> {
    pub(crate) ice_servers: &'a [IceServer],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ice_ttl_s: Option<u64>,
    pub(crate) ice_transport_policy: &'static str,
}

#[derive(Serialize)]
pub(crate) struct Joined<'a> {
    pub(crate) room: &'a str,
    pub(crate) kind: RoomKind,
    pub(crate) capacity: usize,
    pub(crate) member: &'a str,
    pub(crate) members: Vec<MemberView<'a>>,
    pub(crate) version: u64,
    /// Said only where the room allows nothing but relays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ice_transport_policy: Option<&'static str>,
    /// Those that this member is in or called to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) calls: Vec<CallView<'a>>,
}

#[derive(Serialize)]
pub(crate) struct MemberChange<'a> {
    pub(crate) room: &'a str,
    pub(crate) member: MemberView<'a>,
    pub(crate) version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
}

/// The receiver is no longer in a room, and did not ask for it.
#[derive(Serialize)]
pub(crate) struct PutOut<'a> {
    pub(crate) room: &'a str,
    pub(crate) member: &'a str,
    pub(crate) reason: &'static str,
}

/// One member as another one sees it.
#[derive(Serialize)]
pub(crate) struct MemberView<'a> {
    pub(crate) member: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) name: &'a str,
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
}

#[derive(Serialize)]
pub(crate) struct RelayedDescription<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) connection: &'a str,
    pub(crate) negotiation: u64,
    pub(crate) description: &'a RawValue,
}

#[derive(Serialize)]
pub(crate) struct RelayedCandidate<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) connection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negotiation: Option<u64>,
    pub(crate) candidate: &'a RawValue,
}

#[derive(Serialize)]
pub(crate) struct RelayedMessage<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) data: &'a RawValue,
}

#[derive(Serialize)]
pub(crate) struct Refused {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self {
            code: rejection.code(),
            message: rejection.message().into_owned(),
            field: rejection.field(),
            retry_after_s: rejection.retry_after_s(),
        }
    }
}
