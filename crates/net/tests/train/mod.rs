//! A sender of trains: the kernel cuts what it is given (UDP_SEGMENT), or hands it on whole.
#![allow(unreachable_pub, missing_docs)] // a part of several tests

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};

/// Sends these bytes as datagrams of `segment` bytes each, the last maybe shorter, in one call. To
/// a socket that asks for it the kernel hands them together.
pub fn send_train(socket: &UdpSocket, to: SocketAddr, bytes: &[u8], segment: usize) {
    let segment = u16::try_from(segment).unwrap();
    let (pieces, control) = ([IoSlice::new(bytes)], [ControlMessage::UdpGsoSegments(&segment)]);
    let to = SockaddrStorage::from(to);
    let sent = sendmsg(socket.as_raw_fd(), &pieces, &control, MsgFlags::empty(), Some(&to));
    assert_eq!(sent, Ok(bytes.len()));
}
