//! docs/protocol.md: hello, join, descriptions; everything that is said acknowledges what came.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::{ANSWER_SDP, Dialect, Heard, SLOTS, is_first, offer_sdp, slot_in};
use crate::websocket;

/// Clients of kopru. Each is somebody else, in the room of its number.
pub(crate) struct Kopru {
    /// Names rooms and clients apart from those of other loads, whose sessions may not be over.
    load: u64,
    offer_sdp: String,
    secret: String,
    room_size: usize,
    members: Vec<Member>,
}

/// What one client knows.
#[derive(Clone, Debug, Default)]
struct Member {
    /// The last `seq` that came.
    seq: u64,
    /// The last `id` that it used.
    id: u64,
    member: String,
    partner: Option<String>,
    resume: Option<String>,
    /// The number of the newest offer in each connection.
    negotiations: [u64; SLOTS],
}

impl Kopru {
    /// So many clients, so many in each room; their tokens are signed with `secret`.
    pub(crate) fn new(clients: usize, room_size: usize, secret: &str) -> Self {
        Self {
            load: LOADS.fetch_add(1, Ordering::Relaxed),
            offer_sdp: offer_sdp(),
            secret: secret.to_owned(),
            room_size,
            members: vec![Member::default(); clients],
        }
    }

    /// From the next `hello` on the client is a new one.
    pub(crate) fn forget(&mut self, client: usize) {
        self.members[client] = Member::default();
    }

