//! The sockets that clients send to: for each listen address one a worker, in one SO_REUSEPORT
//! group that never changes its size, since the kernel picks the socket by a hash of the five-tuple
//! modulo that size, and an allocation lives on one worker.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use crate::flow::Flow;
use crate::start_error::StartError;
use crate::sys::message::{self, Ancillary};
use crate::sys::sockopt;

/// One worker's socket of one listen address. What it counts is on lines that no other worker's
/// listener has a part of.
#[repr(align(128))]
pub(crate) struct Listener {
    socket: Socket,
    address: SocketAddr,
    /// Here and not in the driver, since the socket outlives a worker that panics.
    pub(crate) flow: Flow,
}

impl Listener {
    /// Opens `count` sockets on `address`.
    ///
    /// The first is bound alone, which the kernel allows only when no other process has the port,
    /// and opens the group to the others afterwards.
    pub(crate) fn open_group(address: SocketAddr, count: usize) -> Result<Vec<Self>, StartError> {
        let refused = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressInUse(address),
            _ => StartError::Listen { address, error },
        };
        let first = bound_socket(address, false).map_err(refused)?;
        first.set_reuse_port(true).map_err(refused)?;
        let actual = first.local_addr().map_err(refused)?.as_socket().unwrap_or(address);
        let mut group = vec![Self::new(first, actual)];
        for _ in 1..count {
            group.push(Self::new(bound_socket(actual, true).map_err(refused)?, actual));
        }
        group.iter().for_each(Self::discard_early);
        Ok(group)
    }

    fn new(socket: Socket, address: SocketAddr) -> Self {
        Self { socket, address, flow: Flow::default() }
    }

    /// The address it is bound to, with the port that was found for port 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much may wait for the worker. The kernel counts its own bookkeeping besides.
    pub(crate) fn receive_buffer_bytes(&self) -> io::Result<usize> {
        Ok(self.socket.recv_buffer_size()? / 2)
    }

    /// The address of ours that a datagram was sent to.
    pub(crate) fn asked(&self, ancillary: &Ancillary) -> Option<SocketAddr> {
        if !self.address.ip().is_unspecified() {
            return Some(self.address);
        }
        let (ip, interface) = ancillary.asked?;
        Some(match ip {
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddrV6::new(ip, self.address.port(), 0, interface).into()
            }
            ip => SocketAddr::new(ip, self.address.port()),
        })
    }

    /// Whether datagrams sent to `server` arrive here.
    pub(crate) fn serves(&self, server: SocketAddr) -> bool {
        let same_family = self.address.is_ipv4() == server.is_ipv4();
        let wildcard = self.address.ip().is_unspecified();
        self.address.port() == server.port()
            && same_family
            && (wildcard || self.address.ip() == server.ip())
    }

    /// What to tell the kernel so that a datagram leaves from `server`.
    pub(crate) fn source(&self, server: SocketAddr) -> Option<(IpAddr, u32)> {
        let interface = match server {
            SocketAddr::V6(server) => server.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        self.address.ip().is_unspecified().then_some((server.ip(), interface))
    }

    /// Throws away what came before the group was complete: the next datagram of the same client
    /// may belong to another worker. A client repeats what is not answered.
    fn discard_early(&self) {
        let mut nothing = [0; 0];
        for _ in 0..EARLY_MAX {
            if message::receive(self.socket.as_fd(), &mut nothing).is_err() {
                return;
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn bound_socket(address: SocketAddr, reuse_port: bool) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    let wildcard = address.ip().is_unspecified();
    if address.is_ipv4() {
        sockopt::IP_MTU_DISCOVER.set(&socket, sockopt::IP_PMTUDISC_DONT)?;
        sockopt::IP_PKTINFO.set(&socket, wildcard.into())?;
    } else {
        socket.set_only_v6(true)?;
        sockopt::IPV6_RECVPKTINFO.set(&socket, wildcard.into())?;
    }
    sockopt::SO_RXQ_OVFL.set(&socket, 1)?;
    sockopt::UDP_GRO.set(&socket, 1)?;
    // All clients of a worker share these two. Who has not the right gets what net.core.*mem_max
    // says.
    if sockopt::SO_RCVBUFFORCE.set(&socket, RECEIVE_BUFFER_BYTES as i32).is_err() {
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    }
    if sockopt::SO_SNDBUFFORCE.set(&socket, SEND_BUFFER_BYTES as i32).is_err() {
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    }
    socket.set_reuse_port(reuse_port)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// What may wait on a UDP listener: enough for bursts. Under a flood that one core can't answer
/// (350 000 Binding requests a second), as many were lost with 208 KiB, 4 MiB and 16 MiB, and those
/// that were not waited 1, 30 and up to 490 ms.
pub const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
const SEND_BUFFER_BYTES: usize = RECEIVE_BUFFER_BYTES;
/// How many early datagrams are looked for, so that a flood can't hold up the start.
const EARLY_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn as_much_may_wait_as_the_kernel_allows() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
        let allowed: usize = allowed.trim().parse().unwrap();
        let group = Listener::open_group("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let bytes = group[0].receive_buffer_bytes().unwrap();
        assert!(
            (allowed.min(RECEIVE_BUFFER_BYTES)..=RECEIVE_BUFFER_BYTES).contains(&bytes),
            "{bytes}"
        );
    }

    #[test]
    fn a_port_that_somebody_has_is_refused_by_name() {
        let somebody = UdpSocket::bind("127.0.0.1:0").unwrap();
        let taken = somebody.local_addr().unwrap();
        for address in [taken, SocketAddr::new("0.0.0.0".parse().unwrap(), taken.port())] {
            let Err(error) = Listener::open_group(address, 2) else { panic!("{address} opened") };
            let expect = format!("udp:{address} is already in use by another process");
            assert_eq!(error.to_string(), expect);
        }
    }

    #[test]
    fn a_port_that_somebody_would_share_is_refused_too() {
        let somebody = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        somebody.set_reuse_port(true).unwrap();
        somebody.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let taken = somebody.local_addr().unwrap().as_socket().unwrap();
        let refused = Listener::open_group(taken, 2);
        assert!(matches!(refused, Err(StartError::AddressInUse(address)) if address == taken));
    }

    #[test]
    fn the_group_spreads_clients_over_all_its_sockets() {
        let group = Listener::open_group("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let mut seen = [false; 2];
        for _ in 0..64 {
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.send_to(b"x", group[0].address()).unwrap();
            for (listener, seen) in group.iter().zip(&mut seen) {
                *seen |= message::receive(listener.as_fd(), &mut [0; 8]).is_ok();
            }
        }
        assert_eq!(seen, [true; 2]);
    }

    #[test]
    fn a_wildcard_serves_every_address_of_its_family_and_port() {
        let group = Listener::open_group("0.0.0.0:0".parse().unwrap(), 1).unwrap();
        let port = group[0].address().port();
        for (server, expect) in [
            (format!("127.0.0.2:{port}"), true),
            (format!("[::1]:{port}"), false),
            (format!("127.0.0.2:{}", port ^ 1), false),
        ] {
            assert_eq!(group[0].serves(server.parse().unwrap()), expect, "{server}");
        }
    }
}
