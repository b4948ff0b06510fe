//! The protocol of PeerJS: the id is in the URL, messages are `{type, dst, payload}`.

use std::io::Write;

use super::{ANSWER_SDP, Dialect, Heard, offer_sdp, partner_of, slot_in};
use crate::websocket;

/// Clients of PeerServer.
pub(crate) struct PeerServer {
    offer_sdp: String,
}

impl PeerServer {
    pub(crate) fn new() -> Self {
        Self { offer_sdp: offer_sdp() }
    }

    fn say(client: usize, kinds: [&str; 2], slot: usize, sdp: &str, out: &mut Vec<u8>) {
        let [kind, sdp_kind] = kinds;
        let dst = partner_of(client);
        websocket::text(out, |out| {
            // The connection first, so that it is found fast when it comes back.
            let written = write!(
                out,
                r#"{{"type":"{kind}","payload":{{"connectionId":"k{slot}","type":"data","sdp":{{"type":"{sdp_kind}","sdp":"{sdp}"}}}},"dst":"c{dst}"}}"#
            );
            written.expect("a vector takes everything");
        });
    }
}

impl Dialect for PeerServer {
    fn target(&self, client: usize) -> String {
        format!("/peerjs?key=peerjs&id=c{client}&token=t{client}&version=1.5.5")
    }

    fn opened(&mut self, _client: usize, _out: &mut Vec<u8>) {}

    fn heard(&mut self, _client: usize, text: &[u8], _out: &mut Vec<u8>) -> Heard {
        let slot = slot_in(text, br#""connectionId":"k"#);
        match slot {
            Some(slot) if text.starts_with(br#"{"type":"OFFER""#) => Heard::Offer { slot },
            Some(slot) if text.starts_with(br#"{"type":"ANSWER""#) => Heard::Answer { slot },
            _ if text.starts_with(br#"{"type":"OPEN""#) => Heard::Joined,
            _ => Heard::Refused(String::from_utf8_lossy(text).into_owned()),
        }
    }

    fn offer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>) {
        Self::say(client, ["OFFER", "offer"], slot, &self.offer_sdp, out);
    }

    fn answer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>) {
        Self::say(client, ["ANSWER", "answer"], slot, ANSWER_SDP, out);
    }

    fn rest(&mut self, _client: usize, out: &mut Vec<u8>) {
        websocket::text(out, |out| out.extend_from_slice(br#"{"type":"HEARTBEAT"}"#));
    }

    fn knows_partner(&self, _client: usize) -> bool {
        true
    }
}
