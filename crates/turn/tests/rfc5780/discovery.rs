//! A server at two addresses of each family, with two ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use kopru_sim::{RELAY_V4, RELAY_V6, World, settings};
use kopru_turn::{NatDiscovery, Settings};

pub(crate) const P1: u16 = 3478;
pub(crate) const P2: u16 = 3479;

/// A1 and A2 over IPv4. A1 is where clients ask unless told otherwise.
pub(crate) const V4: [IpAddr; 2] = [RELAY_V4, IpAddr::V4(Ipv4Addr::new(9, 9, 9, 10))];

/// The same over IPv6.
pub(crate) const V6: [IpAddr; 2] =
    [RELAY_V6, IpAddr::V6(Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0, 0, 10))];

/// The world that it serves.
pub(crate) fn world() -> World {
    World::with(Settings { nat_discovery: [at(V4), at(V6)].into(), ..settings() })
}

/// The four addresses of one family.
pub(crate) fn at(ips: [IpAddr; 2]) -> NatDiscovery {
    NatDiscovery { bound: ips, advertised: ips, ports: [P1, P2] }
}

/// One of them.
pub(crate) fn address(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip, port)
}
