//! RFC 4787: each behavior by itself.

use std::time::Duration;

use super::*;
use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};

/// A NAT and what it needs to be asked.
struct Bench {
    nat: Nat,
    now: Instant,
    random: Random,
}

impl Bench {
    fn new(behavior: NatBehavior) -> Self {
        Self::with_pool(behavior, 1)
    }

    fn with_pool(behavior: NatBehavior, addresses: u8) -> Self {
        let external = (1..=addresses).map(|number| IpAddr::from([5, 0, 1, number]));
        #[allow(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        Self { nat: Nat::new(behavior, external.collect()), now, random: Random::new(7) }
    }

    fn out(&mut self, from: &str, to: &str) -> SocketAddr {
        let (from, to) = (address(from), address(to));
        self.nat.outbound(self.now, &mut self.random, from, to).expect("it leaves")
    }

    fn back(&mut self, from: &str, to: SocketAddr) -> Result<SocketAddr, Loss> {
        self.nat.inbound(self.now, address(from), to)
    }

    fn pass_s(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address and port")
}

#[test]
fn a_mapping_is_used_again_for_what_the_behavior_says() {
    // 4.1: "Specifically, X1':x1' equals X2':x2'" for all, for the same Y, for the same Y:y
    for (mapping, same_address, other_address) in [
        (EndpointIndependent, true, true),
        (AddressDependent, true, false),
        (AddressAndPortDependent, false, false),
    ] {
        let mut bench = Bench::new(NatBehavior::new(mapping, EndpointIndependent));
        let first = bench.out("10.1.0.1:5000", "8.8.8.8:1");
        assert_eq!(bench.out("10.1.0.1:5000", "8.8.8.8:1"), first);
        assert_eq!(bench.out("10.1.0.1:5000", "8.8.8.8:2") == first, same_address, "{mapping:?}");
        assert_eq!(bench.out("10.1.0.1:5000", "8.8.8.9:1") == first, other_address, "{mapping:?}");
        assert_ne!(bench.out("10.1.0.2:5000", "8.8.8.8:1"), first, "another host");
        assert_ne!(bench.out("10.1.0.1:5001", "8.8.8.8:1"), first, "another port");
    }
}

#[test]
fn a_filter_lets_in_what_the_behavior_says() {
    for (filtering, other_port, other_address) in [
        (EndpointIndependent, true, true),
        (AddressDependent, true, false),
        (AddressAndPortDependent, false, false),
    ] {
        let mut bench = Bench::new(NatBehavior::new(EndpointIndependent, filtering));
        let outside = bench.out("10.1.0.1:5000", "8.8.8.8:1");
        assert_eq!(bench.back("8.8.8.8:1", outside), Ok(address("10.1.0.1:5000")));
        for (from, expected) in [("8.8.8.8:2", other_port), ("8.8.8.9:1", other_address)] {
            let expected =
                if expected { Ok(address("10.1.0.1:5000")) } else { Err(Loss::Filtered) };
            assert_eq!(bench.back(from, outside), expected, "{filtering:?} {from}");
        }
        let unmapped = SocketAddr::new(outside.ip(), outside.port() ^ 1);
        assert_eq!(bench.back("8.8.8.8:1", unmapped), Err(Loss::NoMapping));
    }
}

#[test]
fn a_port_is_preserved_while_it_is_free() {
    // 4.2.1: "attempt to preserve the port number"; REQ-3: no "Port overloading"
    let ports = PortAssignment::Preservation;
    let mut bench = Bench::new(NatBehavior { ports, ..NatBehavior::full_cone() });
    assert_eq!(bench.out("10.1.0.1:5000", "8.8.8.8:1"), address("5.0.1.1:5000"));
    let second = bench.out("10.1.0.2:5000", "8.8.8.8:1");
    assert_ne!(second.port(), 5000);
    bench.pass_s(300);
    assert_eq!(bench.out("10.1.0.3:5000", "8.8.8.8:1"), address("5.0.1.1:5000"));
}

#[test]
fn parity_and_range_of_a_port_are_kept() {
    // 4.2.2, and REQ-3a
    let mut bench = Bench::new(NatBehavior::symmetric());
    for to in 1..200 {
        let to = format!("8.8.8.8:{to}");
        assert_eq!(bench.out("10.1.0.1:5000", &to).port() % 2, 0);
        let odd = bench.out("10.1.0.1:5001", &to).port();
        assert!(odd % 2 == 1 && odd >= 1024, "{odd}");
        assert!(bench.out("10.1.0.1:80", &to).port() < 1024);
    }
    let mut bench = Bench::new(NatBehavior { port_parity: false, ..NatBehavior::symmetric() });
    let mut ports = (1..50).map(|to| bench.out("10.1.0.1:5000", &format!("8.8.8.8:{to}")).port());
    assert!(ports.any(|port| port % 2 == 1));
}

#[test]
fn a_nat_runs_out_of_ports() {
    let mut bench = Bench::new(NatBehavior::symmetric());
    let mut leave = |to: u16| {
        let (from, to) = (address("10.1.0.1:80"), SocketAddr::from(([8, 8, 8, 8], to)));
        bench.nat.outbound(bench.now, &mut bench.random, from, to)
    };
    assert!((1..=511).all(|to| leave(to).is_ok()), "even ports from 2 to 1022");
    assert_eq!(leave(512), Err(Loss::NoPort));
}

#[test]
fn a_pool_is_paired_or_arbitrary() {
    // 4.1: "IP address pooling"
    for (pooling, expected) in [(Pooling::Paired, true), (Pooling::Arbitrary, false)] {
        let mut bench = Bench::with_pool(NatBehavior { pooling, ..NatBehavior::symmetric() }, 4);
        let first = bench.out("10.1.0.1:5000", "8.8.8.8:1").ip();
        let mut ips = (2..50).map(|to| bench.out("10.1.0.1:5000", &format!("8.8.8.8:{to}")).ip());
        assert_eq!(ips.all(|ip| ip == first), expected, "{pooling:?}");
    }
}

#[test]
fn a_mapping_lives_as_long_as_it_is_refreshed() {
    // 4.3: "NAT Outbound refresh behavior", "NAT Inbound refresh behavior"
    for inbound in [false, true] {
        let refresh = MappingRefresh { timer: Duration::from_secs(120), inbound };
        let mut bench = Bench::new(NatBehavior { refresh, ..NatBehavior::port_restricted() });
        let outside = bench.out("10.1.0.1:5000", "8.8.8.8:1");
        bench.pass_s(119);
        assert_eq!(bench.out("10.1.0.1:5000", "8.8.8.8:1"), outside);
        bench.pass_s(119);
        assert!(bench.back("8.8.8.8:1", outside).is_ok());
        bench.pass_s(1);
        assert_eq!(bench.back("8.8.8.8:1", outside).is_ok(), inbound);
        bench.pass_s(120);
        assert_eq!(bench.back("8.8.8.8:1", outside), Err(Loss::NoMapping));
        assert_ne!(bench.out("10.1.0.1:5000", "8.8.8.8:1"), outside);
    }
}

#[test]
fn a_datagram_to_the_nat_itself_comes_back_as_the_behavior_says() {
    // 6: "either 'External source IP address and port' or 'Internal source IP address and port'"
    for hairpinning in
        [Hairpinning::Unsupported, Hairpinning::ExternalSource, Hairpinning::InternalSource]
    {
        let mut bench = Bench::new(NatBehavior { hairpinning, ..NatBehavior::full_cone() });
        let first = bench.out("10.1.0.1:5000", "8.8.8.8:1");
        let second = bench.out("10.1.0.2:5000", "8.8.8.8:1");
        let from = address("10.1.0.1:5000");
        let presented = bench.nat.hairpin(bench.now, &mut bench.random, from, second);
        let expected = match hairpinning {
            Hairpinning::Unsupported => Err(Loss::NoHairpinning),
            Hairpinning::ExternalSource => Ok((first, address("10.1.0.2:5000"))),
            Hairpinning::InternalSource => Ok((from, address("10.1.0.2:5000"))),
        };
        assert_eq!(presented, expected);
    }
}
