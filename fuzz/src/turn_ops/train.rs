//! Trains: datagrams of one length, but for the last, that a server receives in one piece.

use std::net::SocketAddr;

use arbitrary::Arbitrary;
use kopru_stun::attribute::XorPeerAddress;
use kopru_stun::{Class, MessageBuilder, MessageType, Method, TransactionId};

/// What a client sends together.
#[derive(Arbitrary, Debug)]
pub(super) struct Train {
    segment: u8,
    last_len: u8,
    /// Whether a request is among them: no more than one, of which each takes a reply.
    asks: bool,
    cars: Vec<Car>,
}

/// One datagram.
#[derive(Arbitrary, Debug)]
enum Car {
    /// Whose length may be more or less than what is there.
    OnChannel {
        channel: u8,
        off_by: i8,
    },
    Send {
        peer: u8,
    },
    Noise {
        byte: u8,
    },
}

impl Train {
    /// Bytes of each datagram but the last.
    pub(super) fn segment(&self) -> usize {
        4 + usize::from(self.segment) % SEGMENTS_DIFFER_BY
    }

    /// The datagrams, in their order: there is at least one.
    pub(super) fn datagrams(
        &self,
        channel: impl Fn(u8) -> u16,
        peer: impl Fn(u8) -> SocketAddr,
    ) -> Vec<Vec<u8>> {
        let len = self.segment();
        let write = |car: &Car| match *car {
            Car::OnChannel { channel: number, off_by } => on_channel(channel(number), off_by, len),
            Car::Send { peer: number } => message(Method::SEND, Some(peer(number)), len),
            Car::Noise { byte } => vec![byte; len],
        };
        let mut datagrams: Vec<_> = self.cars.iter().take(CARS_MAX).map(write).collect();
        if self.asks || datagrams.is_empty() {
            datagrams.insert(datagrams.len() / 2, message(Method::BINDING, None, len));
        }
        if let Some(last) = datagrams.last_mut() {
            last.truncate(1 + usize::from(self.last_len) % len);
        }
        datagrams
    }
}

fn on_channel(number: u16, off_by: i8, len: usize) -> Vec<u8> {
    let room = u16::try_from(len - 4).unwrap_or_default();
    let data_len = room.saturating_add_signed(off_by.into());
    let data = (0..len).map(|at| at as u8);
    let header = [number.to_be_bytes(), data_len.to_be_bytes()].concat();
    header.into_iter().chain(data).take(len).collect()
}

/// A message of `len` bytes, with DATA in what the others leave; cut off where it does not fit.
fn message(method: Method, peer: Option<SocketAddr>, len: usize) -> Vec<u8> {
    let class = if method == Method::BINDING { Class::Request } else { Class::Indication };
    let mut bytes = vec![0; 4 + SEGMENTS_DIFFER_BY];
    let kind = MessageType::new(method, class);
    let mut builder = MessageBuilder::new(&mut bytes, kind, TransactionId([7; 12]));
    if let Some(peer) = peer {
        builder.add(&XorPeerAddress(peer));
    }
    let used = builder.finish();
    if let (Some(data_len), Some(body_len)) = (len.checked_sub(used + 4), len.checked_sub(20)) {
        bytes[used..used + 2].copy_from_slice(&[0, 0x13]);
        bytes[used + 2..used + 4].copy_from_slice(&(data_len as u16).to_be_bytes());
        bytes[2..4].copy_from_slice(&(body_len as u16).to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

const SEGMENTS_DIFFER_BY: usize = 100;
/// UDP_MAX_SEGMENTS, with the request.
const CARS_MAX: usize = 63;
