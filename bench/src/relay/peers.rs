//! Those whom clients talk to through the server: a few sockets of the generator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use nix::sys::socket::{setsockopt, sockopt};

use super::line::datagram_socket;
use crate::error::BenchError;

/// There before the server is: the floor must know one.
pub(crate) struct Peers {
    sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddrV4>,
}

impl Peers {
    /// Opens their sockets.
    ///
    /// # Errors
    /// There are no more sockets.
    pub(crate) fn open() -> Result<Self, BenchError> {
        let sockets: io::Result<Vec<_>> = (0..COUNT).map(|_| datagram_socket(HOST)).collect();
        let sockets = sockets.map_err(BenchError::io("a peer"))?;
        let addresses = sockets.iter().filter_map(|socket| match socket.local_addr() {
            Ok(SocketAddr::V4(address)) => Some(address),
            _ => None,
        });
        Ok(Self { addresses: addresses.collect(), sockets })
    }

    /// Where each is.
    pub(crate) fn addresses(&self) -> &[SocketAddrV4] {
        &self.addresses
    }

    /// Their sockets.
    pub(crate) fn sockets(&self) -> impl Iterator<Item = RawFd> {
        self.sockets.iter().map(AsRawFd::as_raw_fd)
    }

    /// Which one a client talks to.
    pub(crate) fn of(client: usize) -> usize {
        client % COUNT
    }

    /// The socket of the one that a client talks to.
    pub(crate) fn socket_of(&self, client: usize) -> RawFd {
        self.sockets[Self::of(client)].as_raw_fd()
    }

    /// From now on what one sends is a train of segments of so many bytes.
    pub(crate) fn send_trains(&self, segment_bytes: i32) -> nix::Result<()> {
        let mut sockets = self.sockets.iter();
        sockets.try_for_each(|it| setsockopt(it, sockopt::UdpGsoSegment, &segment_bytes))
    }
}

const COUNT: usize = 4;
const HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 1);
