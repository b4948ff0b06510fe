//! The floor: whatever a client says goes to its partner as it is.

use std::io::Write;

use super::{ANSWER_SDP, Dialect, Heard, offer_sdp, slot_in};
use crate::websocket;

/// Clients of `kopru-bench floor`.
pub(crate) struct Bare {
    offer_sdp: String,
}

impl Bare {
    pub(crate) fn new() -> Self {
        Self { offer_sdp: offer_sdp() }
    }
}

impl Dialect for Bare {
    fn target(&self, client: usize) -> String {
        format!("/{client}")
    }

    fn opened(&mut self, _client: usize, _out: &mut Vec<u8>) {}

    fn heard(&mut self, _client: usize, text: &[u8], _out: &mut Vec<u8>) -> Heard {
        let slot = slot_in(text, br#""connection":"k"#);
        match slot {
            Some(slot) if text.starts_with(br#"{"type":"offer""#) => Heard::Offer { slot },
            Some(slot) if text.starts_with(br#"{"type":"answer""#) => Heard::Answer { slot },
            _ if text == HERE => Heard::Joined,
            _ => Heard::Other,
        }
    }

    fn offer(&mut self, _client: usize, slot: usize, out: &mut Vec<u8>) {
        say(out, "offer", slot, &self.offer_sdp);
    }

    fn answer(&mut self, _client: usize, slot: usize, out: &mut Vec<u8>) {
        say(out, "answer", slot, ANSWER_SDP);
    }

    fn rest(&mut self, _client: usize, _out: &mut Vec<u8>) {}

    fn knows_partner(&self, _client: usize) -> bool {
        true
    }
}

fn say(out: &mut Vec<u8>, kind: &str, slot: usize, sdp: &str) {
    websocket::text(out, |out| {
        let written = write!(out, r#"{{"type":"{kind}","connection":"k{slot}","sdp":"{sdp}"}}"#);
        written.expect("a vector takes everything");
    });
}

/// The first word of the server, when it knows the client.
pub(crate) const HERE: &[u8] = b"here";
