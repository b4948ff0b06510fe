//! recvmmsg(2): many buffers in one call, each with a datagram, or with a train of them where the
//! socket has UDP_GRO.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use kopru_stun::packet::PacketBuf;

use super::checked;
use super::message::{Control, Name, Received};

/// What the kernel fills beside the buffers. One for all sockets of a thread.
pub(crate) struct Inlet {
    headers: Box<[libc::mmsghdr]>,
    places: Box<[Place]>,
}

struct Place {
    name: Name,
    control: Control,
    piece: libc::iovec,
}

impl Inlet {
    /// One for as many buffers at once.
    pub(crate) fn new(buffers: usize) -> Self {
        // SAFETY: an all-zero mmsghdr is valid: no name, no buffers, no control.
        let header = || unsafe { std::mem::zeroed::<libc::mmsghdr>() };
        let piece = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let place = || Place { name: Name::default(), control: Control::default(), piece };
        Self {
            headers: (0..buffers).map(|_| header()).collect(),
            places: (0..buffers).map(|_| place()).collect(),
        }
    }

    /// Fills `packets` from `socket`, which must not block, and says how many. Fewer than there are
    /// means that the socket has no more.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; a pending error of the socket, which is thereby cleared.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        packets: &mut [PacketBuf],
    ) -> io::Result<usize> {
        let mut width = 0;
        let places = self.places.iter_mut().zip(packets.iter_mut());
        for (header, (place, packet)) in self.headers.iter_mut().zip(places) {
            let (header, area) = (&mut header.msg_hdr, packet.receive_area());
            place.piece = libc::iovec { iov_base: area.as_mut_ptr().cast(), iov_len: area.len() };
            header.msg_name = (&raw mut place.name).cast();
            header.msg_namelen = size_of::<Name>() as libc::socklen_t;
            header.msg_iov = &raw mut place.piece;
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut place.control).cast();
            header.msg_controllen = size_of::<Control>() as _;
            width += 1;
        }
        let (headers, fd) = (self.headers.as_mut_ptr(), socket.as_raw_fd());
        // SAFETY: the first `width` headers have just been given the names, pieces and controls of
        // as many places, which `self` owns, and areas of packets that are borrowed for this call.
        // All are valid for writes of the lengths that stand beside them.
        let filled = checked(unsafe { libc::recvmmsg(fd, headers, width, 0, ptr::null_mut()) })?;
        let filled = filled as usize;
        for (header, packet) in self.headers.iter().zip(packets).take(filled) {
            packet.set_received(header.msg_len as usize);
        }
        Ok(filled)
    }

    /// What came with the buffer at `index`, which is one of those that were just filled.
    pub(crate) fn received(&self, index: usize) -> Received {
        let (header, place) = (&self.headers[index], &self.places[index]);
        #[allow(clippy::unnecessary_cast)] // musl counts control bytes in another type
        let control_len = header.msg_hdr.msg_controllen as usize;
        Received {
            len: header.msg_len as usize,
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            from: place.name.address(header.msg_hdr.msg_namelen),
            ancillary: place.control.read(control_len),
        }
    }
}
