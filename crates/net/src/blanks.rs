//! UDP sockets without an address, made before they are wanted: half of the time that it takes to
//! open a relay socket. One of each family that was asked for lies ready, and is replaced when the
//! answers are out.
//!
//! Nothing reaches a socket that is not bound, so one that waits here holds no port and nobody's
//! datagrams.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};

/// At most one for each family.
#[derive(Debug, Default)]
pub(crate) struct Blanks {
    v4: Shelf,
    v6: Shelf,
}

#[derive(Debug, Default)]
struct Shelf {
    socket: Option<Socket>,
    /// Whether one was taken since the last [`Blanks::restock`].
    taken: bool,
}

impl Blanks {
    /// One that can be bound to `address`.
    pub(crate) fn take(&mut self, address: SocketAddr) -> io::Result<Socket> {
        let shelf = self.shelf(address);
        shelf.taken = true;
        shelf.socket.take().map_or_else(|| blank(Domain::for_address(address)), Ok)
    }

    /// Takes one back that could not be bound to `address`.
    pub(crate) fn put_back(&mut self, address: SocketAddr, socket: Socket) {
        self.shelf(address).socket = Some(socket);
    }

    /// Replaces those that were taken. Without descriptors none lies ready, and whoever wants one
    /// is told so.
    pub(crate) fn restock(&mut self) {
        for (domain, shelf) in [(Domain::IPV4, &mut self.v4), (Domain::IPV6, &mut self.v6)] {
            if std::mem::take(&mut shelf.taken) && shelf.socket.is_none() {
                shelf.socket = blank(domain).ok();
            }
        }
    }

    fn shelf(&mut self, address: SocketAddr) -> &mut Shelf {
        if address.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }
}

fn blank(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    // The kernel makes this the least it knows. Whoever finds relay ports could else have it keep
    // 208 KiB for each of them.
    socket.set_recv_buffer_size(0)?;
    Ok(socket)
}

/// The most that lie ready in one worker.
pub(crate) const BLANKS_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn one_of_a_family_that_was_asked_for_lies_ready() {
        let v4: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut blanks = Blanks::default();
        blanks.restock();
        assert!(blanks.v4.socket.is_none(), "nobody has asked");
        let first = blanks.take(v4).unwrap();
        blanks.restock();
        let ready = blanks.v4.socket.as_ref().unwrap().as_raw_fd();
        assert!(ready != first.as_raw_fd() && blanks.v6.socket.is_none());
        let second = blanks.take(v4).unwrap();
        assert_eq!(second.as_raw_fd(), ready);
        blanks.put_back(v4, second);
        blanks.restock();
        assert_eq!(blanks.take(v4).unwrap().as_raw_fd(), ready, "it is not made twice");
    }

    #[test]
    fn after_an_address_that_somebody_has_it_takes_another() {
        for ip in ["127.0.0.1:0", "[::1]:0"] {
            let somebody = std::net::UdpSocket::bind(ip).unwrap().into();
            let socket: &Socket = &somebody;
            let taken = socket.local_addr().unwrap();
            let (mut blanks, free) = (Blanks::default(), ip.parse().unwrap());
            let blank = blanks.take(free).unwrap();
            assert_eq!(blank.bind(&taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            blank.bind(&free.into()).unwrap();
        }
    }
}
