//! RFC 8839 §5.1, RFC 8828 §5.2 (mode 4): what is left of descriptions and candidates where only
//! relays may be used: nothing that tells where the sender is.
//!
//! ```text
//!   o=- 46117 2 IN IP4 192.0.2.10                       o=- 46117 2 IN IP4 0.0.0.0
//!   m=audio 52110 UDP/TLS/RTP/SAVPF 111                 m=audio 9 UDP/TLS/RTP/SAVPF 111
//!   c=IN IP4 192.0.2.10                                 c=IN IP4 0.0.0.0
//!   a=rtcp:52111 IN IP4 192.0.2.10                      a=rtcp:9 IN IP4 0.0.0.0
//!   a=candidate:1 1 udp 21 192.0.2.10 52110 typ host    –
//!   a=candidate:2 1 udp 41 203.0.113.7 50000 typ relay  a=candidate:2 1 udp 41 203.0.113.7 50000
//!     raddr 192.0.2.10 rport 52110                        typ relay raddr 0.0.0.0 rport 0
//!   a=end-of-candidates                                 a=end-of-candidates
//! ```
//!
//! The policy that a client gets with its ICE servers is what keeps it from gathering anything
//! else. This is the net under it, for the client that does not follow.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::protocol::Json;
use crate::rejection::Rejection;

/// An `RTCSessionDescriptionInit` without the sender's addresses.
///
/// # Errors
/// [`Rejection::BadField`] if it is none.
pub(crate) fn description(json: Json<'_>) -> Result<String, Rejection> {
    let bad = Rejection::BadField("description");
    let Ok(mut init) = serde_json::from_str::<DescriptionInit<'_>>(json.get()) else {
        return Err(bad);
    };
    if let Some(sdp) = &mut init.sdp {
        *sdp = Cow::Owned(sdp.split_inclusive('\n').filter_map(line).collect());
    }
    serde_json::to_string(&init).map_err(|_| bad)
}

/// An `RTCIceCandidateInit` or `null` without the sender's addresses.
///
/// # Errors
/// [`Rejection::RelayOnly`] if it is no candidate of a relay; [`Rejection::BadField`] if it is none
/// at all.
pub(crate) fn candidate(json: Json<'_>) -> Result<String, Rejection> {
    let bad = Rejection::BadField("candidate");
    let Ok(init) = serde_json::from_str::<Option<CandidateInit<'_>>>(json.get()) else {
        return Err(bad);
    };
    let Some(mut init) = init else { return Ok(json.get().to_owned()) };
    if let Some(text) = init.candidate.as_deref().filter(|text| !text.trim().is_empty()) {
        let relayed = candidate_attribute(text).ok_or(Rejection::RelayOnly)?;
        init.candidate = Some(Cow::Owned(relayed));
    }
    serde_json::to_string(&init).map_err(|_| bad)
}

#[derive(Deserialize, Serialize)]
struct DescriptionInit<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sdp: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateInit<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    candidate: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    sdp_mid: Option<Cow<'a, str>>,
    #[serde(default, rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    sdp_m_line_index: Option<u16>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    username_fragment: Option<Cow<'a, str>>,
}

/// One line with its end; `None` if nothing of it may stay.
fn line(whole: &str) -> Option<Cow<'_, str>> {
    let text = whole.trim_end_matches(['\r', '\n']);
    let end = &whole[text.len()..];
    let changed = |text: String| Some(Cow::Owned(text + end));
    if text.starts_with("o=") {
        return changed(origin(text)?);
    }
    if let Some(connection) = text.strip_prefix("c=") {
        return changed(format!("c={}", if is_v6(connection) { "IN IP6 ::" } else { NOWHERE }));
    }
    if text.starts_with("m=") {
        return changed(media(text)?);
    }
    if text.starts_with("a=rtcp:") {
        return changed(format!("a=rtcp:{DISCARD} {NOWHERE}"));
    }
    if let Some(attribute) = text.strip_prefix("a=").filter(|text| text.starts_with("candidate:")) {
        return changed(format!("a={}", candidate_attribute(attribute)?));
    }
    (!text.starts_with("a=remote-candidates:")).then_some(Cow::Borrowed(whole))
}

/// `o=<username> <sess-id> <sess-version> IN IP4 <address>`
fn origin(text: &str) -> Option<String> {
    let (kept, _) = text.rsplit_once(' ')?;
    let nowhere = if is_v6(kept) { "::" } else { "0.0.0.0" };
    Some(format!("{kept} {nowhere}"))
}

/// `m=<media> <port> <proto> <fmt> …`; port 0 means that the medium is refused, and stays.
fn media(text: &str) -> Option<String> {
    let mut words = text.splitn(3, ' ');
    let (media, port, rest) = (words.next()?, words.next()?, words.next()?);
    let port = if port == "0" { "0" } else { DISCARD };
    Some(format!("{media} {port} {rest}"))
}

/// `candidate:<foundation> <component> <transport> <priority> <address> <port> typ relay …`; `None`
/// for any other.
fn candidate_attribute(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let (head, tail) = words.split_at_checked(HEAD_WORDS)?;
    let [.., label, kind] = head else { return None };
    if *label != "typ" || !kind.eq_ignore_ascii_case("relay") {
        return None;
    }
    let mut relayed = head.join(" ");
    relayed.push_str(" raddr 0.0.0.0 rport 0");
    let extensions = tail.chunks(2).filter(|pair| !matches!(pair[0], "raddr" | "rport"));
    for pair in extensions {
        relayed.push(' ');
        relayed.push_str(&pair.join(" "));
    }
    Some(relayed)
}

fn is_v6(text: &str) -> bool {
    text.contains("IP6")
}

