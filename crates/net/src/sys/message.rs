//! recvmsg(2) for one datagram and sendmsg(2) for one or a train of them, with the control messages
//! a server on a wildcard address needs: which of its addresses was asked, and which to answer
//! from.
//!
//! ```text
//! control   ┌ length (usize) ┬ level (int) ┬ type (int) ┬ data ┬ padding to usize ┐ …
//!           └────────────────────── header ──────────────┴──────┴──────────────────┘
//! ```
#![allow(unsafe_code)]

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

use kopru_stun::attribute::Icmp;

/// A datagram, or a train of them, that was received.
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
    /// What came is a train, to be cut every so many bytes; 0: it is one datagram.
    pub(crate) segment: usize,
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
    let (mut name, mut control) = (Name::default(), Control::default());
    let mut piece = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: an all-zero msghdr is valid: no name, no buffers, no control.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = size_of::<Name>() as libc::socklen_t;
    header.msg_iov = &raw mut piece;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = control.0.len() as _;
    // SAFETY: name, buffer and control are valid for writes of their lengths.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    #[allow(clippy::unnecessary_cast)] // musl counts control bytes in another type
    let control_len = header.msg_controllen as usize;
    Ok(Received {
        len,
        truncated: header.msg_flags & libc::MSG_TRUNC != 0,
        from: name.address(header.msg_namelen),
        ancillary: control.read(control_len),
    })
}

/// How a datagram leaves.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// The address of ours that it leaves from, and an interface index (0: whichever the route
    /// says), where the socket is bound to a wildcard.
    pub(crate) source: Option<(IpAddr, u32)>,
    /// It is a train, which the kernel cuts every so many bytes.
    pub(crate) segment: Option<u16>,
}

/// Sends the bytes of `pieces`, one behind the other.
///
/// # Errors
/// Whatever the kernel says, a pending error of the socket included, which is thereby cleared. Of a
/// train, EMSGSIZE, EINVAL and EIO say that it can't be cut here: by the device, or to that length.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    pieces: &[IoSlice<'_>],
    to: SocketAddr,
    manner: Manner,
) -> io::Result<()> {
    let (name, name_len) = Name::of(to);
    let mut control = Control::default();
    let control_len = control.write(manner);
    // SAFETY: an all-zero msghdr is valid: no name, no buffers, no control.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = (&raw const name).cast_mut().cast();
    header.msg_namelen = name_len;
    // An IoSlice is an iovec, as its documentation says.
    header.msg_iov = pieces.as_ptr().cast_mut().cast();
    header.msg_iovlen = pieces.len() as _;
    if control_len > 0 {
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control_len as _;
    }
    // SAFETY: name, pieces and control are valid for reads of their lengths; sendmsg writes none
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
        ancillary.overflow.map_or(0, |count| self.newly_of(count))
    }

    /// The same, of a running count.
    pub(crate) fn newly_of(&self, count: u32) -> u64 {
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
            (libc::SOL_UDP, libc::UDP_GRO) => {
                let segment = word(data, 0).map(libc::c_int::from_ne_bytes);
                self.segment = segment.and_then(|len| usize::try_from(len).ok()).unwrap_or(0);
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                self.overflow = word(data, 0).map(u32::from_ne_bytes);
            }
            _ => {}
        }
    }
}

/// struct sockaddr_in or sockaddr_in6, byte for byte.
///
/// ```text
/// family (u16) ┬ port (be) ┬ IPv4 address (4)                                       ┐
///              │           └ flow (4) ┬ IPv6 address (16) ┬ scope, an interface (4) ┘
/// ```
#[derive(Default)]
#[repr(C, align(8))]
pub(super) struct Name([u8; NAME_SIZE]);

