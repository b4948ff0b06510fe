//! The floor between two clients: what one has sent goes to the other as it is. A header would go
//! and the same one come, so none is touched.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, sendmmsg, sendmsg, setsockopt, sockopt,
};

use super::{HEADER_LEN, Variant, data_len_of};
use crate::relay::inbox::{self, Inbox};

/// Forwards until the process is ended.
pub(super) fn forward(variant: Variant, listener: &UdpSocket) -> io::Result<()> {
    match variant {
        Variant::Single => one_by_one(listener),
        Variant::Batch => in_batches(listener),
        Variant::Train => in_trains(listener),
    }
}

fn one_by_one(listener: &UdpSocket) -> io::Result<()> {
    let mut ports = Ports::new();
    let mut datagram = vec![0; super::DATAGRAM_BYTES_MAX];
    loop {
        let (len, from) = listener.recv_from(&mut datagram)?;
        if let std::net::SocketAddr::V4(from) = from
            && let Some(partner) = ports.partner_of(from)
        {
            // Nobody hears of what is lost, as in any relay.
            _ = listener.send_to(&datagram[..len], partner);
        }
    }
}

fn in_batches(listener: &UdpSocket) -> io::Result<()> {
    let (mut ports, mut inbox) = (Ports::new(), Inbox::<SockaddrIn>::new());
    let mut headers = MultiHeaders::preallocate(inbox::AT_ONCE, None);
    loop {
        let (mut datagrams, mut to) = (Vec::new(), Vec::new());
        for (from, datagram) in inbox.wait_from(listener.as_raw_fd())? {
            if let Some(partner) = from.and_then(|from| ports.partner_of(from.into())) {
                datagrams.push([IoSlice::new(datagram)]);
                to.push(Some(SockaddrIn::from(partner)));
            }
        }
        let flags = MsgFlags::empty();
        _ = sendmmsg(listener.as_raw_fd(), &mut headers, &datagrams, to, [], flags)
            .map(Iterator::count);
    }
}

fn in_trains(listener: &UdpSocket) -> io::Result<()> {
    setsockopt(listener, sockopt::UdpGroSegment, &true)?;
    let (mut ports, mut inbox) = (Ports::new(), Inbox::<SockaddrIn>::new());
    loop {
        for (from, train) in inbox.wait_from(listener.as_raw_fd())? {
            let Some(partner) = from.and_then(|from| ports.partner_of(from.into())) else {
                continue;
            };
            let message_len = data_len_of(train).unwrap_or_default() + HEADER_LEN as u16;
            let (whole, to) = ([IoSlice::new(train)], SockaddrIn::from(partner));
            let segments = [ControlMessage::UdpGsoSegments(&message_len)];
            let flags = MsgFlags::empty();
            _ = sendmsg(listener.as_raw_fd(), &whole, &segments, flags, Some(&to));
        }
    }
}

/// The port of each client that was heard of, by the end of its address.
struct Ports(Vec<u16>);

impl Ports {
    fn new() -> Self {
        Self(vec![0; 1 << 16])
    }

    /// Notes where somebody is, and says where the one is whom they talk to: at the address beside
    /// theirs. `None` until that one was heard of.
    fn partner_of(&mut self, from: SocketAddrV4) -> Option<SocketAddrV4> {
        let bits = from.ip().to_bits();
        self.0[usize::from(bits as u16)] = from.port();
        let port = self.0[usize::from(bits as u16 ^ 1)];
        (port != 0).then(|| SocketAddrV4::new(Ipv4Addr::from_bits(bits ^ 1), port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_beside_somebody_is_their_partner_once_heard_of() {
        let mut ports = Ports::new();
        let [one, two, three] =
            ["127.0.4.2:7", "127.0.4.3:8", "127.0.4.4:9"].map(|it| it.parse().unwrap());
        assert_eq!(ports.partner_of(one), None);
        assert_eq!(ports.partner_of(two), Some(one));
        assert_eq!(ports.partner_of(one), Some(two));
        assert_eq!(ports.partner_of(three), None);
    }
}