/// The words of a candidate up to its type.
const HEAD_WORDS: usize = 8;
/// RFC 8829 §4.1.16 (and RFC 863): the port of those who have not said theirs.
const DISCARD: &str = "9";
const NOWHERE: &str = "IN IP4 0.0.0.0";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn described(init: &Value) -> Result<String, Rejection> {
        description(Json::checked(&init.to_string()))
    }

    fn proposed(init: &Value) -> Result<String, Rejection> {
        candidate(Json::checked(&init.to_string()))
    }

    fn stripped(sdp: &str) -> String {
        let description = described(&json!({"type": "offer", "sdp": sdp})).expect("SDP");
        let value: Value = serde_json::from_str(&description).expect("JSON");
        assert_eq!(value["type"], "offer");
        value["sdp"].as_str().expect("a string").to_owned()
    }

    fn candidate_text(text: &str) -> Result<String, Rejection> {
        let init = json!({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0});
        let value: Value = serde_json::from_str(&proposed(&init)?).expect("JSON");
        assert_eq!((&value["sdpMid"], &value["sdpMLineIndex"]), (&json!("0"), &json!(0)));
        Ok(value["candidate"].as_str().expect("a string").to_owned())
    }

    #[test]
    fn a_line_says_where_nobody_is() {
        for (line, expect) in [
            ("o=- 1 2 IN IP4 192.0.2.10", "o=- 1 2 IN IP4 0.0.0.0"),
            ("o=- 1 2 IN IP6 2001:db8::1", "o=- 1 2 IN IP6 ::"),
            ("c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0"),
            ("c=IN IP6 2001:db8::1", "c=IN IP6 ::"),
            ("c=IN IP4 host.example.org", "c=IN IP4 0.0.0.0"),
            ("m=audio 52110 UDP/TLS/RTP/SAVPF 111 63", "m=audio 9 UDP/TLS/RTP/SAVPF 111 63"),
            ("m=video 0 UDP/TLS/RTP/SAVPF 96", "m=video 0 UDP/TLS/RTP/SAVPF 96"),
            ("m=audio", ""),
            ("a=rtcp:52111 IN IP4 192.0.2.10", "a=rtcp:9 IN IP4 0.0.0.0"),
            ("a=rtcp:52111", "a=rtcp:9 IN IP4 0.0.0.0"),
            ("a=remote-candidates:1 192.0.2.10 52110", ""),
            ("a=candidate:1 1 udp 2122260223 192.0.2.10 52110 typ host", ""),
            ("a=candidate:1 1 udp 2 5a1f.local 52110 typ host generation 0", ""),
            ("a=candidate:1 1 udp 2 192.0.2.10 1 typ srflx raddr 10.0.0.1 rport 1", ""),
            ("a=candidate:1 1 tcp 2 192.0.2.10 9 typ host tcptype active", ""),
            ("a=candidate:1 1 udp 2 192.0.2.10 1 typ something-new", ""),
            ("a=candidate:nonsense", ""),
            (
                "a=candidate:1 1 udp 2 203.0.113.7 1 typ relay raddr 10.0.0.1 rport 7 generation 0",
                "a=candidate:1 1 udp 2 203.0.113.7 1 typ relay raddr 0.0.0.0 rport 0 generation 0",
            ),
            (
                "a=candidate:1 1 udp 2 203.0.113.7 1 typ relay",
                "a=candidate:1 1 udp 2 203.0.113.7 1 typ relay raddr 0.0.0.0 rport 0",
            ),
            ("a=end-of-candidates", "a=end-of-candidates"),
            ("a=rtcp-fb:111 transport-cc", "a=rtcp-fb:111 transport-cc"),
            ("a=ice-ufrag:a1b2", "a=ice-ufrag:a1b2"),
            ("s=-", "s=-"),
        ] {
            for end in ["\r\n", "\n"] {
                let expect =
                    if expect.is_empty() { String::new() } else { format!("{expect}{end}") };
                assert_eq!(stripped(&format!("{line}{end}")), expect);
            }
        }
    }

    #[test]
    fn a_description_keeps_the_rest_as_it_was() {
        let sdp = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n";
        assert_eq!(stripped(sdp), sdp.replace("127.0.0.1", "0.0.0.0"));
        assert_eq!(stripped(""), "");
        let rollback = described(&json!({"type": "rollback"})).expect("a description");
        assert_eq!(rollback, r#"{"type":"rollback"}"#);
    }

    #[test]
    fn a_candidate_of_a_relay_passes_and_says_nothing_more() {
        let relayed =
            "candidate:1 1 udp 2 203.0.113.7 1 typ relay raddr 192.0.2.10 rport 7 ufrag x";
        let expect = "candidate:1 1 udp 2 203.0.113.7 1 typ relay raddr 0.0.0.0 rport 0 ufrag x";
        assert_eq!(candidate_text(relayed).as_deref(), Ok(expect));
        for other in ["candidate:1 1 udp 2 192.0.2.10 1 typ host", "anything"] {
            assert_eq!(candidate_text(other), Err(Rejection::RelayOnly));
        }
    }

    #[test]
    fn the_ends_of_candidates_pass_and_fields_of_other_names_do_not() {
        assert_eq!(candidate_text("").as_deref(), Ok(""));
        assert_eq!(proposed(&json!(null)).expect("an end"), "null");
        let more = json!({"candidate": "", "address": "192.0.2.10", "usernameFragment": "a"});
        let passed = proposed(&more).expect("an end");
        assert_eq!(passed, r#"{"candidate":"","usernameFragment":"a"}"#);
        assert_eq!(
            proposed(&json!({"candidate": 7})).map(|_| ()),
            Err(Rejection::BadField("candidate"))
        );
    }
}
