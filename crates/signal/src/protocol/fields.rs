//! A frame's fields, found but not yet read.
//!
//! A frame is split into the raw text of each known field first; what a field must be is checked
//! when its message asks for it, so that an error can name it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use serde_json::value::RawValue;

use super::json::Json;
use super::scan::{Quoted, Scan};
use crate::media::Media;
use crate::names;
use crate::nat::Nat;
use crate::rejection::Rejection;

/// All fields that any client message has.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) kind: Field<'a>,
    pub(super) id: Field<'a>,
    pub(super) ack: Field<'a>,
    pub(super) v: Field<'a>,
    pub(super) token: Field<'a>,
    pub(super) resume: Field<'a>,
    pub(super) capabilities: Field<'a>,
    pub(super) room: Field<'a>,
    pub(super) name: Field<'a>,
    pub(super) meta: Field<'a>,
    pub(super) media: Field<'a>,
    pub(super) nat: Field<'a>,
    pub(super) member: Field<'a>,
    pub(super) room_kind: Field<'a>,
    pub(super) to: Field<'a>,
    pub(super) connection: Field<'a>,
    pub(super) negotiation: Field<'a>,
    pub(super) description: Init<'a>,
    pub(super) candidate: Field<'a>,
    pub(super) data: Field<'a>,
    pub(super) receipt: Field<'a>,
    pub(super) identity: Field<'a>,
    pub(super) timeout_s: Field<'a>,
    pub(super) call: Field<'a>,
    pub(super) reason: Field<'a>,
    pub(super) state: Field<'a>,
    pub(super) setup_ms: Field<'a>,
    pub(super) candidates: Field<'a>,
    pub(super) pair: Field<'a>,
    pub(super) errors: Field<'a>,
}

/// A field that is an `RTCSessionDescriptionInit`, with what is read of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Init<'a> {
    pub(super) whole: Field<'a>,
    pub(super) kind: Field<'a>,
    pub(super) sdp: Field<'a>,
    /// It says one of them twice, or has a key that is no text.
    pub(super) is_unsound: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn split(text: &'a str) -> Result<Self, Rejection> {
        Self::found_in(text).ok_or(Rejection::BadJson)
    }

    fn found_in(text: &'a str) -> Option<Self> {
        let (mut scan, mut fields) = (Scan::of(text), Self::default());
        scan.object(|key, scan| {
            let key = key.unescaped()?;
            if key == "description" {
                return fields.description.fill(scan);
            }
            let value = scan.value()?;
            fields.named(&key).map_or(Some(()), |field| field.fill(value))
        })?;
        scan.end()?;
        Some(fields)
    }

    /// The first `type` of a frame; what comes behind it is not looked at.
    pub(super) fn kind_of(text: &'a str) -> Option<Cow<'a, str>> {
        let mut kind = None;
        Scan::of(text).object(|key, scan| {
            let (key, value) = (key.unescaped()?, scan.value()?);
            if key == "type" {
                kind = string(value);
                return None;
            }
            Some(())
        });
        kind
    }

    /// `None`: it is none of them, and says nothing. What comes often is looked for first.
    fn named(&mut self, key: &str) -> Option<&mut Field<'a>> {
        Some(match key {
            "type" => &mut self.kind,
            "id" => &mut self.id,
            "ack" => &mut self.ack,
            "room" => &mut self.room,
            "to" => &mut self.to,
            "connection" => &mut self.connection,
            "negotiation" => &mut self.negotiation,
            "candidate" => &mut self.candidate,
            "data" => &mut self.data,
            "receipt" => &mut self.receipt,
            "v" => &mut self.v,
            "token" => &mut self.token,
            "resume" => &mut self.resume,
            "capabilities" => &mut self.capabilities,
            "name" => &mut self.name,
            "meta" => &mut self.meta,
            "media" => &mut self.media,
            "nat" => &mut self.nat,
            "member" => &mut self.member,
            "kind" => &mut self.room_kind,
            "identity" => &mut self.identity,
            "timeout_s" => &mut self.timeout_s,
            "call" => &mut self.call,
            "reason" => &mut self.reason,
            "state" => &mut self.state,
            "setup_ms" => &mut self.setup_ms,
            "candidates" => &mut self.candidates,
            "pair" => &mut self.pair,
            "errors" => &mut self.errors,
            _ => return None,
        })
    }

    /// Whether a receipt is wanted; not, when nothing is said.
    pub(super) fn receipt(&self) -> Result<bool, Rejection> {
        Ok(self.receipt.optional(|receipt| receipt.boolean("receipt"))?.unwrap_or_default())
    }
}

/// Reads a JSON object into a struct. (Serde would take an array as well.)
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let is_object = text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{');
    is_object.then(|| serde_json::from_str(text).ok()).flatten()
}

