//! Datagrams on their way through a worker, in buffers that are allocated once.
//!
//! ```text
//!  recv ──▶ ┌─────────┬─────────┬────────┐   ┌──────────┬────────┐
//!           │ arrived │ arrived │ vacant │   │ by itself│ vacant │  the core edits packets
//!           └────┬────┴────┬────┴────────┘   └────┬─────┴────────┘  where they lie
//!                │  origin, run                   │ out of a train
//!                └────────────┬───────────────────┘
//!                             ▼
//!           ┌─────────────────────────────────┐
//!           │ departing: place, run, to whom  │ ──▶ send
//!           └─────────────────────────────────┘
//! ```
//!
//! An arrival is one datagram, or a train of them from one sender, cut every so many bytes. What
//! departs is a run of such a train, or one datagram.

use std::ops::Range;

use kopru_stun::channel_data::CHANNEL_HEADER_LEN;
use kopru_stun::packet::PacketBuf;
use kopru_stun::run::Run;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayedAddr, Sender};
use kopru_turn::{IcmpError, RunVerdict};

/// Datagrams that are received, handled and sent together.
pub(crate) struct Batch {
    /// Those that arrived, in that order, and behind [`BATCH_SIZE`] those that go by themselves.
    packets: Box<[PacketBuf]>,
    arrivals: Vec<Arrival>,
    by_themselves: usize,
    departing: Vec<Departing>,
}

/// What came in one buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Where it came from.
    pub(crate) origin: Origin,
    /// Where its datagrams lie.
    pub(crate) run: Run,
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
        from: Sender,
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

/// Datagrams of one packet that leave, all to the same.
pub(crate) struct Departing {
    /// Whose packet it is.
    pub(crate) place: usize,
    /// Where in its bytes they lie.
    pub(crate) run: Run,
    /// Where they go.
    pub(crate) to: Departure,
    /// What goes in front of each, and of the last.
    heads: Option<[[u8; CHANNEL_HEADER_LEN]; 2]>,
}

impl Departing {
    /// What goes in front of the datagram at `index`, and what follows it in its packet.
    pub(crate) fn datagram<'a>(&'a self, packet: &'a PacketBuf, index: usize) -> [&'a [u8]; 2] {
        let data = packet.bytes().get(self.run.datagram(index)).unwrap_or_default();
        let Some([head, last]) = &self.heads else { return [&[], data] };
        [if index + 1 == self.run.count() { last } else { head }, data]
    }
}

impl Batch {
    /// An empty batch.
    pub(crate) fn new() -> Self {
        Self {
            packets: (0..BATCH_SIZE + ALONE_MAX).map(|_| PacketBuf::new(DATAGRAM_MAX)).collect(),
            arrivals: Vec::with_capacity(BATCH_SIZE),
            by_themselves: 0,
            departing: Vec::with_capacity(DEPARTING_MAX),
        }
    }

    /// Empties it.
    pub(crate) fn clear(&mut self) {
        self.arrivals.clear();
        self.forget_departing();
    }

    /// Whether nothing has arrived.
    pub(crate) fn is_empty(&self) -> bool {
        self.arrivals.is_empty()
    }

    /// How many buffers are filled.
    pub(crate) fn len(&self) -> usize {
        self.arrivals.len()
    }

    /// The buffers that the next arrivals go to, at most so many. They join the batch with
    /// [`push`](Self::push) or [`push_train`](Self::push_train).
    pub(crate) fn vacancies(&mut self, at_most: usize) -> &mut [PacketBuf] {
        let (from, to) = (self.len(), BATCH_SIZE.min(self.len().saturating_add(at_most)));
        self.packets.get_mut(from..to).unwrap_or_default()
    }

    /// The first of them; `None` when the batch is full.
    pub(crate) fn vacant(&mut self) -> Option<&mut PacketBuf> {
        self.vacancies(1).first_mut()
    }

