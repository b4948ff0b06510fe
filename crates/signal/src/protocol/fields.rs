//! A frame's fields, found but not yet read.
//!
//! A frame is split into the raw text of each known field first; what a field must be is checked
//! when its message asks for it, so that an error can name it.

use std::borrow::Cow;

use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::media::Media;
use crate::names;
use crate::nat::Nat;
use crate::rejection::Rejection;

/// All fields that any client message has.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Field<'a>,
    #[serde(borrow)]
    pub(super) id: Field<'a>,
    #[serde(borrow)]
    pub(super) ack: Field<'a>,
    #[serde(borrow)]
    pub(super) v: Field<'a>,
    #[serde(borrow)]
    pub(super) token: Field<'a>,
    #[serde(borrow)]
    pub(super) resume: Field<'a>,
    #[serde(borrow)]
    pub(super) capabilities: Field<'a>,
    #[serde(borrow)]
    pub(super) room: Field<'a>,
    #[serde(borrow)]
    pub(super) name: Field<'a>,
    #[serde(borrow)]
    pub(super) meta: Field<'a>,
    #[serde(borrow)]
    pub(super) media: Field<'a>,
    #[serde(borrow)]
    pub(super) nat: Field<'a>,
    #[serde(borrow)]
    pub(super) member: Field<'a>,
    #[serde(borrow, rename = "kind")]
    pub(super) room_kind: Field<'a>,
    #[serde(borrow)]
    pub(super) to: Field<'a>,
    #[serde(borrow)]
    pub(super) connection: Field<'a>,
    #[serde(borrow)]
    pub(super) negotiation: Field<'a>,
    #[serde(borrow)]
    pub(super) description: Field<'a>,
    #[serde(borrow)]
    pub(super) candidate: Field<'a>,
    #[serde(borrow)]
    pub(super) data: Field<'a>,
    #[serde(borrow)]
    pub(super) receipt: Field<'a>,
    #[serde(borrow)]
    pub(super) identity: Field<'a>,
    #[serde(borrow)]
    pub(super) timeout_s: Field<'a>,
    #[serde(borrow)]
    pub(super) call: Field<'a>,
    #[serde(borrow)]
    pub(super) reason: Field<'a>,
    #[serde(borrow)]
    pub(super) state: Field<'a>,
    #[serde(borrow)]
    pub(super) setup_ms: Field<'a>,
    #[serde(borrow)]
    pub(super) candidates: Field<'a>,
    #[serde(borrow)]
    pub(super) pair: Field<'a>,
    #[serde(borrow)]
    pub(super) errors: Field<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn split(text: &'a str) -> Result<Self, Rejection> {
        object(text).ok_or(Rejection::BadJson)
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

/// One field: absent, or its text as it came. `null` is a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field<'a>(Option<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

impl<'a> Field<'a> {
    pub(super) fn is_absent(self) -> bool {
        self.0.is_none()
    }

    pub(super) fn raw(self, name: &'static str) -> Result<&'a RawValue, Rejection> {
        self.0.ok_or(Rejection::MissingField(name))
    }

    pub(super) fn text(self, name: &'static str) -> Result<Cow<'a, str>, Rejection> {
        string(self.raw(name)?.get()).ok_or(Rejection::BadField(name))
    }

    /// A text of 1 to `chars_max` characters.
    pub(super) fn short(
        self,
        name: &'static str,
        chars_max: usize,
    ) -> Result<Cow<'a, str>, Rejection> {
        let text = self.text(name)?;
        let is_good = !text.is_empty() && text.chars().count() <= chars_max;
        is_good.then_some(text).ok_or(Rejection::BadField(name))
    }

    /// A text that names one of the variants of `T`.
    pub(super) fn one_of<T: Deserialize<'a>>(self, name: &'static str) -> Result<T, Rejection> {
        let text = self.text(name)?;
        let named: Result<T, Error> = T::deserialize(text.into_deserializer());
        named.map_err(|_| Rejection::BadField(name))
    }

    pub(super) fn integer(self, name: &'static str, max: u64) -> Result<u64, Rejection> {
        let value: Option<u64> = serde_json::from_str(self.raw(name)?.get()).ok();
        value.filter(|&value| value <= max).ok_or(Rejection::BadField(name))
    }

    pub(super) fn boolean(self, name: &'static str) -> Result<bool, Rejection> {
        serde_json::from_str(self.raw(name)?.get()).map_err(|_| Rejection::BadField(name))
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

    /// Any value of at most `bytes_max` bytes, unread.
    pub(super) fn raw_sized(
        self,
        name: &'static str,
        bytes_max: usize,
    ) -> Result<&'a RawValue, Rejection> {
        let raw = self.raw(name)?;
        (raw.get().len() <= bytes_max).then_some(raw).ok_or(Rejection::FieldTooLarge(name))
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
        Media::parse(self.raw("media")?.get()).ok_or(Rejection::BadField("media"))
    }

    /// `null` takes back what was told.
    pub(super) fn nat(self) -> Result<Option<Nat>, Rejection> {
        let text = self.raw("nat")?.get();
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
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inside))
}
