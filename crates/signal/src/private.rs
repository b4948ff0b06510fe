//! RFC 1918 §3: addresses that mean something inside of one network alone.

use std::net::IpAddr;

/// Whether nobody outside of one network can reach this address: RFC 1918, RFC 6598 (what
/// providers share out behind their own NATs), RFC 3927, RFC 4193, link-local, loopback; also where
/// one stands in IPv6 (`::ffff:10.0.0.1`).
///
/// Not the whole table of special-purpose ranges: what is for documentation stands for public
/// addresses in laboratories.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_what_one_network_alone_can_reach() {
        for (address, expect) in [
            ("10.0.0.1", true),
            ("172.31.255.255", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("127.0.0.1", true),
            ("169.254.0.1", true),
            ("100.64.0.1", true),
            ("100.127.255.255", true),
            ("100.128.0.1", false),
            ("203.0.113.7", false),
            ("8.8.8.8", false),
            ("::1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("::ffff:10.0.0.1", true),
            ("::ffff:203.0.113.7", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(address.parse().expect("an address")), expect, "{address}");
        }
    }
}
