//! recvmsg(2) and sendmsg(2) for one datagram, with the control messages a server on a wildcard
//! address needs: which of its addresses was asked, and which to answer from.
//!
//! ```text
//! control   ┌ length (usize) ┬ level (int) ┬ type (int) ┬ data ┬ padding to usize ┐ …
//!           └────────────────────── header ──────────────┴──────┴──────────────────┘
//! ```
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

use kopru_stun::attribute::Icmp;
use socket2::SockAddr;

/// A datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Bytes written to the buffer.
    pub(crate) len: usize,
    /// Whether the datagram was longer than the buffer.
    pub(crate) truncated: bool,
    /// Who sent it; `None` when it came from no IP socket.
    pub(crate) from: Option<SocketAddr>,
    /// What came with it.
    pub(crate) ancillary: Ancillary,
}

/// What the kernel tells beside a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ancillary {
    /// Which of our addresses it was sent to, and the index of the interface it came by.
    pub(crate) asked: Option<(IpAddr, u32)>,
    /// How many datagrams this socket has lost so far for lack of buffer, modulo 2³².
    pub(crate) overflow: Option<u32>,
    /// What an ICMP packet said about a datagram that was sent from here.
    pub(crate) icmp: Option<Icmp>,
}

/// Takes one datagram from `socket`, which must not block.
///
/// # Errors
/// `WouldBlock` when there is none; a pending error of the socket, which is thereby cleared.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    receive_with(socket, buffer, 0)
}

/// Takes one datagram that `socket` had sent and that met an error on its way: `from` is where it
/// was to go. Only where the socket keeps errors.
///
/// # Errors
/// `WouldBlock` when there is none.
pub(crate) fn receive_error(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    receive_with(socket, buffer, libc::MSG_ERRQUEUE)
}

fn receive_with(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: libc::c_int,
) -> io::Result<Received> {
    let mut control = Control::default();
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: an all-zero msghdr is valid: no name, no buffers, no control.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut piece;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: the closure hands storage and length to recvmsg, which writes a socket address and
    // its length there. Name, buffer and control are valid for writes of their lengths.
    let (len, from) = unsafe {
        SockAddr::try_init(|storage, storage_len| {
            header.msg_name = storage.cast();
            header.msg_namelen = *storage_len;
            let len = libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags);
            let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
            *storage_len = header.msg_namelen;
            Ok(len)
        })
    }?;
    #[allow(clippy::unnecessary_cast)] // musl counts control bytes in another type
    let written = control.0.get(..header.msg_controllen as usize).unwrap_or_default();
    Ok(Received {
        len,
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        from: from.as_socket(),
        ancillary: Ancillary::read(written),
    })
}

/// Sends one datagram; `source` is the address of ours that it leaves from, and an interface
/// index (0: whichever the route says), where the socket is bound to a wildcard.
///
/// # Errors
/// Whatever the kernel says, a pending error of the socket included, which is thereby cleared.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    datagram: &[u8],
    to: SocketAddr,
    source: Option<(IpAddr, u32)>,
) -> io::Result<()> {
    let name = SockAddr::from(to);
    let mut control = Control::default();
    let control_len = source.map_or(0, |(ip, interface)| control.write_source(ip, interface));
    let mut piece =
        libc::iovec { iov_base: datagram.as_ptr().cast_mut().cast(), iov_len: datagram.len() };
    // SAFETY: an all-zero msghdr is valid: no name, no buffers, no control.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = name.as_ptr().cast_mut().cast();
    header.msg_namelen = name.len();
    header.msg_iov = &raw mut piece;
    header.msg_iovlen = 1;
    if control_len > 0 {
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control_len as _;
    }
    // SAFETY: name, datagram and control are valid for reads of their lengths; sendmsg writes none
    // of them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// How many of a socket's lost datagrams are accounted for: the kernel tells a running count.
#[derive(Debug, Default)]
pub(crate) struct OverflowSeen(Cell<u32>);

impl OverflowSeen {
    /// How many were lost since the last call.
    pub(crate) fn newly(&self, ancillary: &Ancillary) -> u64 {
        let Some(count) = ancillary.overflow else { return 0 };
        count.wrapping_sub(self.0.replace(count)).into()
    }
}

impl Ancillary {
    /// Reads control messages; what is not known or does not fit is passed over.
    fn read(mut control: &[u8]) -> Self {
        let mut found = Self::default();
        while let Some((level, kind, data, rest)) = split_first(control) {
            found.take(level, kind, data);
            control = rest;
        }
        found
    }

    fn take(&mut self, level: libc::c_int, kind: libc::c_int, data: &[u8]) {
        match (level, kind) {
            // struct in_pktinfo: interface, local address of the route, destination in the header.
            // The second is the address to answer from, a broadcast included.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                if let (Some(interface), Some(ip)) = (word(data, 0), word(data, 4)) {
                    self.asked =
                        Some((IpAddr::V4(Ipv4Addr::from(ip)), u32::from_ne_bytes(interface)));
                }
            }
            // struct in6_pktinfo: address, interface.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let ip = data.get(..16).and_then(|ip| <[u8; 16]>::try_from(ip).ok());
                if let (Some(ip), Some(interface)) = (ip, word(data, 16)) {
                    self.asked =
                        Some((IpAddr::V6(Ipv6Addr::from(ip)), u32::from_ne_bytes(interface)));
                }
            }
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                self.icmp = icmp(data);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                self.overflow = word(data, 0).map(u32::from_ne_bytes);
            }
            _ => {}
        }
    }
}