impl Name {
    fn of(address: SocketAddr) -> (Self, libc::socklen_t) {
        let mut name = Self::default();
        let bytes = &mut name.0;
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        let (family, len) = match address {
            SocketAddr::V4(v4) => {
                bytes[4..8].copy_from_slice(&v4.ip().octets());
                (libc::AF_INET, size_of::<libc::sockaddr_in>())
            }
            SocketAddr::V6(v6) => {
                bytes[4..8].copy_from_slice(&v6.flowinfo().to_ne_bytes());
                bytes[8..24].copy_from_slice(&v6.ip().octets());
                bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
                (libc::AF_INET6, size_of::<libc::sockaddr_in6>())
            }
        };
        bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        (name, len as libc::socklen_t)
    }

    /// What the kernel wrote there; `None` when it is no address of IP.
    pub(super) fn address(&self, len: libc::socklen_t) -> Option<SocketAddr> {
        let bytes = self.0.get(..len as usize)?;
        let [f0, f1, p0, p1] = word(bytes, 0)?;
        let (family, port) = (u16::from_ne_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
        match libc::c_int::from(family) {
            libc::AF_INET => Some(SocketAddr::new(Ipv4Addr::from(word(bytes, 4)?).into(), port)),
            libc::AF_INET6 => {
                let ip = <[u8; 16]>::try_from(bytes.get(8..24)?).ok()?;
                let [flow, scope] = [word(bytes, 4)?, word(bytes, 24)?].map(u32::from_ne_bytes);
                Some(SocketAddrV6::new(ip.into(), port, flow, scope).into())
            }
            _ => None,
        }
    }
}

/// Room for every control message that is asked for, aligned as the kernel lays them out.
#[repr(C, align(8))]
pub(super) struct Control([u8; CONTROL_SIZE]);

impl Default for Control {
    fn default() -> Self {
        Self([0; CONTROL_SIZE])
    }
}

impl Control {
    /// What the kernel wrote there.
    pub(super) fn read(&self, len: usize) -> Ancillary {
        Ancillary::read(self.0.get(..len).unwrap_or_default())
    }

    /// Writes what is to be said of a datagram that leaves, and says how long that is.
    fn write(&mut self, Manner { source, segment }: Manner) -> usize {
        let mut len = 0;
        match source {
            Some((IpAddr::V4(ip), interface)) => {
                let mut data = [0; 12];
                data[..4].copy_from_slice(&interface.to_ne_bytes());
                data[4..8].copy_from_slice(&ip.octets());
                len = self.append(len, (libc::IPPROTO_IP, libc::IP_PKTINFO), &data);
            }
            Some((IpAddr::V6(ip), interface)) => {
                let mut data = [0; 20];
                data[..16].copy_from_slice(&ip.octets());
                data[16..].copy_from_slice(&interface.to_ne_bytes());
                len = self.append(len, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), &data);
            }
            None => {}
        }
        if let Some(segment) = segment {
            let kind = (libc::SOL_UDP, libc::UDP_SEGMENT);
            len = self.append(len, kind, &segment.to_ne_bytes());
        }
        len
    }

    /// Writes one control message at `at`, and says where the next one begins.
    fn append(
        &mut self,
        at: usize,
        (level, kind): (libc::c_int, libc::c_int),
        data: &[u8],
    ) -> usize {
        let (header, space) = self.0[at..].split_at_mut(HEADER_SIZE);
        header[..LENGTH_SIZE].copy_from_slice(&(HEADER_SIZE + data.len()).to_ne_bytes());
        header[LENGTH_SIZE..LENGTH_SIZE + 4].copy_from_slice(&level.to_ne_bytes());
        header[LENGTH_SIZE + 4..].copy_from_slice(&kind.to_ne_bytes());
        space[..data.len()].copy_from_slice(data);
        at + HEADER_SIZE + data.len().next_multiple_of(LENGTH_SIZE)
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
/// in6_pktinfo (20 bytes), the overflow count (4) and a segment (4), or sock_extended_err with an
/// address (44), each with header and padding, and reserve.
const CONTROL_SIZE: usize = 128;
const NAME_SIZE: usize = size_of::<libc::sockaddr_in6>();

#[cfg(test)]
mod tests;
