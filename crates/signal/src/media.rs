//! What two members have in common: codecs, media and protocols, compared before any SDP.
//!
//! ```text
//!   Ada: audio opus PCMU, video VP8 H264, data chat/2
//!   Bo:  audio opus,      video H264,                 data file/1
//!        ─────────────────────────────────────────────────────────
//!        audio opus,      video H264,                 data: nothing, and both are told
//! ```

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::limits::{MEDIA_KINDS_MAX, MEDIA_NAME_CHARS_MAX, MEDIA_NAMES_MAX};

/// What a member can send or take, by kind of media (`audio`, `video`, `data`, …): names in the
/// order of its preference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transform = so_many_and_so_long)]
pub struct Media(BTreeMap<String, Vec<String>>);

impl Media {
    /// Reads an object of lists of names; `None` if it is none, or has too many or too long ones.
    pub(crate) fn parse(json: &str) -> Option<Self> {
        let media: Self = serde_json::from_str(json).ok()?;
        let is_name = |name: &String| (1..=MEDIA_NAME_CHARS_MAX).contains(&name.chars().count());
        let is_list =
            |names: &Vec<String>| names.len() <= MEDIA_NAMES_MAX && names.iter().all(is_name);
        let is_good = media.0.len() <= MEDIA_KINDS_MAX
            && media.0.iter().all(|(kind, names)| is_name(kind) && is_list(names));
        is_good.then_some(media)
    }

    /// What both have, in the order of `self`, for each kind of which both say something. An empty
    /// list: both want it, and there is nothing in common.
    ///
    /// Names are compared without regard to case, as those of codecs are (RFC 4855 §3).
    pub(crate) fn common(&self, other: &Self) -> Self {
        let kinds = self.0.iter().filter_map(|(kind, names)| {
            let others = other.0.get(kind)?;
            let is_theirs = |name: &&String| {
                others.iter().any(|other| other.to_lowercase() == name.to_lowercase())
            };
            Some((kind.clone(), names.iter().filter(is_theirs).cloned().collect()))
        });
        Self(kinds.collect())
    }

    /// The kinds with nothing in them.
    pub(crate) fn empty_kinds(&self) -> Vec<String> {
        let empty = self.0.iter().filter(|(_, names)| names.is_empty());
        empty.map(|(kind, _)| kind.clone()).collect()
    }

    /// The bytes of all names.
    pub(crate) fn weight(&self) -> usize {
        let name = |name: &String| size_of::<String>() + name.len();
        let kinds = self.0.iter().map(|(kind, names)| (kind, names.iter().map(name)));
        kinds
            .map(|(kind, names)| size_of::<Vec<String>>() + name(kind) + names.sum::<usize>())
            .sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn so_many_and_so_long(schema: &mut Schema) {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": MEDIA_NAME_CHARS_MAX });
    let names = json!({ "type": "array", "items": name, "maxItems": MEDIA_NAMES_MAX });
    schema.insert("maxProperties".to_owned(), MEDIA_KINDS_MAX.into());
    schema.insert("propertyNames".to_owned(), name);
    schema.insert("additionalProperties".to_owned(), names);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(json: &str) -> Media {
        Media::parse(json).unwrap_or_else(|| panic!("{json}"))
    }

    #[test]
    fn what_is_in_common_keeps_the_order_of_the_first() {
        for (one, other, expect) in [
            (
                r#"{"video":["VP8","H264","AV1"]}"#,
                r#"{"video":["AV1","vp8"]}"#,
                r#"{"video":["VP8","AV1"]}"#,
            ),
            (r#"{"video":["VP8"]}"#, r#"{"video":["H264"]}"#, r#"{"video":[]}"#),
            (r#"{"video":[]}"#, r#"{"video":["H264"]}"#, r#"{"video":[]}"#),
            (
                r#"{"audio":["opus"],"data":["x"]}"#,
                r#"{"audio":["opus"]}"#,
                r#"{"audio":["opus"]}"#,
            ),
            ("{}", r#"{"audio":["opus"]}"#, "{}"),
        ] {
            assert_eq!(media(one).common(&media(other)), media(expect), "{one} {other}");
        }
    }

    #[test]
    fn so_many_and_so_long_and_no_more() {
        let names = |count| format!("{{\"video\":{:?}}}", vec!["x"; count]);
        assert!(Media::parse(&names(MEDIA_NAMES_MAX)).is_some());
        assert!(Media::parse(&names(MEDIA_NAMES_MAX + 1)).is_none());
        let kinds = |count| {
            let kinds: Vec<_> = (0..count).map(|kind| format!("\"{kind}\":[]")).collect();
            format!("{{{}}}", kinds.join(","))
        };
        assert!(Media::parse(&kinds(MEDIA_KINDS_MAX)).is_some());
        assert!(Media::parse(&kinds(MEDIA_KINDS_MAX + 1)).is_none());
        let name = |chars| format!("{{\"video\":[\"{}\"]}}", "x".repeat(chars));
        assert!(Media::parse(&name(MEDIA_NAME_CHARS_MAX)).is_some());
        for bad in [&name(MEDIA_NAME_CHARS_MAX + 1), &name(0), "[]", "7", r#"{"video":"VP8"}"#] {
            assert!(Media::parse(bad).is_none(), "{bad}");
        }
    }
}