impl<'a> Init<'a> {
    fn fill(&mut self, scan: &mut Scan<'a>) -> Option<()> {
        if !scan.is_object() {
            return self.whole.fill(scan.value()?);
        }
        let begin = scan.at();
        scan.object(|key, scan| {
            let value = scan.value()?;
            let is_new = match key.unescaped().as_deref() {
                Some("type") => self.kind.fill(value),
                Some("sdp") => self.sdp.fill(value),
                other => other.map(|_| ()),
            };
            self.is_unsound |= is_new.is_none();
            Some(())
        })?;
        self.whole.fill(scan.since(begin)?)
    }
}

/// One field: absent, or its text as it came. `null` is a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field<'a>(Option<&'a str>);

impl<'a> Field<'a> {
    /// `None` if it has a value already.
    fn fill(&mut self, value: &'a str) -> Option<()> {
        self.0.replace(value).is_none().then_some(())
    }

    pub(super) fn is_absent(self) -> bool {
        self.0.is_none()
    }

    pub(super) fn json(self, name: &'static str) -> Result<Json<'a>, Rejection> {
        self.0.map(Json::checked).ok_or(Rejection::MissingField(name))
    }

    pub(super) fn text(self, name: &'static str) -> Result<Cow<'a, str>, Rejection> {
        string(self.json(name)?.get()).ok_or(Rejection::BadField(name))
    }

    /// A text of 1 to `chars_max` characters.
    pub(super) fn short(
        self,
        name: &'static str,
        chars_max: usize,
    ) -> Result<Cow<'a, str>, Rejection> {
        let text = self.text(name)?;
        let is_short = text.len() <= chars_max || text.chars().count() <= chars_max;
        let is_good = !text.is_empty() && is_short;
        is_good.then_some(text).ok_or(Rejection::BadField(name))
    }

    /// A text that names one of the variants of `T`.
    pub(super) fn one_of<T: Deserialize<'a>>(self, name: &'static str) -> Result<T, Rejection> {
        let text = self.text(name)?;
        let named: Result<T, Error> = T::deserialize(text.into_deserializer());
        named.map_err(|_| Rejection::BadField(name))
    }

    pub(super) fn integer(self, name: &'static str, max: u64) -> Result<u64, Rejection> {
        // No number has another sign, or zeros before it.
        let value: Option<u64> = self.json(name)?.get().parse().ok();
        value.filter(|&value| value <= max).ok_or(Rejection::BadField(name))
    }

    pub(super) fn boolean(self, name: &'static str) -> Result<bool, Rejection> {
        self.json(name)?.get().parse().map_err(|_| Rejection::BadField(name))
    }

    /// An object of at most `bytes_max` bytes, unread.
    pub(super) fn raw_object(
        self,
        name: &'static str,
        bytes_max: usize,
    ) -> Result<&'a RawValue, Rejection> {
        let raw = self.raw_sized(name, bytes_max)?;
        raw.get().starts_with('{').then_some(raw).ok_or(Rejection::BadField(name))
    }

    /// Any value of at most `bytes_max` bytes, unread, to be kept.
    pub(super) fn raw_sized(
        self,
        name: &'static str,
        bytes_max: usize,
    ) -> Result<&'a RawValue, Rejection> {
        let json = self.sized(name, bytes_max)?;
        serde_json::from_str(json.get()).map_err(|_| Rejection::BadField(name))
    }

    /// Any value of at most `bytes_max` bytes, unread.
    pub(super) fn sized(self, name: &'static str, bytes_max: usize) -> Result<Json<'a>, Rejection> {
        let json = self.json(name)?;
        (json.get().len() <= bytes_max).then_some(json).ok_or(Rejection::FieldTooLarge(name))
    }

    pub(super) fn room(self) -> Result<Cow<'a, str>, Rejection> {
        let bad = Rejection::BadField("room");
        match self.text("room")? {
            Cow::Borrowed(typed) => names::canonical_room(typed).ok_or(bad),
            Cow::Owned(typed) => {
                names::canonical_room(&typed).map(|name| Cow::Owned(name.into_owned())).ok_or(bad)
            }
        }
    }

    pub(super) fn media(self) -> Result<Media, Rejection> {
        Media::parse(self.json("media")?.get()).ok_or(Rejection::BadField("media"))
    }

    /// `null` takes back what was told.
    pub(super) fn nat(self) -> Result<Option<Nat>, Rejection> {
        let text = self.json("nat")?.get();
        if text == "null" {
            return Ok(None);
        }
        object(text).map(Some).ok_or(Rejection::BadField("nat"))
    }

    pub(super) fn display_name(self) -> Result<String, Rejection> {
        let typed = self.text("name")?;
        let name = names::canonical_display(&typed).ok_or(Rejection::BadField("name"))?;
        Ok(name.into_owned())
    }

    /// `read`, unless the field is absent.
    pub(super) fn optional<T>(
        self,
        read: impl FnOnce(Self) -> Result<T, Rejection>,
    ) -> Result<Option<T>, Rejection> {
        if self.is_absent() { Ok(None) } else { read(self).map(Some) }
    }
}

/// The string that a JSON text is; borrowed where it has no escapes.
fn string(json: &str) -> Option<Cow<'_, str>> {
    Quoted::of(json.strip_prefix('"')?.strip_suffix('"')?).unescaped()
}
