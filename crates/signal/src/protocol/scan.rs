//! RFC 8259 §2–§7: where the values of a JSON text lie, found in one pass and left unread.
//!
//! ```text
//!   {"type":"description","room":"lab","description":{"type":"offer","sdp":"v=0\r\n…"}}
//!    │ key │ value       │ …                        │ entered, or passed over as a whole
//! ```
//!
//! Whatever is passed over has been checked: it is JSON, as deep as it may be.

use std::borrow::Cow;

/// A place in a JSON text.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// What stands between the quotes of a string, as it is written.
#[derive(Clone, Copy)]
pub(super) struct Quoted<'a> {
    inside: &'a str,
    /// Nothing in it is escaped.
    is_plain: bool,
}

/// The objects and arrays around a place: nearly always there is one, or none.
#[derive(Default)]
struct Nest {
    innermost: Option<u8>,
    others: Vec<u8>,
}

impl<'a> Scan<'a> {
    /// The beginning of a text.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Whether the next value is an object.
    pub(super) fn is_object(&mut self) -> bool {
        self.skip_space();
        self.peek() == Some(b'{')
    }

    /// Enters an object. `member` is called with each key, and has to pass over its value. `None`
    /// where the text is not what it should be, or `member` says so.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(Quoted<'a>, &mut Self) -> Option<()>,
    ) -> Option<()> {
        self.skip_space();
        self.take(b'{')?;
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.key()?;
            member(key, self)?;
            self.skip_space();
            match self.next()? {
                b',' => self.skip_space(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Passes over a value. Its text, without the space around it.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        self.skip_space();
        let begin = self.at;
        let mut nest = Nest::default();
        loop {
            if self.is_entered(&mut nest)? {
                continue;
            }
            if self.is_left(&mut nest)? {
                return self.text.get(begin..self.at);
            }
        }
    }

    /// The text from `begin` on, as far as it has been passed over.
    pub(super) fn since(&self, begin: usize) -> Option<&'a str> {
        self.text.get(begin..self.at)
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Nothing but space may follow.
    pub(super) fn end(mut self) -> Option<()> {
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// Passes over a value, or enters it if there are others in it.
    fn is_entered(&mut self, nest: &mut Nest) -> Option<bool> {
        match self.peek()? {
            b'"' => _ = self.string()?,
            open @ (b'{' | b'[') => {
                self.at += 1;
                self.skip_space();
                if self.peek()? != close_of(open) {
                    nest.enter(open);
                    if open == b'{' {
                        self.key()?;
                    }
                    return Some(true);
                }
                self.at += 1;
            }
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.literal()?,
        }
        Some(false)
    }

    /// After a value: leaves all that ends here. `false` if another value follows.
    fn is_left(&mut self, nest: &mut Nest) -> Option<bool> {
        while let Some(open) = nest.innermost {
            self.skip_space();
            let byte = self.next()?;
            if byte == b',' {
                self.skip_space();
                if open == b'{' {
                    self.key()?;
                }
                return Some(false);
            }
            if byte != close_of(open) {
                return None;
            }
            nest.leave();
        }
        Some(true)
    }

    /// A key with its colon.
    fn key(&mut self) -> Option<Quoted<'a>> {
        let key = self.string()?;
        self.skip_space();
        self.take(b':')?;
        self.skip_space();
        Some(key)
    }

    /// What stands between the quotes of a string.
    fn string(&mut self) -> Option<Quoted<'a>> {
        self.take(b'"')?;
        let (mut rest, mut is_plain) = (self.rest(), true);
        let begin = self.at;
        loop {
            rest = from_special(rest);
            let (byte, behind) = rest.split_first()?;
            rest = match byte {
                b'"' => break,
                b'\\' => behind_escape(behind)?,
                ..b' ' => return None,
                _ => behind,
            };
            is_plain &= *byte != b'\\';
        }
        let end = self.text.len() - rest.len();
        self.at = end + 1;
        Some(Quoted { inside: self.text.get(begin..end)?, is_plain })
    }

    fn number(&mut self) -> Option<()> {
        self.skip_if(|byte| byte == b'-');
        match self.next()? {
            b'0' if self.peek().is_some_and(|byte| byte.is_ascii_digit()) => return None,
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return None,
        }
        if self.skip_if(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.skip_if(|byte| matches!(byte, b'e' | b'E')) {
            self.skip_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        self.next().filter(u8::is_ascii_digit)?;
        self.skip_digits();
        Some(())
    }

    fn literal(&mut self) -> Option<()> {
        let literals: [&[u8]; 3] = [b"true", b"false", b"null"];
        let found = literals.into_iter().find(|literal| self.rest().starts_with(literal))?;
        self.at += found.len();
        Some(())
    }

    fn skip_digits(&mut self) {
        while self.skip_if(|byte| byte.is_ascii_digit()) {}
    }

    fn skip_space(&mut self) {
        while self.skip_if(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')) {}
    }

    fn skip_if(&mut self, skips: impl FnOnce(u8) -> bool) -> bool {
        let does_skip = self.peek().is_some_and(skips);
        self.at += usize::from(does_skip);
        does_skip
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

impl Nest {
    fn enter(&mut self, open: u8) {
        self.others.extend(self.innermost.replace(open));
    }

    fn leave(&mut self) {
        self.innermost = self.others.pop();
    }
}

impl<'a> Quoted<'a> {
    pub(super) fn of(inside: &'a str) -> Self {
        Self { inside, is_plain: !inside.as_bytes().contains(&b'\\') }
    }

    /// What it says.
    pub(super) fn unescaped(self) -> Option<Cow<'a, str>> {
        if self.is_plain {
            return Some(Cow::Borrowed(self.inside));
        }
        serde_json::from_str(&format!("\"{}\"", self.inside)).ok().map(Cow::Owned)
    }
}

fn close_of(open: u8) -> u8 {
    if open == b'{' { b'}' } else { b']' }
}

/// From a byte on that may be a quote, a backslash or a control character: eight are looked at at
/// once, and the highest bit of a byte is set where it is one.
fn from_special(mut bytes: &[u8]) -> &[u8] {
    while let Some((word, behind)) = bytes.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let below = (word ^ each(b'"')).wrapping_sub(each(1))
            | (word ^ each(b'\\')).wrapping_sub(each(1))
            | word.wrapping_sub(each(b' '));
        let found = below & !word & each(0x80);
        if found != 0 {
            return &bytes[found.trailing_zeros() as usize / 8..];
        }
        bytes = behind;
    }
    bytes
}

fn behind_escape(bytes: &[u8]) -> Option<&[u8]> {
    let (byte, behind) = bytes.split_first()?;
    match byte {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(behind),
        b'u' => {
            let (digits, behind) = behind.split_first_chunk::<4>()?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(behind)
        }
        _ => None,
    }
}

/// A word of this byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn passed_over(text: &str) -> Option<&str> {
        let mut scan = Scan::of(text);
        let value = scan.value()?;
        scan.end()?;
        Some(value)
    }

    fn as_serde_has_it(text: &str) -> Option<&str> {
        serde_json::from_str::<&RawValue>(text).ok().map(RawValue::get)
    }

    #[test]
    fn the_same_texts_are_json_as_for_serde() {
        let (mut good, mut bad) = (0, 0);
        for text in TEXTS {
            assert_eq!(passed_over(text), as_serde_has_it(text), "{text}");
            let bytes = text.as_bytes();
            for at in 0..bytes.len() {
                for put in INSTEAD {
                    let changed = [&bytes[..at], put.as_bytes(), &bytes[at + 1..]].concat();
                    let Ok(changed) = String::from_utf8(changed) else { continue };
                    let value = passed_over(&changed);
                    assert_eq!(value, as_serde_has_it(&changed), "{changed}");
                    *if value.is_some() { &mut good } else { &mut bad } += 1;
                }
            }
        }
        assert!(good > 1000 && bad > 1000, "{good} {bad}");
    }

    #[test]
    fn it_may_be_deep() {
        let deep = format!("{}{}", r#"[{"a":"#.repeat(10_000), "0");
        let whole = format!("{deep}{}", "}]".repeat(10_000));
        assert_eq!(passed_over(&whole), Some(&*whole));
        assert_eq!(passed_over(&format!("{deep}{}", "]}".repeat(10_000))), None);
        assert_eq!(passed_over(&deep), None);
    }

    const TEXTS: &[&str] = &[
        "",
        " {\"a\" : [ 1 , -0.5e+10 , 0, \"\" ] ,\n\t\"b\":{}, \"c\": [ ],\r\"d\":{\"e\":null}} ",
        r#"[true,false,null,0,-1,10,1.0,1e5,1E-5,[[]],[{}],{"a":[]}]"#,
        r#"{"type":"offer","sdp":"v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n"}"#,
        r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]"#,
        r#""\ud800 is alone, and Küche 部屋 are not""#,
        "-12.75",
    ];
    const INSTEAD: &[&str] = &[
        "", "\"", "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "\u{1}", "\u{7f}", "0", "1", "-",
        "+", ".", "e", "u", "t", "nul", "é", ",,", "00", "[]", "{}", "\"\"",
    ];
}
