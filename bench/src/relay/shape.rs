//! What a load consists of, and the messages of it.
//!
//! ```text
//!              client            server             peer
//!   up            │ ChannelData ────▶│ ────────────────▶│
//!   send          │ Send ───────────▶│ ────────────────▶│
//!   down          │◀──── ChannelData │◀──────────────── │
//!
//!              client            server             another client
//!   pair          │ ChannelData ────▶│────▶ ChannelData │     and the other way round
//! ```

use std::net::SocketAddrV4;

use clap::ValueEnum;
use kopru_stun::attribute::{Data, XorPeerAddress};
use kopru_stun::channel_data::{CHANNEL_HEADER_LEN, ChannelHeader};
use kopru_stun::{Class, HEADER_LEN, MessageBuilder, MessageType, Method};

use super::burst::Burst;
use super::client::CHANNEL;
use super::line::Transport;
use super::request::TransactionIds;

/// Which way the load goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    Up,
    Down,
    Pair,
    Send,
}

/// What a load consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) way: Way,
    pub(crate) transport: Transport,
    pub(crate) clients: usize,
    /// Bytes of payload.
    pub(crate) size: usize,
    /// Messages that leave together.
    pub(crate) burst: usize,
    /// They leave as a train that the kernel cuts.
    pub(crate) is_train: bool,
    /// How many may be under way when it goes as fast as it can: by default what a socket has room
    /// for that nobody has made larger.
    pub(crate) window: u64,
}

impl Shape {
    /// Messages of 1000 bytes, four at once, from a hundred clients over UDP.
    pub(crate) const PLAIN: Self = Self {
        way: Way::Up,
        transport: Transport::Udp,
        clients: 100,
        size: 1000,
        burst: 4,
        is_train: false,
        window: 80,
    };

    /// Trains of 16 messages of 1200 bytes.
    pub(crate) const TRAINS: Self = Self { size: 1200, burst: 16, is_train: true, ..Self::PLAIN };

    /// Whether what comes, comes to clients.
    pub(crate) fn is_heard_by_clients(&self) -> bool {
        matches!(self.way, Way::Down | Way::Pair)
    }

    /// What leaves: for each peer where it is named in the message, or the same for all.
    pub(crate) fn bursts(&self, peers: &[SocketAddrV4]) -> Vec<Burst> {
        let payload = vec![0; self.size];
        match self.way {
            Way::Down => vec![self.burst(&payload, 0)],
            Way::Up | Way::Pair => vec![self.burst(&self.channel_data(), CHANNEL_HEADER_LEN)],
            Way::Send => {
                let indications = peers.iter().map(|&peer| indication(peer, &payload));
                indications.map(|message| self.burst(&message, INDICATION_PAYLOAD_AT)).collect()
            }
        }
    }

    fn burst(&self, message: &[u8], payload_at: usize) -> Burst {
        Burst::new(message, payload_at, self.burst, self.is_train)
    }

    fn channel_data(&self) -> Vec<u8> {
        let len = u16::try_from(self.size).unwrap_or(u16::MAX);
        let mut message = ChannelHeader { channel: CHANNEL, len }.to_bytes().to_vec();
        message.resize(CHANNEL_HEADER_LEN + self.size, 0);
        if self.transport != Transport::Udp {
            message.resize(message.len().next_multiple_of(4), 0);
        }
        message
    }
}

/// A Send indication.
fn indication(peer: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; INDICATION_PAYLOAD_AT + payload.len().next_multiple_of(4)];
    let kind = MessageType::new(Method::SEND, Class::Indication);
    MessageBuilder::new(&mut message, kind, TransactionIds::default().next())
        .add(&XorPeerAddress(peer.into()))
        .add(&Data(payload))
        .finish();
    message
}

/// Behind the header, XOR-PEER-ADDRESS of IPv4, and the header of DATA.
const INDICATION_PAYLOAD_AT: usize = HEADER_LEN + 12 + 4;

#[cfg(test)]
mod tests {
    use kopru_stun::Message;

    use super::*;

    #[test]
    fn channel_data_is_padded_on_a_stream_alone() {
        let of = |transport| Shape { size: 33, transport, ..Shape::PLAIN }.channel_data();
        assert_eq!(of(Transport::Udp).len(), 37);
        assert_eq!(of(Transport::Tls).len(), 40);
        assert_eq!(of(Transport::Tcp)[..4], [0x40, 0, 0, 33]);
    }

    #[test]
    fn a_send_indication_has_its_payload_where_it_is_stamped() {
        let peer = "127.0.3.1:4000".parse().unwrap();
        let bytes = indication(peer, b"payload");
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.get(), Ok(Some(XorPeerAddress(peer.into()))));
        assert_eq!(message.get(), Ok(Some(Data(b"payload"))));
        assert_eq!(&bytes[INDICATION_PAYLOAD_AT..][..7], b"payload");
    }

    #[test]
    fn indications_name_each_peer_and_everything_else_is_the_same_for_all() {
        let peers: Vec<_> =
            (1..=4).map(|port| SocketAddrV4::new([127, 0, 3, 1].into(), port)).collect();
        for (way, count) in [(Way::Up, 1), (Way::Down, 1), (Way::Pair, 1), (Way::Send, 4)] {
            assert_eq!(Shape { way, ..Shape::PLAIN }.bursts(&peers).len(), count);
        }
    }
}
