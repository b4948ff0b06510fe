//! Configuration files that nobody would write: each is read or refused with a place and a reason.
//! The same edits every time, chosen by a seed.

use super::text as read;
use crate::host::Host;

const WHOLE: &str = r#"
[http]
listen = ["127.0.0.1:8080", "[::1]:8080"]
trusted_proxies = "10.0.0.0/8"
[https]
certificate = "fullchain.pem"
key = "privkey.pem"
[turn]
listen = ["udp:0.0.0.0:3478"]
realm = "example.org"
relay_addresses = ["203.0.113.7=10.0.0.7"]
relay_ports = "49152-65535"
max_session = "24h"
[turn.auth]
secrets = ["hush"]
users = { alice = "hush", bob = { key = "000102030405060708090a0b0c0d0e0f" } }
[turn.peers]
allow = ["10.0.0.0/8"]
deny = ["2001:db8::/32"]
[turn.limits]
allocations_per_user = 100
user_bits_per_second = 8_000_000
[signaling.auth]
jwt = { secrets = "hush", issuer = "me" }
[[ice_servers]]
urls = ["stun:stun.example.net"]
[admin]
listen = "0.0.0.0:9090"
token = "hush"
"#;

/// What is put in somewhere.
const PIECES: [&str; 24] = [
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\n",
    "#",
    "\\",
    "\\u{ffff}",
    "-1",
    "0",
    "99999999999999999999",
    "0x7f",
    "1e9",
    "true",
    "ü",
    "\u{0}",
    "[turn]",
    "/33",
    ":",
];

fn host() -> Host {
    Host { addresses: vec!["192.0.2.1".parse().unwrap()], has_ipv6: true }
}

/// Reads a text, and looks at what is said about it.
fn judge(text: &str) -> bool {
    match read("kopru.toml", text, &host()) {
        Ok(_) => true,
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason: {text}");
            for mistake in mistakes {
                let said = mistake.to_string();
                assert!(mistake.line.is_none_or(|line| line <= text.lines().count() + 1), "{said}");
                assert!(said.starts_with("kopru.toml"), "{said}");
            }
            false
        }
    }
}

#[test]
fn every_text_is_read_or_refused_with_a_reason() {
    assert!(judge(WHOLE));
    let (mut seed, mut read) = (1_u64, 0);
    let mut below = |end: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % end
    };
    for _ in 0..5000 {
        let mut text = WHOLE.to_owned();
        for _ in 0..=below(3) {
            let (at, piece) = (below(text.len()), PIECES[below(PIECES.len())]);
            let end = (at + below(12)).min(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(end) {
                text.replace_range(at..end, piece);
            }
        }
        read += usize::from(judge(&text));
    }
    assert!((1..4000).contains(&read), "{read} of 5000 were read: most edits break something");
}
