//! Datagrams on their way through a worker, in buffers that are allocated once.
//!
//! ```text
//!  recv ──▶ ┌────────┬────────┬────────┬─────────────┐ ──▶ send
//!           │origin  │origin  │origin  │             │
//!           │packet  │packet  │packet  │   vacant    │      the core edits `packet` and the
//!           │departs │departs │departs │             │      worker writes `departure` between
//!           └────────┴────────┴────────┴─────────────┘
//! ```

use kopru_stun::packet::PacketBuf;
use kopru_turn::IcmpError;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};

/// A run of datagrams that are received, handled and sent together.
pub(crate) struct Batch {
    places: Box<[Datagram]>,
    len: usize,
}

/// One datagram: where it came from, and where it goes.
pub(crate) struct Datagram {
    /// Its bytes.
    pub(crate) packet: PacketBuf,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// Where it goes.
    pub(crate) departure: Departure,
}

/// Where a datagram came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client sent it to a listener.
    Client(FiveTuple),
    /// A peer sent it to a relayed transport address, through a socket or in memory.
    Peer {
        /// The relayed transport address.
        at: RelayedAddr,
        /// The peer.
        from: PeerAddr,
    },
    /// An ICMP packet says what became of a datagram that a relay socket had sent.
    Icmp {
        /// The relayed transport address.
        at: RelayedAddr,
        /// What it says.
        error: IcmpError,
    },
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Nowhere: nothing is answered, or it has moved to another worker.
    Stays,
    /// To a client, through the listener that has the five-tuple's server address.
    Client(FiveTuple),
    /// To a peer, through the relay socket in this slot.
    Peer {
        /// The relay socket's slot.
        slot: u32,
        /// The peer.
        to: PeerAddr,
        /// Whole or not at all (RFC 8656 §14).
        dont_fragment: bool,
    },
}

impl Batch {
    /// An empty batch.
    pub(crate) fn new() -> Self {
        Self { places: (0..BATCH_SIZE).map(|_| Datagram::vacant()).collect(), len: 0 }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Whether it holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many datagrams it holds.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The buffer that the next datagram goes to; `None` when the batch is full. It joins the batch
    /// with [`push`](Self::push).
    pub(crate) fn vacant(&mut self) -> Option<&mut PacketBuf> {
        self.places.get_mut(self.len).map(|place| &mut place.packet)
    }

    /// Declares that [`vacant`](Self::vacant) holds a datagram from `origin`.
    pub(crate) fn push(&mut self, origin: Origin) {
        if let Some(place) = self.places.get_mut(self.len) {
            place.origin = origin;
            place.departure = Departure::Stays;
            self.len += 1;
        }
    }

    /// Declares that [`vacant`](Self::vacant) holds a message of our own, for this client.
    pub(crate) fn push_message(&mut self, to: FiveTuple) {
        self.push(Origin::Client(to));
        if let Some(place) = self.len.checked_sub(1).and_then(|last| self.places.get_mut(last)) {
            place.departure = Departure::Client(to);
        }
    }

    /// The datagrams, in the order of arrival.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Datagram> {
        self.places[..self.len].iter_mut()
    }
}

impl Datagram {
    fn vacant() -> Self {
        let nobody = PeerAddr(([0, 0, 0, 0], 0).into());
        Self {
            packet: PacketBuf::new(DATAGRAM_MAX),
            origin: Origin::Peer { at: RelayedAddr(nobody.0), from: nobody },
            departure: Departure::Stays,
        }
    }
}

const BATCH_SIZE: usize = 32;
/// The longest payload of a UDP datagram: 65535 less the UDP header, over IPv6.
pub(crate) const DATAGRAM_MAX: usize = 65_527;
