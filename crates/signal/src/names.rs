//! Names that people type, brought into one form: room names and display names.

use std::borrow::{Borrow, Cow};
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

use crate::limits::{NAME_CHARS_MAX, ROOM_CHARS_MAX};

/// A room's name in its canonical form: equal names are equal bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomName(Arc<str>);

impl RoomName {
    /// The canonical form of what somebody typed; `None` if it has control characters, or nothing
    /// visible, or more than [`ROOM_CHARS_MAX`] characters.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        canonical_room(typed).map(|name| Self(name.into()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes what [`canonical_room`] returned, so that each message needs only one look at it.
    pub(crate) fn from_canonical(name: &str) -> Self {
        Self(name.into())
    }
}

impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The canonical form of a room name: invisible characters go, Unicode normal form C, single
/// spaces, 1 to [`ROOM_CHARS_MAX`] characters.
pub(crate) fn canonical_room(typed: &str) -> Option<Cow<'_, str>> {
    let name = canonical(typed, is_invisible)?;
    let is_short = name.len() <= ROOM_CHARS_MAX || name.chars().count() <= ROOM_CHARS_MAX;
    (!name.is_empty() && is_short).then_some(name)
}

/// The canonical form of a display name: like a room's, but it may be empty, and what joins letters
/// and emoji stays, as nobody has to type it again.
pub(crate) fn canonical_display(typed: &str) -> Option<Cow<'_, str>> {
    let name = canonical(typed, |c| is_invisible(c) && !is_joiner(c))?;
    (name.chars().count() <= NAME_CHARS_MAX).then_some(name)
}

fn canonical(typed: &str, goes: fn(char) -> bool) -> Option<Cow<'_, str>> {
    if typed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(Cow::Borrowed(typed));
    }
    if typed.chars().any(char::is_control) {
        return None;
    }
    let is_spaced = typed.starts_with(' ') || typed.ends_with(' ') || typed.contains("  ");
    if typed.is_ascii() && !is_spaced {
        return Some(Cow::Borrowed(typed));
    }
    let composed: String = typed.chars().filter(|&c| !goes(c)).nfc().collect();
    Some(Cow::Owned(composed.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// Characters that take part in how their neighbours are drawn: joiners and variation selectors.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// Characters that are drawn as nothing, or only turn the direction of others (Unicode's
/// Default_Ignorable_Code_Point, and the annotation marks).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_as_people_type_them() {
        for (typed, expect) in [
            ("lab", Some("lab")),
            ("  my   room ", Some("my room")),
            ("my\u{a0}room", Some("my room")),
            ("Küche", Some("Küche")),
            ("Ku\u{308}che", Some("Küche")),
            ("la\u{200b}b\u{202e}", Some("lab")),
            ("می\u{200c}خواهم", Some("میخواهم")),
            ("❤\u{fe0f}", Some("❤")),
            ("team-a/stand-up", Some("team-a/stand-up")),
            ("a\nb", None),
            ("a\u{7f}", None),
            ("", None),
            ("   ", None),
            ("\u{200b}", None),
        ] {
            assert_eq!(canonical_room(typed).as_deref(), expect, "{typed:?}");
        }
    }

    #[test]
    fn sixty_four_characters_and_no_more() {
        assert!(canonical_room(&"ü".repeat(64)).is_some());
        assert!(canonical_room(&"ü".repeat(65)).is_none());
        assert!(canonical_display(&"x".repeat(64)).is_some());
        assert!(canonical_display(&"x".repeat(65)).is_none());
    }

    #[test]
    fn display_names_keep_what_joins_emoji_and_lose_what_turns_text() {
        for (typed, expect) in [
            ("", Some("")),
            (" Ada  L. ", Some("Ada L.")),
            ("👩\u{200d}🚀", Some("👩\u{200d}🚀")),
            ("\u{202e}adA", Some("adA")),
            ("A\u{0}", None),
        ] {
            assert_eq!(canonical_display(typed).as_deref(), expect, "{typed:?}");
        }
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form() {
        for typed in ["a\u{3000}\u{308}b", "Ku\u{34f}\u{308}che", " \u{2000}x", "ﬁ Ω K"] {
            let once = canonical_room(typed).expect(typed).into_owned();
            assert_eq!(canonical_room(&once).as_deref(), Some(once.as_str()), "{typed:?}");
        }
    }
}
