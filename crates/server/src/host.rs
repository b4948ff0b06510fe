//! What this host looks like from outside: its addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses of this host that others can send to, the likeliest of each family first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    /// Neither loopback nor link-local.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether IPv6 sockets can be made at all.
    pub(crate) has_ipv6: bool,
}

impl Host {
    /// Looks at the interfaces and at the route out. No packet is sent.
    pub(crate) fn look() -> Self {
        let mut addresses: Vec<IpAddr> = OUTSIDE.into_iter().filter_map(source_towards).collect();
        // Where the system does not say, the route out has to do.
        addresses.extend(kopru_net::own_addresses().unwrap_or_default());
        let mut unique = Vec::new();
        for ip in addresses {
            if is_reachable(ip) && !unique.contains(&ip) {
                unique.push(ip);
            }
        }
        unique.sort_by_key(IpAddr::is_ipv6);
        let has_ipv6 = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
        Self { addresses: unique, has_ipv6 }
    }

    /// The address to give to others: one of each family that has one; loopback on a host that is
    /// alone.
    pub(crate) fn advertised(&self) -> Vec<IpAddr> {
        let v4 = self.addresses.iter().find(|ip| ip.is_ipv4());
        let v6 = self.addresses.iter().find(|ip| ip.is_ipv6());
        let found: Vec<IpAddr> = v4.into_iter().chain(v6).copied().collect();
        if found.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { found }
    }
}

/// The address that a packet to `target` would leave from.
fn source_towards(target: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn is_reachable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    }
}

/// Documentation addresses (RFC 5737, RFC 3849): any address that takes the default route.
const OUTSIDE: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
];
