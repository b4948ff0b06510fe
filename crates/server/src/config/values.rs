//! The forms of the values: each parses one string, or says what would be right.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kopru_net::{PortRange, PortRangeError, RelayAddress};
use kopru_signal::{Relay, RoomKind, RoomPattern, SameIdentity};
use kopru_turn::Cidr;

use super::error::Wrong;
use crate::jwt_key::Algorithm;

/// `ADDRESS:PORT`.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Wrong> {
    text.parse().map_err(|_| Wrong::Listen)
}

/// Where and over what STUN and TURN are to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TurnAddress {
    /// Where.
    pub(crate) address: SocketAddr,
    /// Over UDP.
    pub(crate) udp: bool,
    /// Over TCP.
    pub(crate) tcp: bool,
}

/// `ADDRESS:PORT`, `udp:ADDRESS:PORT` or `tcp:ADDRESS:PORT`.
pub(crate) fn turn_listen(text: &str) -> Result<TurnAddress, Wrong> {
    let (address, udp, tcp) = match text.split_once(':') {
        Some(("udp", address)) => (address, true, false),
        Some(("tcp", address)) => (address, false, true),
        Some(("tls" | "dtls", _)) => return Err(Wrong::Transport),
        _ => (text, true, true),
    };
    Ok(TurnAddress { address: listen(address)?, udp, tcp })
}

/// `ADDRESS` or `PUBLIC=PRIVATE`.
pub(crate) fn relay_address(text: &str) -> Result<RelayAddress, Wrong> {
    let address: RelayAddress = text.parse().map_err(|_| Wrong::RelayAddress)?;
    let RelayAddress { advertised, bound } = address;
    if [advertised, bound].iter().any(|ip| ip.is_unspecified() || ip.is_multicast()) {
        return Err(Wrong::NotUnicast);
    }
    if advertised.is_ipv4() != bound.is_ipv4() {
        return Err(Wrong::FamiliesDiffer);
    }
    Ok(address)
}

/// An address or a CIDR block.
pub(crate) fn cidr(text: &str) -> Result<Cidr, Wrong> {
    text.parse().map_err(Wrong::Cidr)
}

/// `FIRST-LAST`.
pub(crate) fn port_range(text: &str) -> Result<PortRange, Wrong> {
    text.parse().map_err(|_: PortRangeError| Wrong::PortRange)
}

/// A number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, Wrong> {
    let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at));
    let (number, unit) = text.split_at(split.ok_or(Wrong::Duration)?);
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86400,
        _ => return Err(Wrong::Duration),
    };
    let count: u64 = number.parse().map_err(|_| Wrong::Duration)?;
    count
        .checked_mul(unit_s)
        .filter(|s| *s > 0 && *s <= u64::from(u32::MAX))
        .map(Duration::from_secs)
        .ok_or(Wrong::Duration)
}

/// A host name or an address, as it stands in a URL (an IPv6 address gets its brackets).
pub(crate) fn host(text: &str) -> Result<String, Wrong> {
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(url_host(ip));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    if text.len() <= 253 && name.split('.').all(label) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::Host)
    }
}

/// An address as it stands in a URL.
pub(crate) fn url_host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// A realm (RFC 8489 §14.9), short enough for a 401 that does not amplify.
pub(crate) fn realm(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.len() > 32 || text.contains('"') {
        return Err(Wrong::Realm);
    }
    Ok(text.to_owned())
}

/// The kind of a room.
pub(crate) fn room_kind(text: &str) -> Result<RoomKind, Wrong> {
    RoomKind::read(text).ok_or(Wrong::RoomKind)
}

/// The page's URL, without a slash at the end.
pub(crate) fn public_url(text: &str) -> Result<String, Wrong> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Wrong::PublicUrl),
    }
}

/// The beginning of all paths: empty, or with a slash in front and none behind.
pub(crate) fn base_path(text: &str) -> Result<String, Wrong> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let segment = |segment: &str| {
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(is_plain)
    };
    match text.trim_end_matches('/').strip_prefix('/') {
        Some(path) if path.split('/').all(segment) => Ok(format!("/{path}")),
        None if text.chars().all(|letter| letter == '/') => Ok(String::new()),
        _ => Err(Wrong::BasePath),
    }
}

/// An origin (RFC 6454 §6.2), or `*` for any.
pub(crate) fn origin(text: &str) -> Result<String, Wrong> {
    let well_formed = || {
        let (scheme, host) = text.split_once("://")?;
        let scheme_ok = !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        (scheme_ok && !host.is_empty() && !host.contains(['/', '?', '#', '@'])).then_some(())
    };
    if text == "*" || well_formed().is_some() {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Wrong::Origin)
    }
}

/// A room, all rooms below a prefix, or all.
pub(crate) fn room_pattern(text: &str) -> Result<RoomPattern, Wrong> {
    RoomPattern::new(text).ok_or(Wrong::RoomPattern)
}

