//! Whom a source address is counted with, where one address alone means nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::five_tuple::ClientAddr;

/// The network that a source address is in: /24 of IPv4, /48 of IPv6.
///
/// These are the longest prefixes that networks announce to one another, and so the smallest that
/// surely have one owner, who can send from any address in them. A /24 has 256 addresses, a /48 has
/// 256 customers with a /56 each (RFC 6177): alike enough for one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePrefix(IpAddr);

impl SourcePrefix {
    /// The prefix of a client.
    pub fn of(ClientAddr(client): ClientAddr) -> Self {
        Self(match client.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Ipv4Addr::new(a, b, c, 0).into()
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_prefix() {
        let prefix = |text: &str| SourcePrefix::of(ClientAddr(text.parse().unwrap()));
        for (one, other, same) in [
            ("192.0.2.1:1", "192.0.2.255:2", true),
            ("192.0.2.1:1", "192.0.3.1:1", false),
            ("192.0.2.1:1", "[::ffff:192.0.2.9]:1", true),
            ("[2001:db8:7::1]:1", "[2001:db8:7:ffff:ffff::1]:2", true),
            ("[2001:db8:7::1]:1", "[2001:db8:8::1]:1", false),
        ] {
            assert_eq!(prefix(one) == prefix(other), same, "{one} {other}");
        }
    }
}
