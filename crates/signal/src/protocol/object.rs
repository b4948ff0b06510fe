//! RFC 8259 §4: an object, written member by member into a text.

use std::fmt::Write as _;

use super::json::Json;

/// One whose `type` has been written. What stands before each value is given as it is written: a
/// comma, the name, a colon.
pub(super) struct Object<'a> {
    text: &'a mut String,
}

impl<'a> Object<'a> {
    pub(super) fn of_type(text: &'a mut String, kind: &'static str) -> Self {
        text.push_str("{\"type\":\"");
        text.push_str(kind);
        text.push('"');
        Self { text }
    }

    pub(super) fn end(self) {
        self.text.push('}');
    }

    pub(super) fn string(&mut self, before: &'static str, value: &str) {
        self.text.push_str(before);
        push_string(self.text, value);
    }

    pub(super) fn number(&mut self, before: &'static str, value: u64) {
        self.text.push_str(before);
        push_number(self.text, value);
    }

    pub(super) fn boolean(&mut self, before: &'static str, value: bool) {
        self.text.push_str(before);
        self.text.push_str(if value { "true" } else { "false" });
    }

    pub(super) fn json(&mut self, before: &'static str, value: Json<'_>) {
        self.text.push_str(before);
        self.text.push_str(value.get());
    }
}

pub(super) fn push_string(text: &mut String, value: &str) {
    if value.bytes().any(|byte| matches!(byte, b'"' | b'\\' | ..b' ')) {
        text.push_str(&serde_json::to_string(value).expect("a string has a JSON form"));
        return;
    }
    text.push('"');
    text.push_str(value);
    text.push('"');
}

pub(super) fn push_number(text: &mut String, value: u64) {
    // Only what is written to can fail, and a text does not.
    _ = write!(text, "{value}");
}
