//! Messages that leave together: by one system call, or as one train that the kernel cuts.

use std::io::IoSlice;
use std::net::SocketAddrV4;
use std::os::fd::RawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg, sendmsg};

use super::stamp::Stamp;

/// Copies of one message, back to back, which differ in nothing.
pub(crate) struct Burst {
    bytes: Vec<u8>,
    message_len: usize,
    /// Where in a message its payload begins.
    payload_at: usize,
    headers: MultiHeaders<SockaddrIn>,
    /// One segment after the other: the socket cuts (UDP_SEGMENT).
    is_train: bool,
}

impl Burst {
    /// So many of `message`, whose payload begins there.
    pub(crate) fn new(message: &[u8], payload_at: usize, count: usize, is_train: bool) -> Self {
        let headers = MultiHeaders::preallocate(count, None);
        let message_len = message.len();
        Self { bytes: message.repeat(count), message_len, payload_at, headers, is_train }
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.bytes.len() / self.message_len
    }

    /// How long each is.
    pub(crate) fn message_len(&self) -> usize {
        self.message_len
    }

    /// All of them, for a stream.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Stamps all of them.
    pub(crate) fn stamp(&mut self, stamp: Stamp) {
        for message in self.bytes.chunks_mut(self.message_len) {
            stamp.write(&mut message[self.payload_at..]);
        }
    }

    /// Sends them, to `to` if the socket is not connected, and says how many have left. The others
    /// are not tried again.
    pub(crate) fn send(&mut self, socket: RawFd, to: Option<SocketAddrV4>) -> usize {
        let to = to.map(SockaddrIn::from);
        let count = self.count();
        let flags = MsgFlags::MSG_DONTWAIT;
        if self.is_train || count == 1 {
            let whole = [IoSlice::new(&self.bytes)];
            return sendmsg(socket, &whole, &[], flags, to.as_ref()).map_or(0, |_| count);
        }
        let chunks = self.bytes.chunks(self.message_len);
        let messages: Vec<_> = chunks.map(|message| [IoSlice::new(message)]).collect();
        let addresses = vec![to; count];
        sendmmsg(socket, &mut self.headers, &messages, addresses, [], flags)
            .map_or(0, Iterator::count)
    }
}
