//! RFC 8265 §4.2: OpaqueString Profile. How passwords, user names and realms that people typed are
//! brought into one form before they are hashed (RFC 8489 §9.2.2).
//!
//! RFC 5389 had SASLprep (RFC 4013) in this place. The two differ only beyond ASCII, and what
//! browsers do, which is nothing, agrees with OpaqueString far more often: it composes (NFC), but
//! does not replace compatible characters.

use std::borrow::Cow;
use std::fmt;

use precis_profiles::OpaqueString;
use precis_profiles::precis_core::profile::PrecisFastInvocation;

/// The text cannot be a password, user name or realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// Nothing is left of it.
    Empty,
    /// It has a character that must not be in it: a control character, an invisible or an
    /// unassigned one.
    Disallowed,
}

/// Brings `text` into the form in which it is hashed.
///
/// # Errors
/// It is empty, or has a character that the profile does not allow.
pub fn opaque_string(text: &str) -> Result<Cow<'_, str>, PasswordError> {
    if text.is_empty() {
        return Err(PasswordError::Empty);
    }
    OpaqueString::enforce(text).map_err(|_| PasswordError::Disallowed)
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "must not be empty",
            Self::Disallowed => "has a control, invisible or unassigned character",
        })
    }
}

impl std::error::Error for PasswordError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_and_the_borders_of_ascii() {
        for (text, expect) in [
            ("correct horse battery staple", Ok("correct horse battery staple")),
            ("Correct Horse Battery Staple", Ok("Correct Horse Battery Staple")),
            ("πßå", Ok("πßå")),
            ("Jack of ♦s", Ok("Jack of ♦s")),
            ("foo\u{1680}bar", Ok("foo bar")),
            ("", Err(PasswordError::Empty)),
            ("my cat is a \u{9}by", Err(PasswordError::Disallowed)),
            (" ~", Ok(" ~")),
            ("\u{7f}", Err(PasswordError::Disallowed)),
            ("a\0", Err(PasswordError::Disallowed)),
        ] {
            assert_eq!(opaque_string(text).as_deref(), expect.as_deref(), "{text:?}");
        }
    }

    #[test]
    fn it_composes_but_keeps_compatible_characters() {
        assert_eq!(opaque_string("a\u{30a}").as_deref(), Ok("å"));
        assert_eq!(opaque_string("ﬁ Ⅸ ª").as_deref(), Ok("ﬁ Ⅸ ª"));
    }

    /// SASLprep mapped U+00AD to nothing; the profile that took its place does not allow it.
    #[test]
    fn the_raw_password_of_the_rfc_5769_vector_is_no_longer_a_password() {
        let raw = "The\u{ad}M\u{aa}tr\u{2168}";
        assert_eq!(opaque_string(raw), Err(PasswordError::Disallowed));
    }
}
