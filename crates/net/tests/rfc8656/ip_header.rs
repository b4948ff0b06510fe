//! Reads and writes the fields of the IP header that a socket can get at.

use std::io::{IoSliceMut, Read};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::client::peer;

/// What came beside a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// DSCP and ECN: Type of Service in IPv4, Traffic Class in IPv6.
    pub(crate) tos: u8,
    /// Time to Live, Hop Limit.
    pub(crate) ttl: u8,
}

/// Expedited Forwarding (DSCP 46), ECT(0), and an odd TTL.
pub(crate) const MARKED: Fields = Fields { tos: 46 << 2 | 0b10, ttl: 77 };

/// Has `socket` send [`MARKED`] datagrams, and tell what it receives.
fn mark(socket: &UdpSocket) {
    let options = SockRef::from(socket);
    let Fields { tos, ttl } = MARKED;
    if socket.local_addr().unwrap().is_ipv4() {
        options.set_tos_v4(tos.into()).unwrap();
        options.set_ttl_v4(ttl.into()).unwrap();
        setsockopt(socket, sockopt::IpRecvTos, &true).unwrap();
        setsockopt(socket, sockopt::Ipv4RecvTtl, &true).unwrap();
    } else {
        options.set_tclass_v6(tos.into()).unwrap();
        options.set_unicast_hops_v6(ttl.into()).unwrap();
        setsockopt(socket, sockopt::Ipv6RecvTClass, &true).unwrap();
        setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true).unwrap();
    }
}

/// A peer that does.
pub(crate) fn marked_peer(bind: &str) -> (UdpSocket, SocketAddr) {
    let (socket, at) = peer(bind);
    mark(&socket);
    (socket, at)
}

/// What arrives next at `socket`, and with which fields.
#[track_caller]
pub(crate) fn receive(socket: &UdpSocket) -> (Vec<u8>, Fields) {
    let mut buffer = vec![0; 65_535];
    let mut control = nix::cmsg_space!(i32, i32);
    let mut pieces = [IoSliceMut::new(&mut buffer)];
    let (fd, flags) = (socket.as_raw_fd(), MsgFlags::empty());
    let received = recvmsg::<SockaddrStorage>(fd, &mut pieces, Some(&mut control), flags);
    let received = received.expect("a datagram arrives");
    let mut fields = Fields::default();
    for message in received.cmsgs().unwrap() {
        match message {
            ControlMessageOwned::Ipv4Tos(tos) => fields.tos = tos,
            ControlMessageOwned::Ipv6TClass(class) => fields.tos = class.try_into().unwrap(),
            ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => {
                fields.ttl = ttl.try_into().unwrap();
            }
            other => panic!("{other:?} was not asked for"),
        }
    }
    let len = received.bytes;
    buffer.truncate(len);
    (buffer, fields)
}

/// The default for outgoing packets, as a socket gives it that nobody has set an option of.
pub(crate) fn system_default(to: &UdpSocket) -> Fields {
    let at = to.local_addr().unwrap();
    let (fresh, _) = peer(if at.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" });
    fresh.send_to(b"default", at).unwrap();
    let (payload, fields) = receive(to);
    assert_eq!((&payload[..], fields.tos), (&b"default"[..], 0), "Best Effort, Not-ECT");
    assert!(fields.ttl > 0 && fields.ttl != MARKED.ttl, "{fields:?}");
    fields
}

/// Sees whole IPv4 packets, where it may: that takes a privilege.
pub(crate) struct Tap(Socket);

impl Tap {
    /// Those to this address, which no other test should use.
    pub(crate) fn at(ip: &str) -> Option<Self> {
        match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)) {
            Ok(socket) => {
                let at = SocketAddr::new(ip.parse().unwrap(), 0);
                socket.bind(&at.into()).unwrap();
                socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                Some(Self(socket))
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
                None
            }
        }
    }

    /// Whether the next packet to this port that ends with `payload` has the DF bit.
    #[track_caller]
    pub(crate) fn has_df(&mut self, to: SocketAddr, payload: &[u8]) -> bool {
        let mut packet = [0; 2048];
        loop {
            let len = self.0.read(&mut packet).expect("a packet passes");
            let header_len = usize::from(packet[0] & 0xF) * 4;
            let udp = &packet[header_len..len];
            if udp[2..4] == to.port().to_be_bytes() && udp.ends_with(payload) {
                return packet[6] & 0x40 != 0;
            }
        }
    }
}
