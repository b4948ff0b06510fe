//! Every encoding, every order, and what stands outside the order.

use super::*;

fn never(_: SocketAddr) -> bool {
    false
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ranges(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Every way to write an IPv4 address as an IPv6 one.
fn disguises(v4: &str) -> Vec<IpAddr> {
    let v4: Ipv4Addr = v4.parse().unwrap();
    let bits = u128::from(v4.to_bits());
    [
        bits,
        0xffff_0000_0000 | bits,
        0xffff_0000_0000_0000 | bits,
        0x0064_ff9b << 96 | bits,
        0x0064_ff9b_0001 << 80 | bits,
        0x0064_ff9b_0001_abcd << 64 | bits,
        0x2002 << 112 | bits << 80,
        0x2002 << 112 | bits << 80 | 0x1234_5678,
        0x2001_0000 << 96 | u128::from(!v4.to_bits()),
        0x2001_0000_0808_0808 << 64 | u128::from(!v4.to_bits()),
    ]
    .map(|bits| std::net::Ipv6Addr::from_bits(bits).into())
    .to_vec()
}

#[test]
fn an_ipv4_address_is_recognised_in_every_disguise() {
    for v4 in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8", "255.255.255.255"] {
        for disguise in disguises(v4) {
            assert_eq!(canonical(disguise), ip(v4), "{disguise}");
        }
    }
    for itself in ["::", "::1", "2a00::1", "fe80::1", "64:ff9c::1", "2003::1", "2001:1::1"] {
        assert_eq!(canonical(ip(itself)), ip(itself));
    }
}

#[test]
fn without_configuration_only_the_internet_is_reachable() {
    let policy = PeerPolicy { own: vec![ip("9.9.9.9"), ip("2a00::9")], ..PeerPolicy::default() };
    for outside in ["8.8.8.8", "1.1.1.1", "223.255.255.255", "2a00::1", "2600::1"] {
        assert!(policy.permits(ip(outside)), "{outside}");
    }
    assert!(policy.permits(ip("64:ff9b::8.8.8.8")), "a NAT64 gateway leads to the Internet");
    for inside in ["9.9.9.9", "0.0.0.0", "127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1"]
    {
        assert!(!policy.permits(ip(inside)), "{inside}");
        for disguise in disguises(inside) {
            assert!(!policy.permits(disguise), "{disguise}");
        }
    }
    for inside in ["::", "::1", "2a00::9", "fe80::1", "fd00::1", "ff02::1", "fd00:ec2::254"] {
        assert!(!policy.permits(ip(inside)), "{inside}");
    }
    assert!(!policy.permits(ip("::ffff:8.8.8.8")), "v4-mapped is no address on a wire");
    assert!(!policy.permits(ip("2002:808:808::1")), "6to4 is a special-purpose range");
}

#[test]
fn deny_comes_before_allow_and_allow_before_the_table() {
    let policy = PeerPolicy {
        allow: ranges(&["10.0.0.0/8", "fd00::/8"]),
        deny: ranges(&["10.1.0.0/16", "8.8.8.0/24", "2a00:1::/32"]),
        ..PeerPolicy::default()
    };
    for allowed in ["10.0.0.1", "64:ff9b::10.0.0.1", "fd00::1", "8.8.4.4", "2a00::1"] {
        assert!(policy.permits(ip(allowed)), "{allowed}");
    }
    for denied in ["10.1.0.1", "::ffff:10.1.0.1", "8.8.8.8", "64:ff9b::8.8.8.8", "2a00:1::1"] {
        assert!(!policy.permits(ip(denied)), "{denied}");
    }
    assert!(!policy.permits(ip("192.168.0.1")));
}

#[test]
fn allowing_a_disguise_opens_nothing_behind_it() {
    let allow = ranges(&["2002::/16", "::/0", "64:ff9b:1::/48"]);
    let policy = PeerPolicy { allow, ..PeerPolicy::default() };
    for denied in disguises("127.0.0.1") {
        assert!(!policy.permits(denied), "{denied}");
    }
    assert!(policy.permits(ip("2002:808:808::1")));
    assert!(policy.permits(ip("64:ff9b:1::8.8.8.8")));
}

#[test]
fn a_metadata_host_is_opened_by_its_exact_address_alone() {
    for (host, range) in [
        ("169.254.169.254", "169.254.0.0/16"),
        ("168.63.129.16", "168.63.129.0/24"),
        ("100.100.100.200", "0.0.0.0/0"),
        ("fd00:ec2::254", "fd00::/8"),
    ] {
        let wide = PeerPolicy { allow: ranges(&[range]), ..PeerPolicy::default() };
        assert!(!wide.permits(ip(host)), "{host} by {range}");
        let exact = PeerPolicy { allow: ranges(&[host]), ..PeerPolicy::default() };
        assert!(exact.permits(ip(host)), "{host}");
    }
}

#[test]
fn own_listeners_are_out_of_reach_whatever_is_allowed() {
    let policy = PeerPolicy {
        allow: ranges(&["0.0.0.0/0", "::/0", "9.9.9.9"]),
        relays: vec![ip("9.9.9.9")],
        own: vec![ip("10.0.0.5"), ip("2a00::5")],
        listeners: ["0.0.0.0:3478", "127.0.0.1:8080", "10.0.0.5:443", "[::]:53"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        ..PeerPolicy::default()
    };
    for closed in [
        "9.9.9.9:3478",
        "10.0.0.5:3478",
        "127.3.2.1:3478",
        "0.0.0.0:3478",
        "[2a00::5]:3478",
        "[::1]:3478",
        "[::ffff:10.0.0.5]:3478",
        "[64:ff9b::10.0.0.5]:3478",
        "127.0.0.1:8080",
        "10.0.0.5:443",
        "9.9.9.9:443",
        "0.0.0.0:53",
        "[::]:53",
        "[::ffff:127.0.0.1]:8080",
        "8.8.8.8:0",
    ] {
        assert_eq!(policy.reach(closed.parse().unwrap(), never), Reach::Forbidden, "{closed}");
        let closed = PeerAddr(closed.parse().unwrap());
        assert!(!policy.is_source(Sender::Peer(closed)), "{closed:?}");
    }
    for open in ["9.9.9.9:3479", "8.8.8.8:3478", "127.0.0.2:8080", "10.0.0.5:8080"] {
        assert_eq!(policy.reach(open.parse().unwrap(), never), Reach::Outside, "{open}");
    }
}

#[test]
fn a_relay_address_is_granted_and_reaches_live_allocations_only() {
    let policy = PeerPolicy { relays: vec![ip("9.9.9.9")], ..PeerPolicy::default() };
    let live = |peer: SocketAddr| peer.port() == 50_000;
    assert!(policy.grants_permission(ip("9.9.9.9")) && !policy.permits(ip("9.9.9.9")));
    assert!(!policy.grants_permission(ip("::ffff:9.9.9.9")));
    for (peer, reach) in [
        ("9.9.9.9:50000", Reach::InMemory),
        ("9.9.9.9:50001", Reach::Forbidden),
        ("9.9.9.9:22", Reach::Forbidden),
        ("8.8.8.8:50000", Reach::Outside),
    ] {
        assert_eq!(policy.reach(peer.parse().unwrap(), live), reach, "{peer}");
    }
    let of_this_host = |port| SocketAddr::new(ip("9.9.9.9"), port);
    assert!(policy.is_source(Sender::Relayed(RelayedAddr(of_this_host(50_000)))));
    assert!(policy.is_source(Sender::Peer(PeerAddr("8.8.8.8:22".parse().unwrap()))));
    let other_program = Sender::Peer(PeerAddr(of_this_host(22)));
    assert!(!policy.is_source(other_program));
    let open = PeerPolicy { allow: ranges(&["9.9.9.9"]), ..policy };
    assert_eq!(open.reach(of_this_host(22), live), Reach::Outside);
    assert!(open.is_source(other_program));
}
