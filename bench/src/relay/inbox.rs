//! Many datagrams with one system call.

use std::array;
use std::io::{self, IoSliceMut};
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrLike, recvmmsg};

/// Where datagrams are received into; and who has sent them, where `A` is an address.
pub(crate) struct Inbox<A = ()> {
    headers: MultiHeaders<A>,
    room: Vec<u8>,
}

/// How many datagrams, or trains of them.
pub(crate) const AT_ONCE: usize = 32;

impl<A: SockaddrLike + Copy> Inbox<A> {
    pub(crate) fn new() -> Self {
        let room = vec![0; AT_ONCE * TRAIN_BYTES_MAX];
        Self { headers: MultiHeaders::preallocate(AT_ONCE, None), room }
    }

    /// What waits at a socket, or the first part of it: nothing where nothing waits.
    ///
    /// # Errors
    /// What the socket says.
    pub(crate) fn receive(&mut self, socket: RawFd) -> io::Result<impl Iterator<Item = &[u8]>> {
        let filled = match self.fill(socket, MsgFlags::MSG_DONTWAIT) {
            // The second is what an ICMP message left: somebody is gone, and nothing is lost.
            Err(Errno::EAGAIN | Errno::ECONNREFUSED | Errno::EINTR) => [None; AT_ONCE],
            other => other?,
        };
        Ok(self.cut(filled).map(|(_, train)| train))
    }

    /// The same after having waited for the first one.
    pub(crate) fn wait(&mut self, socket: RawFd) -> io::Result<impl Iterator<Item = &[u8]>> {
        Ok(self.wait_from(socket)?.map(|(_, train)| train))
    }

    /// The same with who has sent each.
    pub(crate) fn wait_from(
        &mut self,
        socket: RawFd,
    ) -> io::Result<impl Iterator<Item = (Option<A>, &[u8])>> {
        let filled = self.fill(socket, MsgFlags::MSG_WAITFORONE)?;
        Ok(self.cut(filled))
    }

    fn fill(&mut self, socket: RawFd, flags: MsgFlags) -> nix::Result<Filled<A>> {
        let mut rooms = self.room.chunks_mut(TRAIN_BYTES_MAX);
        let mut slices: [_; AT_ONCE] =
            array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let received = recvmmsg(socket, &mut self.headers, &mut slices, flags, None)?;
        let mut filled = [None; AT_ONCE];
        for (place, datagram) in filled.iter_mut().zip(received) {
            *place = Some((datagram.address, datagram.bytes));
        }
        Ok(filled)
    }

    fn cut(&self, filled: Filled<A>) -> impl Iterator<Item = (Option<A>, &[u8])> {
        let rooms = self.room.chunks(TRAIN_BYTES_MAX).zip(filled);
        rooms.map_while(|(room, filled)| {
            let (from, len) = filled?;
            Some((from, room.get(..len)?))
        })
    }
}

/// Who has sent it and how long it is, for each room that is filled.
type Filled<A> = [Option<(Option<A>, usize)>; AT_ONCE];

/// More than fits into UDP over IPv4.
const TRAIN_BYTES_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::SockaddrIn;

    use super::*;

    #[test]
    fn what_waits_comes_at_once_and_then_nothing() {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (here, there) = (socket(), socket());
        let mut inbox = Inbox::<SockaddrIn>::new();
        assert_eq!(inbox.receive(here.as_raw_fd()).unwrap().count(), 0);
        for text in [&b"one"[..], b"", b"three"] {
            there.send_to(text, here.local_addr().unwrap()).unwrap();
        }
        let came = inbox.wait_from(here.as_raw_fd()).unwrap();
        let came: Vec<_> = came.map(|(from, text)| (from.unwrap(), text)).collect();
        let SocketAddr::V4(from) = there.local_addr().unwrap() else { unreachable!() };
        assert_eq!(came, [&b"one"[..], b"", b"three"].map(|text| (from.into(), text)));
    }
}
