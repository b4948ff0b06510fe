//! Socket options of Linux that `socket2` has no function for. All of them are integers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::checked;

/// One integer socket option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketOption {
    level: libc::c_int,
    name: libc::c_int,
}

/// ip(7): tells the address each datagram was sent to.
pub(crate) const IP_PKTINFO: SocketOption = SocketOption::new(libc::IPPROTO_IP, libc::IP_PKTINFO);
/// ipv6(7): the same for IPv6.
pub(crate) const IPV6_RECVPKTINFO: SocketOption =
    SocketOption::new(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO);
/// socket(7): tells with a datagram how many before it were dropped for lack of buffer.
pub(crate) const SO_RXQ_OVFL: SocketOption = SocketOption::new(libc::SOL_SOCKET, libc::SO_RXQ_OVFL);
/// socket(7): the receive buffer, beyond net.core.rmem_max for those who may (CAP_NET_ADMIN).
pub(crate) const SO_RCVBUFFORCE: SocketOption =
    SocketOption::new(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE);
/// socket(7): the same for the send buffer.
pub(crate) const SO_SNDBUFFORCE: SocketOption =
    SocketOption::new(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE);
/// ip(7): whether datagrams leave with the Don't Fragment bit.
pub(crate) const IP_MTU_DISCOVER: SocketOption =
    SocketOption::new(libc::IPPROTO_IP, libc::IP_MTU_DISCOVER);
/// ipv6(7): whether a datagram above the MTU is an error in place of being fragmented.
pub(crate) const IPV6_DONTFRAG: SocketOption =
    SocketOption::new(libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG);
/// tcp(7): how many bytes beyond the client's window the kernel takes.
pub(crate) const TCP_NOTSENT_LOWAT: SocketOption =
    SocketOption::new(libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT);

/// udp(7): trains of datagrams of one sender arrive in one buffer.
pub(crate) const UDP_GRO: SocketOption = SocketOption::new(libc::SOL_UDP, libc::UDP_GRO);

/// ip(7): keeps what ICMP says about the datagrams that were sent, for recvmsg(2) to read.
pub(crate) const IP_RECVERR: SocketOption = SocketOption::new(libc::IPPROTO_IP, libc::IP_RECVERR);
/// ipv6(7): the same for IPv6.
pub(crate) const IPV6_RECVERR: SocketOption =
    SocketOption::new(libc::IPPROTO_IPV6, libc::IPV6_RECVERR);

/// Value of [`IP_MTU_DISCOVER`]: never the Don't Fragment bit.
pub(crate) const IP_PMTUDISC_DONT: i32 = libc::IP_PMTUDISC_DONT;
/// Value of [`IP_MTU_DISCOVER`]: always the Don't Fragment bit; too large is an error.
pub(crate) const IP_PMTUDISC_DO: i32 = libc::IP_PMTUDISC_DO;

impl SocketOption {
    pub(crate) const fn new(level: libc::c_int, name: libc::c_int) -> Self {
        Self { level, name }
    }

    /// Sets the option on `socket`.
    pub(crate) fn set(self, socket: impl AsFd, value: i32) -> io::Result<()> {
        let value: libc::c_int = value;
        // SAFETY: the descriptor is open as long as it is borrowed; the pointer is to an integer
        // of the length that is given, and the call only reads it.
        checked(unsafe {
            libc::setsockopt(
                socket.as_fd().as_raw_fd(),
                self.level,
                self.name,
                (&raw const value).cast(),
                size_of_val(&value) as libc::socklen_t,
            )
        })?;
        Ok(())
    }

    /// Reads the option back.
    #[cfg(test)]
    pub(crate) fn of(self, socket: impl AsFd) -> io::Result<i32> {
        let mut value: libc::c_int = 0;
        let mut len = size_of_val(&value) as libc::socklen_t;
        // SAFETY: the descriptor is open as long as it is borrowed; the pointers are to an integer
        // and to its length, and the call writes no more than that.
        checked(unsafe {
            libc::getsockopt(
                socket.as_fd().as_raw_fd(),
                self.level,
                self.name,
                (&raw mut value).cast(),
                &raw mut len,
            )
        })?;
        Ok(value)
    }
}

/// What a socket has been sent and nobody has received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unreceived {
    /// Memory that waiting datagrams take, the kernel's bookkeeping included.
    pub(crate) waiting_bytes: u32,
    /// Datagrams that were dropped for lack of buffer so far, modulo 2³².
    pub(crate) dropped: u32,
}

/// socket(7), SO_MEMINFO: looks what waits, and what has found no room.
pub(crate) fn unreceived(socket: impl AsFd) -> io::Result<Unreceived> {
    let mut words = [0_u32; MEMINFO_WORDS];
    let mut len = size_of_val(&words) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as it is borrowed; the pointers are to an array and to
    // its length, and the call writes no more than that.
    checked(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            words.as_mut_ptr().cast(),
            &raw mut len,
        )
    })?;
    Ok(Unreceived {
        waiting_bytes: words[libc::SK_MEMINFO_RMEM_ALLOC as usize],
        dropped: words[libc::SK_MEMINFO_DROPS as usize],
    })
}

/// SK_MEMINFO_VARS of linux/sock_diag.h.
const MEMINFO_WORDS: usize = 9;
