//! RFC 8839 §5.1: what is read of candidates beside the path. They are passed on as they came.
//!
//! ```text
//!   candidate:1 1 udp 2122260223 192.0.2.10 52110 typ srflx raddr 10.0.0.1 rport 52110 …
//!             │ │  │      │      └─ address ────┘     │          └─ base ─────────┘
//!   foundation  │  │   priority                      type
//!       component  transport
//! ```

use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::protocol::{CandidateType, Protocol};

/// A candidate, as far as it explains something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) kind: CandidateType,
    pub(crate) protocol: Protocol,
    /// `None`: a name that hides it.
    pub(crate) address: Option<SocketAddr>,
    /// What it is seen from, where it is not the device's own address.
    pub(crate) base: Option<SocketAddr>,
}

/// The candidates in a JSON text: an `RTCIceCandidateInit` or an `RTCSessionDescriptionInit`. What
/// is written in other ways than browsers write it is not found, and passes all the same.
pub(crate) fn announced(json: &str) -> impl Iterator<Item = Announced> {
    let places = CANDIDATE.find_iter(json.as_bytes());
    places.filter_map(|at| attribute(words_of(&json[at + CANDIDATE.needle().len()..])?))
}

/// What stands before the end of the line, and before the next candidate.
fn words_of(text: &str) -> Option<&str> {
    let line = text.split(['"', '\\']).next()?;
    Some(CANDIDATE.find(line.as_bytes()).map_or(line, |next| &line[..next]))
}

/// Whether such a text may say anything of candidates, or of their end.
pub(crate) fn mentions_candidates(json: &str) -> bool {
    MENTION.find(json.as_bytes()).is_some()
}

/// Whether such a text says anything of a candidate.
pub(crate) fn has_candidate(json: &str) -> bool {
    CANDIDATE.find(json.as_bytes()).is_some()
}

/// Whether a description says that there are no more.
pub(crate) fn has_end(json: &str) -> bool {
    END.find(json.as_bytes()).is_some()
}

fn attribute(text: &str) -> Option<Announced> {
    let mut words = text.split_ascii_whitespace();
    let protocol = match words.nth(2)? {
        transport if transport.eq_ignore_ascii_case("udp") => Protocol::Udp,
        transport if transport.eq_ignore_ascii_case("tcp") => Protocol::Tcp,
        _ => return None,
    };
    let (ip, port) = (words.nth(1)?, words.next()?.parse().ok()?);
    let kind = match (words.next()?, words.next()?) {
        ("typ", "host") => CandidateType::Host,
        ("typ", "srflx") => CandidateType::Srflx,
        ("typ", "prflx") => CandidateType::Prflx,
        ("typ", "relay") => CandidateType::Relay,
        _ => return None,
    };
    let base = match (words.next(), words.next(), words.next(), words.next()) {
        (Some("raddr"), Some(ip), Some("rport"), Some(port)) => socket(ip, port.parse().ok()?),
        _ => None,
    };
    Some(Announced { kind, protocol, address: socket(ip, port), base })
}

/// Descriptions are long, and most have none of these.
static MENTION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("candidate"));
static CANDIDATE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("candidate:"));
static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("a=end-of-candidates"));

fn socket(ip: &str, port: u16) -> Option<SocketAddr> {
    ip.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_a_candidate() {
        let at = |text: &str| Some(text.parse().expect("an address"));
        for (json, expect) in [
            (
                r#"{"candidate":"candidate:1 1 udp 21 192.0.2.10 52110 typ host","sdpMid":"0"}"#,
                Some((CandidateType::Host, Protocol::Udp, at("192.0.2.10:52110"), None)),
            ),
            (
                r#"{"candidate":"candidate:1 1 UDP 21 2001:db8::1 5 typ srflx raddr ::1 rport 7"}"#,
                Some((CandidateType::Srflx, Protocol::Udp, at("[2001:db8::1]:5"), at("[::1]:7"))),
            ),
            (
                r#"{"candidate":"candidate:1 1 tcp 21 5a1f.local 9 typ host tcptype active"}"#,
                Some((CandidateType::Host, Protocol::Tcp, None, None)),
            ),
            (r#"{"candidate":"candidate:1 1 sctp 21 192.0.2.10 9 typ host"}"#, None),
            (r#"{"candidate":"candidate:1 1 udp 21 192.0.2.10 99999 typ host"}"#, None),
            (r#"{"candidate":"candidate:1 1 udp 21 192.0.2.10 9 typ new"}"#, None),
            (r#"{"candidate":"candidate:"}"#, None),
            (r#"{"candidate":"candidate:candidate:1 1 udp 2 192.0.2.1 9 typ host"}"#, {
                Some((CandidateType::Host, Protocol::Udp, at("192.0.2.1:9"), None))
            }),
            (r#"{"candidate":"candidate:1 1 udp 2 candidate:192.0.2.1 9 typ host"}"#, None),
            (r#"{"candidate":""}"#, None),
            ("null", None),
        ] {
            let mut found = announced(json);
            let (found, another) = (found.next(), found.next());
            assert_eq!(another, None, "{json}");
            let found = found.map(|one| (one.kind, one.protocol, one.address, one.base));
            assert_eq!(found, expect, "{json}");
        }
    }

    #[test]
    fn a_description_may_have_many() {
        let sdp = r#"{"type":"offer","sdp":"v=0\r\n"#.to_owned()
            + r"a=candidate:1 1 udp 2 192.0.2.1 1 typ host\r\n"
            + r"a=candidate:2 1 udp 1 203.0.113.1 2 typ relay raddr 0.0.0.0 rport 0\r\n"
            + r#"a=end-of-candidates\r\n"}"#;
        let kinds: Vec<_> = announced(&sdp).map(|one| one.kind).collect();
        assert_eq!(kinds, [CandidateType::Host, CandidateType::Relay]);
    }
}
