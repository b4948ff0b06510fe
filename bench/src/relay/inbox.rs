//! Many datagrams with one system call.

use std::array;
use std::io::{self, IoSliceMut};
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};

/// Where datagrams are received into.
pub(crate) struct Inbox {
    headers: MultiHeaders<()>,
    room: Vec<u8>,
}

impl Inbox {
    /// How many datagrams, or trains of them.
    pub(crate) const AT_ONCE: usize = 32;

    pub(crate) fn new() -> Self {
        let room = vec![0; Self::AT_ONCE * TRAIN_BYTES_MAX];
        Self { headers: MultiHeaders::preallocate(Self::AT_ONCE, None), room }
    }

    /// What waits at a socket, or the first part of it: nothing where nothing waits.
    ///
    /// # Errors
    /// What the socket says.
    pub(crate) fn receive(&mut self, socket: RawFd) -> io::Result<impl Iterator<Item = &[u8]>> {
        let lens = match self.fill(socket, MsgFlags::MSG_DONTWAIT) {
            // The second is what an ICMP message left: somebody is gone, and nothing is lost.
            Err(Errno::EAGAIN | Errno::ECONNREFUSED | Errno::EINTR) => [None; Self::AT_ONCE],
            other => other?,
        };
        Ok(self.cut(lens))
    }

    /// The same after having waited for the first one.
    pub(crate) fn wait(&mut self, socket: RawFd) -> io::Result<impl Iterator<Item = &[u8]>> {
        let lens = self.fill(socket, MsgFlags::MSG_WAITFORONE)?;
        Ok(self.cut(lens))
    }

    fn fill(&mut self, socket: RawFd, flags: MsgFlags) -> nix::Result<Lens> {
        let mut rooms = self.room.chunks_mut(TRAIN_BYTES_MAX);
        let mut slices: [_; Self::AT_ONCE] =
            array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let received = recvmmsg(socket, &mut self.headers, &mut slices, flags, None)?;
        let mut lens = [None; Self::AT_ONCE];
        for (len, datagram) in lens.iter_mut().zip(received) {
            *len = Some(datagram.bytes);
        }
        Ok(lens)
    }

    fn cut(&self, lens: Lens) -> impl Iterator<Item = &[u8]> {
        let rooms = self.room.chunks(TRAIN_BYTES_MAX).zip(lens);
        rooms.map_while(|(room, len)| room.get(..len?))
    }
}

type Lens = [Option<usize>; Inbox::AT_ONCE];

/// More than fits into UDP over IPv4.
const TRAIN_BYTES_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn what_waits_comes_at_once_and_then_nothing() {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (here, there) = (socket(), socket());
        let mut inbox = Inbox::new();
        assert_eq!(inbox.receive(here.as_raw_fd()).unwrap().count(), 0);
        for text in [&b"one"[..], b"", b"three"] {
            there.send_to(text, here.local_addr().unwrap()).unwrap();
        }
        let came: Vec<_> = inbox.wait(here.as_raw_fd()).unwrap().collect();
        assert_eq!(came, [&b"one"[..], b"", b"three"]);
    }
}