/// Room for every control message that is asked for, aligned as the kernel lays them out.
#[repr(C, align(8))]
struct Control([u8; CONTROL_SIZE]);

impl Default for Control {
    fn default() -> Self {
        Self([0; CONTROL_SIZE])
    }
}

impl Control {
    /// Writes the control message that sets the source address, and says how long it is.
    fn write_source(&mut self, ip: IpAddr, interface: u32) -> usize {
        let (level, kind, len) = match ip {
            IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO, 12),
            IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20),
        };
        let (header, data) = self.0.split_at_mut(HEADER_SIZE);
        header[..LENGTH_SIZE].copy_from_slice(&(HEADER_SIZE + len).to_ne_bytes());
        header[LENGTH_SIZE..LENGTH_SIZE + 4].copy_from_slice(&level.to_ne_bytes());
        header[LENGTH_SIZE + 4..].copy_from_slice(&kind.to_ne_bytes());
        match ip {
            IpAddr::V4(ip) => {
                data[..4].copy_from_slice(&interface.to_ne_bytes());
                data[4..8].copy_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                data[..16].copy_from_slice(&ip.octets());
                data[16..20].copy_from_slice(&interface.to_ne_bytes());
            }
        }
        HEADER_SIZE + len.next_multiple_of(LENGTH_SIZE)
    }
}

/// The first control message as level, type and data, and what follows it.
fn split_first(control: &[u8]) -> Option<(libc::c_int, libc::c_int, &[u8], &[u8])> {
    let len = usize::from_ne_bytes(control.get(..LENGTH_SIZE)?.try_into().ok()?);
    let level = libc::c_int::from_ne_bytes(word(control, LENGTH_SIZE)?);
    let kind = libc::c_int::from_ne_bytes(word(control, LENGTH_SIZE + 4)?);
    let data = control.get(HEADER_SIZE..len)?;
    let rest = control.get(len.next_multiple_of(LENGTH_SIZE)..).unwrap_or_default();
    Some((level, kind, data, rest))
}

/// struct sock_extended_err: errno (4), origin, type, code, padding, and the MTU (4) where there is
/// one. An error that this host found by itself is no ICMP packet.
fn icmp(error: &[u8]) -> Option<Icmp> {
    let [origin, icmp_type, code, _] = word(error, 4)?;
    let error_data = u32::from_ne_bytes(word(error, 8)?);
    let by_packet = [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&origin);
    by_packet.then_some(Icmp { icmp_type, code, error_data })
}

fn word(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

/// The kernel's `cmsg_len` is a `size_t`, whatever the C library calls it.
const LENGTH_SIZE: usize = size_of::<usize>();
const HEADER_SIZE: usize = LENGTH_SIZE + 8;
/// in6_pktinfo (20 bytes) and the overflow count (4), or sock_extended_err with an address (44),
/// each with header and padding, and reserve.
const CONTROL_SIZE: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_that_is_written_is_the_address_that_is_read() {
        for ip in ["192.0.2.9", "2001:db8::9"] {
            let ip: IpAddr = ip.parse().unwrap();
            let mut control = Control::default();
            let len = control.write_source(ip, 7);
            let read = Ancillary::read(&control.0[..len]);
            assert_eq!(read, Ancillary { asked: Some((ip, 7)), ..Ancillary::default() });
        }
    }

    #[test]
    fn lost_datagrams_are_counted_once_and_across_the_wrap() {
        let seen = OverflowSeen::default();
        let at = |overflow| Ancillary { overflow, ..Ancillary::default() };
        for (count, newly) in [
            (None, 0),
            (Some(u32::MAX), u64::from(u32::MAX)),
            (None, 0),
            (Some(u32::MAX), 0),
            (Some(2), 3),
        ] {
            assert_eq!(seen.newly(&at(count)), newly, "{count:?}");
        }
    }

    #[test]
    fn broken_control_messages_are_passed_over() {
        let mut control = Control::default();
        let len = control.write_source("192.0.2.9".parse().unwrap(), 7);
        for cut in 0..HEADER_SIZE + 12 {
            assert_eq!(Ancillary::read(&control.0[..cut]), Ancillary::default(), "cut at {cut}");
        }
        for declared in [0usize, 1, HEADER_SIZE - 1, HEADER_SIZE + 7, usize::MAX] {
            control.0[..LENGTH_SIZE].copy_from_slice(&declared.to_ne_bytes());
            assert_eq!(Ancillary::read(&control.0[..len]), Ancillary::default(), "{declared}");
        }
    }
}
