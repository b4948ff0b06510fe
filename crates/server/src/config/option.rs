//! The kinds of options, each read in one call: `section.list("listen", &["[::]:3478"], listen)`.

use std::ops::RangeInclusive;

use super::error::{Mistake, Wrong};
use super::section::{Section, Value};

impl<'a> Section<'a> {
    /// A list of strings; one string is a list of one.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        default: &[&str],
        parse: fn(&str) -> Result<T, Wrong>,
    ) -> Vec<T> {
        self.known.push(key);
        let Some(value) = self.value(key) else {
            self.note(key, quoted_list(default.iter().copied()), true);
            return default.iter().filter_map(|text| parse(text).ok()).collect();
        };
        let strings = self.strings(key, value);
        self.note(key, quoted_list(strings.iter().map(|(text, ..)| *text)), false);
        let mut parsed = Vec::new();
        for (text, path, line) in strings {
            match parse(text) {
                Ok(item) => parsed.push(item),
                Err(wrong) => {
                    let mistake = Mistake::Value { value: Some(text.to_owned()), wrong };
                    self.reader.mistake(Some(line), path, mistake);
                }
            }
        }
        parsed
    }

    /// A list of secrets; one string is a list of one. Never printed, in no error either.
    pub(crate) fn secrets(&mut self, key: &'static str) -> Vec<String> {
        self.known.push(key);
        let Some(value) = self.value(key) else {
            self.note(key, "[]".to_owned(), true);
            return Vec::new();
        };
        let strings = self.strings(key, value);
        self.note(key, quoted_list(strings.iter().map(|_| MASK)), false);
        for (text, path, line) in &strings {
            if text.is_empty() {
                let mistake = Mistake::Value { value: None, wrong: Wrong::Empty };
                self.reader.mistake(Some(*line), path.as_str(), mistake);
            }
        }
        strings.into_iter().map(|(text, ..)| text.to_owned()).collect()
    }

    /// One secret.
    pub(crate) fn secret(&mut self, key: &'static str) -> Option<String> {
        self.known.push(key);
        let value = self.value(key)?;
        self.note(key, quoted(MASK), false);
        let text = self.string(key, value)?;
        if text.is_empty() {
            let mistake = Mistake::Value { value: None, wrong: Wrong::Empty };
            self.reader.mistake(Some(self.line(value)), self.path_of(key), mistake);
        }
        Some(text.to_owned())
    }

    /// One string, which has a default.
    pub(crate) fn text<T>(
        &mut self,
        key: &'static str,
        default: &str,
        parse: fn(&str) -> Result<T, Wrong>,
    ) -> T {
        let given = self.optional_text(key, parse);
        if self.value(key).is_none() {
            self.note(key, quoted(default), true);
        }
        given.unwrap_or_else(|| {
            parse(default).unwrap_or_else(|wrong| panic!("the default of {key}: {wrong}"))
        })
    }

    /// One string, which may be absent.
    pub(crate) fn optional_text<T>(
        &mut self,
        key: &'static str,
        parse: fn(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.value(key)?;
        let text = self.string(key, value)?;
        self.note(key, quoted(text), false);
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(wrong) => {
                let mistake = Mistake::Value { value: Some(text.to_owned()), wrong };
                self.reader.mistake(Some(self.line(value)), self.path_of(key), mistake);
                None
            }
        }
    }

    /// Whether something is on.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.known.push(key);
        let Some(value) = self.value(key) else {
            self.note(key, default.to_string(), true);
            return default;
        };
        let Some(on) = value.get_ref().as_bool() else {
            self.wrong_type(value, self.path_of(key), "true or false");
            return default;
        };
        self.note(key, on.to_string(), false);
        on
    }

    /// A whole number.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> u64 {
        self.known.push(key);
        let Some(value) = self.value(key) else {
            self.note(key, default.to_string(), true);
            return default;
        };
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(value, self.path_of(key), "a whole number");
            return default;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if range.contains(&number) => {
                self.note(key, number.to_string(), false);
                number
            }
            _ => {
                let wrong = Wrong::Range { min: *range.start(), max: *range.end() };
                let mistake = Mistake::Value { value: Some(integer.to_string()), wrong };
                self.reader.mistake(Some(self.line(value)), self.path_of(key), mistake);
                default
            }
        }
    }

    /// The strings of a list, each with its path and line.
    fn strings(&self, key: &str, value: &'a Value<'a>) -> Vec<(&'a str, String, usize)> {
        let path = self.path_of(key);
        if let Some(text) = value.get_ref().as_str() {
            return vec![(text, path, self.line(value))];
        }
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(value, path, "a string or a list of strings");
            return Vec::new();
        };
        let mut strings = Vec::new();
        for (index, item) in array.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match item.get_ref().as_str() {
                Some(text) => strings.push((text, path, self.line(item))),
                None => self.wrong_type(item, path, "a string"),
            }
        }
        strings
    }

    fn string(&self, key: &str, value: &'a Value<'a>) -> Option<&'a str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(value, self.path_of(key), "a string");
        }
        text
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn quoted_list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let quoted: Vec<String> = texts.map(quoted).collect();
    format!("[{}]", quoted.join(", "))
}

pub(super) const MASK: &str = "***";
