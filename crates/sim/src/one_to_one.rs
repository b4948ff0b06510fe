//! A 1:1 NAT: each host has an address of its own outside, ports stay as they are, and nothing is
//! filtered. What clouds give to virtual machines.

use std::net::{IpAddr, SocketAddr};

/// A 1:1 NAT between `10.<site>.0.<host>` inside and `5.0.<site>.<host>` outside.
#[derive(Debug)]
pub(crate) struct OneToOne {
    site: u8,
}

impl OneToOne {
    pub(crate) fn new(site: u8) -> Self {
        Self { site }
    }

    /// Whether this is an address of a host outside.
    pub(crate) fn is_external(&self, ip: IpAddr) -> bool {
        matches!(ip, IpAddr::V4(ip) if ip.octets()[..3] == [5, 0, self.site])
    }

    /// The source that a datagram has outside.
    pub(crate) fn outbound(&self, from: SocketAddr) -> SocketAddr {
        Self::with_host(from, |host| [5, 0, self.site, host])
    }

    /// The destination that a datagram has inside.
    pub(crate) fn inbound(&self, to: SocketAddr) -> SocketAddr {
        Self::with_host(to, |host| [10, self.site, 0, host])
    }

    fn with_host(address: SocketAddr, ip: impl Fn(u8) -> [u8; 4]) -> SocketAddr {
        let IpAddr::V4(old) = address.ip() else { return address };
        SocketAddr::new(ip(old.octets()[3]).into(), address.port())
    }
}
