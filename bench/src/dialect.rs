//! What clients say to one kind of server.

pub(crate) mod bare;
pub(crate) mod kopru;
pub(crate) mod peerserver;

/// The language of a signaling server, spoken by numbered clients; 2n and 2n + 1 are partners.
pub(crate) trait Dialect {
    /// Where a client asks for its WebSocket.
    fn target(&self, client: usize) -> String;
    /// The first words on a new WebSocket.
    fn opened(&mut self, client: usize, out: &mut Vec<u8>);
    /// Reads a frame; `out` takes what has to be said at once.
    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) -> Heard;
    /// Says an offer of about 1 kB to the partner, in one of [`SLOTS`] connections.
    fn offer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>);
    /// Answers the partner's offer shortly.
    fn answer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>);
    /// Says something without an answer, if the language has it, that acknowledges what came.
    fn rest(&mut self, client: usize, out: &mut Vec<u8>);
    /// Whether the client can say something to its partner.
    fn knows_partner(&self, client: usize) -> bool;
}

impl Dialect for Box<dyn Dialect> {
    fn target(&self, client: usize) -> String {
        (**self).target(client)
    }

    fn opened(&mut self, client: usize, out: &mut Vec<u8>) {
        (**self).opened(client, out);
    }

    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) -> Heard {
        (**self).heard(client, text, out)
    }

    fn offer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>) {
        (**self).offer(client, slot, out);
    }

    fn answer(&mut self, client: usize, slot: usize, out: &mut Vec<u8>) {
        (**self).answer(client, slot, out);
    }

    fn rest(&mut self, client: usize, out: &mut Vec<u8>) {
        (**self).rest(client, out);
    }

    fn knows_partner(&self, client: usize) -> bool {
        (**self).knows_partner(client)
    }
}

/// What a frame of the server means to a load.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The client is where it wanted to be.
    Joined,
    /// The partner's offer.
    Offer {
        /// In which connection.
        slot: usize,
    },
    /// The partner's answer.
    Answer {
        /// In which connection.
        slot: usize,
    },
    /// The server refuses.
    Refused(String),
    /// Anything else.
    Other,
}

/// Connections of a pair: each has one offer under way at most.
pub(crate) const SLOTS: usize = 8;

/// The partner of a client.
pub(crate) fn partner_of(client: usize) -> usize {
    client ^ 1
}

/// Of two partners the first one offers.
pub(crate) fn is_first(client: usize) -> bool {
    client.is_multiple_of(2)
}

/// The description of an offer as JSON text: as many bytes as that of a call with sound and
/// picture has without its candidates, about 1 kB.
pub(crate) fn offer_sdp() -> String {
    let mut sdp = String::from(ANSWER_SDP);
    sdp.push_str(r"a=group:BUNDLE 0 1\r\n");
    for (mid, kind) in
        ["audio 9 UDP/TLS/RTP/SAVPF 111", "video 9 UDP/TLS/RTP/SAVPF 96"].iter().enumerate()
    {
        sdp.push_str(&format!(
            r"m={kind}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:Ab3d\r\n"
        ));
        sdp.push_str(r"a=ice-pwd:0123456789abcdef01234567\r\na=ice-options:trickle\r\n");
        sdp.push_str(r"a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:");
        sdp.push_str(r"62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E\r\na=setup:actpass\r\n");
        sdp.push_str(&format!(r"a=mid:{mid}\r\na=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"));
        sdp.push_str(r"a=msid:- 5b1d3c7e-8f0a-4c52-9a57-1f2e3d4c5b6a\r\n");
        sdp.push_str(r"a=ssrc:1234567890 cname:Kq3vT7wZx1Yb9LmN\r\n");
    }
    sdp
}

/// A short one.
pub(crate) const ANSWER_SDP: &str =
    r"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// The digit behind `name` near the beginning of `text`.
pub(crate) fn slot_in(text: &[u8], name: &[u8]) -> Option<usize> {
    let head = &text[..text.len().min(HEAD_BYTES)];
    let at = head.windows(name.len()).position(|window| window == name)? + name.len();
    let slot = usize::from(text.get(at)?.checked_sub(b'0')?);
    (slot < SLOTS).then_some(slot)
}

/// Before the description begins.
const HEAD_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_has_a_kilobyte() {
        assert!((900..1100).contains(&offer_sdp().len()), "{}", offer_sdp().len());
    }

    #[test]
    fn a_slot_is_found_behind_its_name() {
        assert_eq!(slot_in(br#"{"connection":"k3","#, br#""connection":"k"#), Some(3));
        assert_eq!(slot_in(br#"{"connection":"k9","#, br#""connection":"k"#), None);
        assert_eq!(slot_in(b"{}", b"k"), None);
    }
}
