//! JSON that is carried: looked over once, and never read.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value as it came, unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// This text, of which it is known that it is JSON.
    pub(crate) fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// Its text.
    #[must_use]
    pub fn get(self) -> &'a str {
        self.0
    }
}

/// Looks over it once more, as serde has no other way. What passes often goes past serde.
impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}