    /// Says `leave`, and joins the room again at once.
    pub(crate) fn join_again(&mut self, client: usize, out: &mut Vec<u8>) {
        let room = self.room_of(client);
        self.say(client, out, format_args!(r#""type":"leave","room":"{room}""#));
        self.join(client, out);
    }

    fn join(&mut self, client: usize, out: &mut Vec<u8>) {
        let room = self.room_of(client);
        let name = format_args!(r#""type":"join","room":"{room}","name":"Client {client}""#);
        self.say(client, out, name);
    }

    fn room_of(&self, client: usize) -> String {
        format!("room-{}-{}", self.load, client / self.room_size)
    }

    fn say(&mut self, client: usize, out: &mut Vec<u8>, fields: std::fmt::Arguments<'_>) {
        let it = &mut self.members[client];
        it.id += 1;
        let (id, seq) = (it.id, it.seq);
        websocket::text(out, |out| {
            let written = if seq == 0 {
                write!(out, r#"{{{fields},"id":"{id}"}}"#)
            } else {
                write!(out, r#"{{{fields},"id":"{id}","ack":{seq}}}"#)
            };
            written.expect("a vector takes everything");
        });
    }

    fn describe(&mut self, client: usize, slot: usize, kind: &str, out: &mut Vec<u8>) {
        let it = &mut self.members[client];
        it.id += 1;
        it.negotiations[slot] += 1;
        let Member { id, seq, negotiations, .. } = it;
        let (number, to) = (negotiations[slot], it.partner.as_deref().unwrap_or_default());
        let room = format_args!("room-{}-{}", self.load, client / self.room_size);
        let sdp = if kind == "offer" { &self.offer_sdp } else { ANSWER_SDP };
        websocket::text(out, |out| {
            let written = write!(
                out,
                r#"{{"type":"description","id":"{id}","ack":{seq},"room":"{room}","to":"{to}","connection":"k{slot}","negotiation":{number},"description":{{"type":"{kind}","sdp":"{sdp}"}}}}"#
            );
            written.expect("a vector takes everything");
        });
    }

    /// Whatever is not a description or an `ok`. Who hears of others acknowledges it at once, as
    /// clients do that begin to negotiate.
    fn read(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) -> Heard {
        let Ok(frame) = serde_json::from_slice::<Value>(text) else { return refused(text) };
        let it = &mut self.members[client];
        let word = |value: &Value| value.as_str().map(str::to_owned);
        match frame["type"].as_str().unwrap_or_default() {
            "welcome" => {
                it.resume = word(&frame["resume"]);
                if frame["resumed"] == true {
                    return Heard::Joined;
                }
                self.join(client, out);
                Heard::Other
            }
            "joined" => {
                it.member = word(&frame["member"]).unwrap_or_default();
                it.partner = word(&frame["members"][0]["member"]);
                self.rest(client, out);
                Heard::Joined
            }
            "member_joined" => {
                it.partner = word(&frame["member"]["member"]);
                self.rest(client, out);
                Heard::Other
            }
            "error" => refused(text),
            _ => Heard::Other,
        }
    }
}

impl Dialect for Kopru {
    fn target(&self, _client: usize) -> String {
        "/v1/ws".to_owned()
    }

    fn opened(&mut self, client: usize, out: &mut Vec<u8>) {
        let token = token(&self.secret, &format!("client-{}-{client}", self.load));
        let it = &mut self.members[client];
        let resume =
            it.resume.as_ref().map(|resume| format!(r#","resume":"{resume}","ack":{}"#, it.seq));
        let resume = resume.unwrap_or_default();
        websocket::text(out, |out| {
            let written = write!(
                out,
                r#"{{"type":"hello","v":1,"token":"{token}","capabilities":{{"rollback":true,"trickle":true,"ice_restart":true}}{resume}}}"#
            );
            written.expect("a vector takes everything");
        });
    }

    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) -> Heard {
        if let Some(seq) = seq_in(text) {
            self.members[client].seq = seq;
        }
        if text.starts_with(br#"{"type":"ok""#) {
            return Heard::Other;
        }
        if !text.starts_with(br#"{"type":"description""#) {
            return self.read(client, text, out);
        }
        match slot_in(text, br#""connection":"k"#) {
            Some(slot) if is_first(client) => Heard::Answer { slot },
            Some(slot) => Heard::Offer { slot },
            None => refused(text),
        }
    }

    fn offer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>) {
        self.describe(client, slot, "offer", out);
    }

    fn answer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>) {
        self.describe(client, slot, "answer", out);
    }

    fn rest(&mut self, client: usize, out: &mut Vec<u8>) {
        self.say(client, out, format_args!(r#""type":"ping""#));
    }

    fn knows_partner(&self, client: usize) -> bool {
        self.members[client].partner.is_some()
    }
}

fn refused(text: &[u8]) -> Heard {
    Heard::Refused(String::from_utf8_lossy(text).into_owned())
}

/// The `seq` of a frame, which stands behind its type.
fn seq_in(text: &[u8]) -> Option<u64> {
    let head = &text[..text.len().min(64)];
    let at = head.windows(SEQ.len()).position(|window| window == SEQ)? + SEQ.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |seq, digit| seq * 10 + u64::from(digit - b'0')))
}

/// RFC 7515 §3.1: a token of `subject`, good for a day, signed with HS256.
fn token(secret: &str, subject: &str) -> String {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = format!(r#"{{"sub":"{subject}","exp":{}}}"#, unix + 86400);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let mac = mac.expect("an HMAC key may have any length").chain_update(&signed);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

static LOADS: AtomicU64 = AtomicU64::new(0);
const SEQ: &[u8] = br#""seq":"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seq_is_read_where_it_stands() {
        assert_eq!(seq_in(br#"{"type":"ok","seq":417,"re":"9"}"#), Some(417));
        assert_eq!(seq_in(br#"{"type":"error","code":"bad_json"}"#), None);
    }

    #[test]
    fn the_first_offers_and_the_second_answers() {
        let mut kopru = Kopru::new(2, 2, "secret");
        let mut out = Vec::new();
        let description = br#"{"type":"description","seq":3,"room":"r","connection":"k2"}"#;
        assert_eq!(kopru.heard(1, description, &mut out), Heard::Offer { slot: 2 });
        assert_eq!(kopru.heard(0, description, &mut out), Heard::Answer { slot: 2 });
        let joined = br#"{"type":"joined","seq":2,"member":"m_a","members":[{"member":"m_b"}]}"#;
        assert_eq!(kopru.heard(0, joined, &mut out), Heard::Joined);
        assert!(kopru.knows_partner(0) && !kopru.knows_partner(1));
        let error = br#"{"type":"error","seq":4,"code":"rate_limited"}"#;
        assert!(matches!(kopru.heard(0, error, &mut out), Heard::Refused(_)));
    }
}
