//! The floor: the least that a relay can do. It strips four bytes off each datagram and forwards
//! the rest to one peer; or, for two clients who talk to each other, it forwards from the one to
//! the other as it is. It checks nothing.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;

use clap::ValueEnum;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, sendmmsg, sendmsg, setsockopt, sockopt,
};

use super::inbox::{self, Inbox};
use crate::error::BenchError;

mod pairs;

/// With which system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// recv and send, one datagram each.
    Single,
    /// recvmmsg and sendmmsg: what waits, at once.
    Batch,
    /// UDP_GRO and UDP_SEGMENT: trains as they come.
    Train,
}

impl Variant {
    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Batch => "batch",
            Self::Train => "train",
        }
    }
}

/// Forwards from this port of loopback until the process is ended: to `peer`, or from client to
/// client.
pub(crate) fn serve(
    variant: Variant,
    port: u16,
    peer: Option<SocketAddrV4>,
) -> Result<(), BenchError> {
    forward(variant, port, peer).map_err(BenchError::io("the floor"))
}

fn forward(variant: Variant, port: u16, peer: Option<SocketAddrV4>) -> io::Result<()> {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    listener.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    listener.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let listener = UdpSocket::from(listener);
    let Some(peer) = peer else { return pairs::forward(variant, &listener) };
    let relay = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    relay.connect(peer)?;
    match variant {
        Variant::Single => one_by_one(&listener, &relay),
        Variant::Batch => in_batches(&listener, &relay),
        Variant::Train => in_trains(&listener, &relay),
    }
}

fn one_by_one(listener: &UdpSocket, relay: &UdpSocket) -> io::Result<()> {
    let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let len = listener.recv(&mut datagram)?;
        if let Some(data) = datagram[..len].get(HEADER_LEN..) {
            // Nobody hears of what is lost, as in any relay.
            _ = relay.send(data);
        }
    }
}

fn in_batches(listener: &UdpSocket, relay: &UdpSocket) -> io::Result<()> {
    let mut inbox = Inbox::<()>::new();
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(inbox::AT_ONCE, None);
    let nowhere = [None; inbox::AT_ONCE];
    loop {
        let datagrams = inbox.wait(listener.as_raw_fd())?;
        let stripped: Vec<_> =
            datagrams.map(|it| [IoSlice::new(it.get(HEADER_LEN..).unwrap_or_default())]).collect();
        let to = &nowhere[..stripped.len()];
        let flags = MsgFlags::empty();
        _ = sendmmsg(relay.as_raw_fd(), &mut headers, &stripped, to, [], flags)
            .map(Iterator::count);
    }
}

/// All messages of a train are as long as the first one says.
fn in_trains(listener: &UdpSocket, relay: &UdpSocket) -> io::Result<()> {
    setsockopt(listener, sockopt::UdpGroSegment, &true)?;
    let mut inbox = Inbox::<()>::new();
    loop {
        for train in inbox.wait(listener.as_raw_fd())? {
            let Some(data_len) = data_len_of(train) else { continue };
            let messages = train.chunks(HEADER_LEN + usize::from(data_len));
            let stripped: Vec<_> =
                messages.map(|it| IoSlice::new(it.get(HEADER_LEN..).unwrap_or_default())).collect();
            let segments = [ControlMessage::UdpGsoSegments(&data_len)];
            let flags = MsgFlags::empty();
            _ = sendmsg::<SockaddrIn>(relay.as_raw_fd(), &stripped, &segments, flags, None);
        }
    }
}

/// What the first ChannelData message says.
fn data_len_of(train: &[u8]) -> Option<u16> {
    let &[_, _, l0, l1] = train.first_chunk()?;
    Some(u16::from_be_bytes([l0, l1]))
}

/// Of ChannelData.
const HEADER_LEN: usize = 4;
const DATAGRAM_BYTES_MAX: usize = 1 << 16;
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
