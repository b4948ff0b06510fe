//! RFC 6890 §2.2: Special-Purpose Address Registries. Where no peer on the Internet can be: the
//! built-in deny table.

use std::net::IpAddr;

use crate::cidr::Cidr;

/// Whether `ip` lies in a special-purpose range: loopback, link-local, private, shared, multicast,
/// broadcast, documentation, reserved, or a range that only carries IPv4 addresses in disguise.
pub(crate) fn contains(ip: IpAddr) -> bool {
    let table: &[Cidr] = match ip {
        IpAddr::V4(_) => &V4,
        IpAddr::V6(_) => &V6,
    };
    !NAT64.contains(ip) && table.iter().any(|range| range.contains(ip))
}

/// Whether `ip` is a host from which a cloud machine reads its own credentials.
pub(crate) fn is_metadata_host(ip: IpAddr) -> bool {
    METADATA_HOSTS.iter().any(|host| host.contains(ip))
}

/// The well-known prefix of RFC 6052: globally reachable, and judged by the IPv4 address inside.
const NAT64: Cidr = Cidr::v6(0x0064_ff9b << 96, 96);

const V4: [Cidr; 20] = [
    Cidr::v4([0, 0, 0, 0], 8), // "this network"; 0.0.0.0 reaches loopback on Linux
    Cidr::v4([10, 0, 0, 0], 8), // private use
    Cidr::v4([100, 64, 0, 0], 10), // shared address space: carrier-grade NAT
    Cidr::v4([127, 0, 0, 0], 8), // loopback
    Cidr::v4([169, 254, 0, 0], 16), // link-local
    Cidr::v4([172, 16, 0, 0], 12), // private use
    Cidr::v4([192, 0, 0, 0], 24), // IETF protocol assignments, DS-Lite
    Cidr::v4([192, 0, 2, 0], 24), // documentation
    Cidr::v4([192, 31, 196, 0], 24), // AS112
    Cidr::v4([192, 52, 193, 0], 24), // AMT
    Cidr::v4([192, 88, 99, 0], 24), // deprecated 6to4 relays
    Cidr::v4([192, 168, 0, 0], 16), // private use
    Cidr::v4([192, 175, 48, 0], 24), // AS112
    Cidr::v4([198, 18, 0, 0], 15), // benchmarking
    Cidr::v4([198, 51, 100, 0], 24), // documentation
    Cidr::v4([203, 0, 113, 0], 24), // documentation
    Cidr::v4([224, 0, 0, 0], 4), // multicast
    Cidr::v4([240, 0, 0, 0], 4), // reserved
    Cidr::v4([255, 255, 255, 255], 32), // limited broadcast
    Cidr::v4([168, 63, 129, 16], 32), // Azure's host agent: public by number, inside by nature
];

const V6: [Cidr; 9] = [
    Cidr::v6(0, 3), // ::, ::1, v4-mapped, v4-compatible, 64:ff9b:1::/48, 100::/64
    Cidr::v6(0x2001 << 112, 23), // IETF protocol assignments, Teredo, benchmarking, ORCHID
    Cidr::v6(0x2001_0db8 << 96, 32), // documentation
    Cidr::v6(0x2002 << 112, 16), // 6to4
    Cidr::v6(0x2620_004f_8000 << 80, 48), // AS112
    Cidr::v6(0x3fff << 112, 20), // documentation
    Cidr::v6(0x4000 << 112, 2), // not allocated; 5f00::/16 SRv6
    Cidr::v6(0x8000 << 112, 2), // not allocated
    Cidr::v6(0xc000 << 112, 2), // fc00::/7 unique local, fe80::/10 link-local, ff00::/8 multicast
];

const METADATA_HOSTS: [Cidr; 11] = [
    Cidr::v4([169, 254, 169, 254], 32), // most clouds
    Cidr::v4([169, 254, 169, 253], 32), // AWS resolver
    Cidr::v4([169, 254, 170, 2], 32),   // AWS container credentials
    Cidr::v4([169, 254, 170, 23], 32),  // AWS pod identity
    Cidr::v4([169, 254, 42, 42], 32),   // Scaleway
    Cidr::v4([100, 100, 100, 200], 32), // Alibaba
    Cidr::v4([168, 63, 129, 16], 32),   // Azure
    Cidr::v4([192, 0, 0, 192], 32),     // Oracle
    Cidr::v6(0xfd00_0ec2_0000_0000_0000_0000_0000_0254, 128), // AWS
    Cidr::v6(0xfd00_0ec2_0000_0000_0000_0000_0000_0023, 128), // AWS pod identity
    Cidr::v6(0xfd20_00ce_0000_0000_0000_0000_0000_0254, 128), // Google
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_every_range_and_their_neighbours() {
        for (first, last, before, after) in [
            ("0.0.0.0", "0.255.255.255", "", "1.0.0.0"),
            ("10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"),
            ("127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"),
            ("169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"),
            ("172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"),
            ("192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"),
            ("198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"),
            ("224.0.0.0", "255.255.255.255", "223.255.255.255", ""),
            ("168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"),
            ("::", "0064:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "", "64:ff9b::"),
            ("64:ff9b::1:0:0", "1fff:ffff::", "64:ff9b::ffff:ffff", "2000::"),
            ("2001::", "2001:1ff:ffff::", "2000:ffff::", "2001:200::"),
            ("2001:db8::", "2001:db8:ffff::", "2001:db7:ffff::", "2001:db9::"),
            ("2002::", "2002:ffff::", "2001:ffff::", "2003::"),
            ("3fff::", "3fff:fff:ffff::", "3ffe:ffff::", "3fff:1000::"),
            ("4000::", "ffff:ffff::", "3fff:ffff::", ""),
        ] {
            for ip in [first, last] {
                assert!(contains(ip.parse().unwrap()), "{ip} is special");
            }
            for ip in [before, after].into_iter().filter(|ip| !ip.is_empty()) {
                assert!(!contains(ip.parse().unwrap()), "{ip} is ordinary");
            }
        }
    }
}
