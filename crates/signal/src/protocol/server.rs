//! What the server says.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::calls::CallView;
use super::json::Json;
use super::object::{Object, push_number, push_string};
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

/// What can become a frame of a receiver, which has its own `seq`.
pub(crate) trait Frame {
    /// Writes the frame; without `seq` where there is no session, with `re` if it answers.
    fn write(&self, text: &mut String, seq: Option<u64>, re: Option<&str>);

    /// The frame by itself.
    fn frame(&self, seq: Option<u64>, re: Option<&str>) -> String {
        let mut text = String::new();
        self.write(&mut text, seq, re);
        text
    }
}

impl Frame for ServerMessage<'_> {
    fn write(&self, text: &mut String, seq: Option<u64>, re: Option<&str>) {
        if !self.write_often(text, seq, re) {
            Body::of(self).write(text, seq, re);
        }
    }
}

impl ServerMessage<'_> {
    /// Writes what is said all the time, past serde, to which a payload can't be given unread.
    /// `false`: it is something else.
    fn write_often(&self, text: &mut String, seq: Option<u64>, re: Option<&str>) -> bool {
        let kind = match self {
            Self::Description(_) => "description",
            Self::Candidate(_) => "candidate",
            Self::Message(_) => "message",
            Self::Ok(_) => "ok",
            Self::Pong {} => "pong",
            _ => return false,
        };
        let mut object = Object::of_type(text, kind);
        if let Some(seq) = seq {
            object.number(r#","seq":"#, seq);
        }
        if let Some(re) = re {
            object.string(r#","re":"#, re);
        }
        match self {
            Self::Description(it) => it.write(&mut object),
            Self::Candidate(it) => it.write(&mut object),
            Self::Message(it) => it.write(&mut object),
            Self::Ok(it) => it.write(&mut object),
            _ => {}
        }
        object.end();
        true
    }
}

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
        let mut json = String::new();
        if !message.write_often(&mut json, None, None) {
            json = serde_json::to_string(message).expect("these types have a JSON form");
        }
        // The names of types are words without a quote in them.
        let head_len = json.match_indices('"').nth(3).map_or(json.len(), |(at, _)| at + 1);
        Self { json, head_len }
    }

    /// Bytes of it, without what each receiver's frame adds.
    pub(crate) fn len(&self) -> usize {
        self.json.len()
    }
}

impl Frame for Body {
    fn write(&self, text: &mut String, seq: Option<u64>, re: Option<&str>) {
        let (head, rest) = self.json.split_at(self.head_len);
        text.push_str(head);
        if let Some(seq) = seq {
            text.push_str(",\"seq\":");
            push_number(text, seq);
        }
        if let Some(re) = re {
            text.push_str(",\"re\":");
            push_string(text, re);
        }
        text.push_str(rest);
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

impl Answer {
    fn write(&self, object: &mut Object<'_>) {
        if let Some(version) = self.version {
            object.number(r#","version":"#, version);
        }
        if let Some(held) = self.held {
            object.boolean(r#","held":"#, held);
        }
        if let Some(token_ttl_s) = self.token_ttl_s {
            object.number(r#","token_ttl_s":"#, token_ttl_s);
        }
    }
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
    pub(crate) description: Json<'a>,
}

impl RelayedDescription<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.string(r#","room":"#, self.room);
        object.string(r#","from":"#, self.from);
        object.string(r#","connection":"#, self.connection);
        object.number(r#","negotiation":"#, self.negotiation);
        object.json(r#","description":"#, self.description);
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct RelayedCandidate<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    pub(crate) connection: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) negotiation: Option<u64>,
    #[schemars(with = "schema::CandidateOrEnd")]
    pub(crate) candidate: Json<'a>,
}

impl RelayedCandidate<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.string(r#","room":"#, self.room);
        object.string(r#","from":"#, self.from);
        object.string(r#","connection":"#, self.connection);
        if let Some(negotiation) = self.negotiation {
            object.number(r#","negotiation":"#, negotiation);
        }
        object.json(r#","candidate":"#, self.candidate);
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct RelayedMessage<'a> {
    pub(crate) room: &'a str,
    pub(crate) from: &'a str,
    #[schemars(with = "RawValue")]
    pub(crate) data: Json<'a>,
}

impl RelayedMessage<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.string(r#","room":"#, self.room);
        object.string(r#","from":"#, self.from);
        object.json(r#","data":"#, self.data);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_past_serde_is_what_serde_would_write() {
        let (room, from) = ("Küche \"7\"\\\u{1}\u{7f}", "m_1IutQYc1tnCliwPbTR6cCQ");
        let json = Json::checked(r#"{"sdp":"v=0\r\n", "type" : "offer"}"#);
        let candidate = |negotiation| {
            let connection = "k\t0";
            let candidate = json;
            RelayedCandidate { room, from, connection, negotiation, candidate }
        };
        let description = RelayedDescription {
            room,
            from,
            connection: "",
            negotiation: u64::MAX,
            description: json,
        };
        let full = Answer { version: Some(10), held: Some(false), token_ttl_s: Some(0) };
        for message in [
            ServerMessage::Description(description),
            ServerMessage::Candidate(candidate(Some(0))),
            ServerMessage::Candidate(candidate(None)),
            ServerMessage::Message(RelayedMessage { room, from, data: Json::checked("null") }),
            ServerMessage::Ok(full),
            ServerMessage::Ok(Answer { held: Some(true), ..Answer::default() }),
            ServerMessage::Ok(Answer::default()),
            ServerMessage::Pong {},
        ] {
            let mut json = String::new();
            assert!(message.write_often(&mut json, None, None), "{json}");
            assert_eq!(serde_json::to_string(&message).expect("JSON"), json);
            // For one receiver as for several.
            for (seq, re) in
                [(None, None), (Some(417), None), (None, Some("a\"b")), (Some(9), Some("9"))]
            {
                assert_eq!(message.frame(seq, re), Body::of(&message).frame(seq, re));
            }
        }
    }
}
