//! RFC 6455 §6.2: Receiving Data. Cuts what was read into messages.
//!
//! ```text
//!   read ──▶ │ text │ text │ text │ ping │ te        three texts at once; the rest is kept, and
//!            ╰──────────┬─────────╯      ╰┄▶ rest    first looked at when more is wanted
//! ```
//!
//! Texts are unmasked where they lie and copied once, together. Nothing is kept of who is idle.

use std::mem;
use std::str;

use super::frame::{Broken, Header, Opcode, mask};
use crate::hub::Texts;
use crate::limits::TEXTS_TOGETHER_MAX;

/// What a client says, one after another.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Texts that came together.
    Texts(Texts),
    /// A message of bytes, or its beginning.
    Binary,
    /// To be answered with the same.
    Ping(Vec<u8>),
    Pong,
    /// Goodbye, with this code if it has one.
    Close(Option<u16>),
}

/// What came and was not taken yet.
#[derive(Debug)]
pub(super) struct Incoming {
    /// Unread frames, of which the last may not be whole.
    rest: Vec<u8>,
    /// The beginning of a text that comes in several frames.
    begun: Option<Vec<u8>>,
    message_bytes_max: usize,
}

impl Incoming {
    /// Nothing yet. No message may be longer than that.
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self { rest: Vec::new(), begun: None, message_bytes_max }
    }

    /// How many bytes are kept.
    pub(super) fn bytes(&self) -> usize {
        self.rest.len() + self.begun.as_ref().map_or(0, Vec::len)
    }

    /// Says what came before; `None` when more must be read.
    pub(super) fn next(&mut self) -> Result<Option<Said>, Broken> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut rest = mem::take(&mut self.rest);
        let (taken, said) = self.cut(&mut rest);
        if taken < rest.len() {
            rest.drain(..taken);
            self.rest = rest;
        }
        said
    }

    /// The same with what was read now, which it changes.
    pub(super) fn next_with(&mut self, read: &mut [u8]) -> Result<Option<Said>, Broken> {
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(read);
            return self.next();
        }
        let (taken, said) = self.cut(read);
        if let Some(rest @ [_, ..]) = read.get(taken..) {
            self.rest = rest.to_vec();
        }
        said
    }

    /// What `bytes` begin with, and how many of them that are.
    fn cut(&mut self, bytes: &mut [u8]) -> (usize, Result<Option<Said>, Broken>) {
        let (texts, taken) = self.texts(bytes);
        if let Some(texts) = texts {
            return (taken, Ok(Some(Said::Texts(texts))));
        }
        let mut taken = 0;
        loop {
            match self.frame(&mut bytes[taken..]) {
                Ok(Some((len, said))) => {
                    taken += len;
                    if said.is_some() {
                        return (taken, Ok(said));
                    }
                }
                Ok(None) => return (taken, Ok(None)),
                Err(broken) => return (taken, Err(broken)),
            }
        }
    }

    /// The texts that `bytes` begin with, as long as each is one whole frame.
    fn texts(&self, bytes: &mut [u8]) -> (Option<Texts>, usize) {
        let (mut texts, mut taken) = (None::<Texts>, 0);
        while self.begun.is_none() && texts.as_ref().is_none_or(|it| it.len() < TEXTS_TOGETHER_MAX)
        {
            let left = &mut bytes[taken..];
            let Ok(Some(header)) = Header::read(left, self.message_bytes_max) else { break };
            if header.opcode != Opcode::Text || !header.is_final {
                break;
            }
            let room = left.len();
            let Some(payload) = header.payload(left) else { break };
            mask(payload, header.mask);
            let Ok(text) = str::from_utf8(payload) else {
                // It is looked at again, when those before it are gone.
                mask(payload, header.mask);
                break;
            };
            match &mut texts {
                Some(texts) => texts.push(text),
                None => texts = Some(Texts::first(text, room)),
            }
            taken += header.len + header.payload_len;
        }
        (texts, taken)
    }

    /// Takes one frame of whatever kind, and says how long it is; `None` while it is not whole.
    fn frame(&mut self, bytes: &mut [u8]) -> Result<Option<(usize, Option<Said>)>, Broken> {
        let begun = self.begun.as_ref().map(Vec::len);
        let payload_max = self.message_bytes_max.saturating_sub(begun.unwrap_or(0));
        let Some(header) = Header::read(bytes, payload_max.max(CONTROL_BYTES_MAX))? else {
            return Ok(None);
        };
        let Header { opcode, is_final, payload_len, .. } = header;
        // §5.4: frames of two messages don't mix.
        match (opcode, begun) {
            (Opcode::Continuation, None) | (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Broken::Rules);
            }
            (Opcode::Continuation | Opcode::Text, _) if payload_len > payload_max => {
                return Err(Broken::TooLarge);
            }
            (Opcode::Binary, None) => return Ok(Some((header.len, Some(Said::Binary)))),
            _ => {}
        }
        let Some(payload) = header.payload(bytes) else { return Ok(None) };
        mask(payload, header.mask);
        let said = match opcode {
            Opcode::Ping => Some(Said::Ping(payload.to_vec())),
            Opcode::Pong => Some(Said::Pong),
            Opcode::Close => Some(Said::Close(close_code(payload)?)),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                let begun = self.begun.get_or_insert_default();
                begun.extend_from_slice(payload);
                if is_final { Some(self.end_text()?) } else { None }
            }
        };
        Ok(Some((header.len + payload_len, said)))
    }

    fn end_text(&mut self) -> Result<Said, Broken> {
        let bytes = self.begun.take().unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|_| Broken::Rules)?;
        Ok(Said::Texts(Texts::from(text)))
    }
}