    /// Declares that [`vacant`](Self::vacant) holds a datagram from `origin`.
    pub(crate) fn push(&mut self, origin: Origin) {
        let place = self.len();
        if let Some(packet) = self.packets.get(place) {
            self.push_train(place, origin, Run::whole(packet.len()));
        }
    }

    /// Declares that the vacant buffer at `place` holds what came from `origin`. Those before it
    /// that were not declared stay vacant.
    pub(crate) fn push_train(&mut self, place: usize, origin: Origin, run: Run) {
        if self.len() < BATCH_SIZE {
            self.packets.swap(self.arrivals.len(), place);
            self.arrivals.push(Arrival { origin, run });
        }
    }

    /// Declares that [`vacant`](Self::vacant) holds a message of our own, for this client.
    pub(crate) fn push_message(&mut self, to: FiveTuple) {
        let place = self.len();
        self.push(Origin::Client(to));
        self.depart(place, Departure::Client(to));
    }

    /// What has arrived at `place`; `None` behind the last.
    pub(crate) fn arrival(&self, place: usize) -> Option<Arrival> {
        self.arrivals.get(place).copied()
    }

    /// How many datagrams have arrived.
    pub(crate) fn datagrams(&self) -> usize {
        self.arrivals.iter().map(|arrival| arrival.run.count()).sum()
    }

    /// The packet at `place`, which is one of those that arrived or went by themselves.
    pub(crate) fn packet(&mut self, place: usize) -> &mut PacketBuf {
        &mut self.packets[place]
    }

    /// Takes a copy of a datagram out of a train, and says where it is. `None` when there is no
    /// room for it or for its departure: what departs is to be sent first.
    pub(crate) fn take_alone(&mut self, place: usize, datagram: Range<usize>) -> Option<usize> {
        let (arrived, alone) = self.packets.split_at_mut(BATCH_SIZE);
        let packet =
            alone.get_mut(self.by_themselves).filter(|_| self.departing.len() < DEPARTING_MAX)?;
        let datagram = arrived.get(place)?.bytes().get(datagram)?;
        if !packet.copy_from(datagram) {
            return None;
        }
        self.by_themselves += 1;
        Some(BATCH_SIZE + self.by_themselves - 1)
    }

    /// Whether nothing more can depart before what departs is sent.
    pub(crate) fn is_laden(&self) -> bool {
        self.departing.len() == DEPARTING_MAX
    }

    /// Has the packet at `place` depart as it stands.
    pub(crate) fn depart(&mut self, place: usize, to: Departure) {
        if to != Departure::Stays {
            let run = Run::whole(self.packets[place].len());
            self.departing.push(Departing { place, run, to, heads: None });
        }
    }

    /// Has a run depart out of the packet at `place`.
    pub(crate) fn depart_run(&mut self, place: usize, to: Departure, passed: &RunVerdict) {
        if to != Departure::Stays && !passed.run.is_empty() {
            let head = |index| Some(passed.header(index)?.to_bytes());
            let heads = head(0).zip(head(passed.run.count() - 1)).map(|(one, last)| [one, last]);
            self.departing.push(Departing { place, run: passed.run, to, heads });
        }
    }

    /// The packets, by place, and what departs, in order.
    pub(crate) fn departing(&mut self) -> (&mut [PacketBuf], &[Departing]) {
        (&mut self.packets, &self.departing)
    }

    /// Declares that what departs was sent.
    pub(crate) fn forget_departing(&mut self) {
        self.departing.clear();
        self.by_themselves = 0;
    }
}

/// Buffers that are filled at once.
pub(crate) const BATCH_SIZE: usize = 32;
/// Datagrams out of trains that wait by themselves until they are sent.
const ALONE_MAX: usize = 16;
/// Runs that wait until they are sent.
const DEPARTING_MAX: usize = 128;
/// The longest payload of a UDP datagram: 65535 less the UDP header, over IPv6.
pub(crate) const DATAGRAM_MAX: usize = 65_527;