/// A STUN or TURN URL (RFC 7064 §3.1, RFC 7065 §3.1), as far as a glance tells.
pub(crate) fn ice_url(text: &str) -> Result<String, Wrong> {
    match text.split_once(':') {
        Some(("stun" | "stuns" | "turn" | "turns", rest))
            if !rest.is_empty() && !rest.starts_with(['/', '?', ':']) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Wrong::IceUrl),
    }
}

/// Any text but the empty one.
pub(crate) fn not_empty(text: &str) -> Result<String, Wrong> {
    if text.is_empty() { Err(Wrong::Empty) } else { Ok(text.to_owned()) }
}

/// A configured user name.
pub(crate) fn user_name(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.len() > 508 || text.contains(':') {
        return Err(Wrong::UserName);
    }
    Ok(text.to_owned())
}

/// The algorithm of a key of tokens.
pub(crate) fn jwt_algorithm(text: &str) -> Result<Algorithm, Wrong> {
    let named = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == text);
    named.ok_or(Wrong::NotOneOf("\"HS256\", \"RS256\", \"ES256\" or \"EdDSA\""))
}

/// What a second device of somebody in a room means.
pub(crate) fn same_identity(text: &str) -> Result<SameIdentity, Wrong> {
    match text {
        "several" => Ok(SameIdentity::Several),
        "replace" => Ok(SameIdentity::Replace),
        "reject" => Ok(SameIdentity::Reject),
        _ => Err(Wrong::NotOneOf("\"several\", \"replace\" or \"reject\"")),
    }
}

/// Whether a token's holder may relay.
pub(crate) fn relay(text: &str) -> Result<Relay, Wrong> {
    match text {
        "yes" => Ok(Relay::Yes),
        "no" => Ok(Relay::No),
        "only" => Ok(Relay::Only),
        _ => Err(Wrong::NotOneOf("\"yes\", \"no\" or \"only\"")),
    }
}

/// So many bytes in hexadecimal.
pub(crate) fn hex<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    let (pairs, []) = text.as_bytes().as_chunks() else { return None };
    let digit = |letter: u8| char::from(letter).to_digit(16);
    let byte = |&[high, low]: &[u8; 2]| Some((digit(high)? << 4 | digit(low)?) as u8);
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("24h", 86400), ("2d", 172_800)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "10", "0s", "-1s", "1.5h", "10 m", "9ü", "99999999999999999999s"] {
            assert_eq!(duration(text), Err(Wrong::Duration), "{text}");
        }
    }

    #[test]
    fn relay_addresses() {
        let both = relay_address("203.0.113.7=10.0.0.5").unwrap();
        assert_eq!(both.advertised.to_string(), "203.0.113.7");
        assert_eq!(both.bound.to_string(), "10.0.0.5");
        let one = relay_address("2001:db8::1").unwrap();
        assert_eq!(one.advertised, one.bound);
        for (text, wrong) in [
            ("0.0.0.0", Wrong::NotUnicast),
            ("203.0.113.7=::1", Wrong::FamiliesDiffer),
            ("203.0.113.7=", Wrong::RelayAddress),
            ("224.0.0.1", Wrong::NotUnicast),
            ("turn.example.org", Wrong::RelayAddress),
        ] {
            assert_eq!(relay_address(text), Err(wrong), "{text}");
        }
    }

    #[test]
    fn hexadecimal_has_the_length_that_is_asked_for() {
        assert_eq!(hex("00fFa9"), Some([0, 0xff, 0xa9]));
        for text in ["", "00ff", "00ffa", "00ffag", "00ffa9a9", "+0ffa9", "0ü0a9"] {
            assert_eq!(hex::<3>(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_urls_and_origins() {
        assert_eq!(host("turn.example.org").as_deref(), Ok("turn.example.org"));
        assert_eq!(host("2001:db8::1").as_deref(), Ok("[2001:db8::1]"));
        for text in ["", "a b", "turn:3478", "https://x", "a..b"] {
            assert_eq!(host(text), Err(Wrong::Host), "{text}");
        }
        assert_eq!(public_url("https://x.org/").as_deref(), Ok("https://x.org"));
        for text in ["x.org", "https://", "https://x.org/#room", "ftp://x"] {
            assert_eq!(public_url(text), Err(Wrong::PublicUrl), "{text}");
        }
        for (text, path) in [("/", ""), ("", ""), ("/kopru", "/kopru"), ("/a/b-1/", "/a/b-1")] {
            assert_eq!(base_path(text).as_deref(), Ok(path), "{text}");
        }
        for text in ["kopru", "/a b", "/a//b", "/../x", "/{x}", "/a?b"] {
            assert_eq!(base_path(text), Err(Wrong::BasePath), "{text}");
        }
        assert_eq!(origin("https://App.example.org").as_deref(), Ok("https://app.example.org"));
        for text in ["app.example.org", "https://app.example.org/", "https://", ""] {
            assert_eq!(origin(text), Err(Wrong::Origin), "{text}");
        }
    }
}