impl Header {
    fn payload<'a>(&self, bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
        bytes.get_mut(self.len..)?.get_mut(..self.payload_len)
    }
}

/// §5.5.1: a code and a reason, or nothing.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Broken> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] if str::from_utf8(reason).is_ok() => {
            Ok(Some(u16::from_be_bytes([*high, *low])))
        }
        _ => Err(Broken::Rules),
    }
}

/// §5.5
const CONTROL_BYTES_MAX: usize = 125;

#[cfg(test)]
mod tests {
    use super::super::frame::tests::masked;
    use super::*;

    const MAX: usize = 300;

    fn texts(texts: &[&str]) -> Result<Option<Said>, Broken> {
        let mut together = Texts::first(texts[0], 0);
        texts[1..].iter().for_each(|text| together.push(text));
        Ok(Some(Said::Texts(together)))
    }

    #[test]
    fn texts_that_came_together_are_said_together_and_a_rest_is_kept() {
        let mut incoming = Incoming::new(MAX);
        let mut read = Vec::new();
        for text in ["one", "", "zwölf"] {
            read.extend(masked(0x81, text.as_bytes()));
        }
        read.extend(masked(0x89, b"?"));
        let long = "x".repeat(MAX);
        let (now, later) = (masked(0x81, b"four"), masked(0x81, long.as_bytes()));
        read.extend(now.into_iter().chain(later[..200].iter().copied()));
        assert_eq!(incoming.next_with(&mut read), texts(&["one", "", "zwölf"]));
        assert_eq!(incoming.next(), Ok(Some(Said::Ping(b"?".to_vec()))));
        assert_eq!(incoming.next(), texts(&["four"]));
        assert_eq!((incoming.next(), incoming.bytes()), (Ok(None), 200));
        assert_eq!(incoming.next_with(&mut later[200..].to_vec()), texts(&[&long]));
        assert_eq!((incoming.bytes(), incoming.rest.capacity()), (0, 0), "who is idle");
    }

    #[test]
    fn byte_by_byte_it_is_the_same() {
        let mut incoming = Incoming::new(MAX);
        let parts = [(0x01, "ha"), (0x89, "in between"), (0x00, "l"), (0x80, "f")];
        let sent = parts.iter().flat_map(|(first, payload)| masked(*first, payload.as_bytes()));
        let said = sent.filter_map(|byte| incoming.next_with(&mut [byte]).unwrap());
        let said: Vec<_> = said.map(|it| Ok(Some(it))).collect();
        assert_eq!(said, [Ok(Some(Said::Ping(b"in between".to_vec()))), texts(&["half"])]);
    }

    #[test]
    fn so_many_at_once_and_no_more() {
        let mut incoming = Incoming::new(MAX);
        let mut read = masked(0x81, b"x").repeat(TEXTS_TOGETHER_MAX + 1);
        assert_eq!(incoming.next_with(&mut read), texts(&["x"; TEXTS_TOGETHER_MAX]));
        assert_eq!(incoming.next(), texts(&["x"]));
    }

    #[test]
    fn what_breaks_off_is_said_after_what_came_before() {
        let too_large = masked(0x81, &[b'x'; MAX + 1]);
        let halves = [masked(0x01, &[b'x'; MAX]), masked(0x80, b"x")].concat();
        for (broken, why) in [
            (masked(0x81, &[0xff; 40]), Broken::Rules),
            (masked(0x80, b"of nothing"), Broken::Rules),
            ([masked(0x01, b"one"), masked(0x81, b"two")].concat(), Broken::Rules),
            (masked(0x88, &[3]), Broken::Rules),
            (too_large[..20].to_vec(), Broken::TooLarge),
            (halves, Broken::TooLarge),
        ] {
            let mut incoming = Incoming::new(MAX);
            let mut read = [masked(0x81, b"before"), broken].concat();
            assert_eq!(incoming.next_with(&mut read), texts(&["before"]));
            assert_eq!(incoming.next(), Err(why));
        }
    }

    #[test]
    fn what_is_no_text() {
        for (first, payload, said) in [
            (0x82, &b"bytes"[..], Said::Binary),
            (0x8a, b"", Said::Pong),
            (0x88, b"", Said::Close(None)),
            (0x88, &[0x03, 0xe9], Said::Close(Some(1001))),
        ] {
            let mut incoming = Incoming::new(MAX);
            assert_eq!(incoming.next_with(&mut masked(first, payload)), Ok(Some(said)));
        }
    }
}
