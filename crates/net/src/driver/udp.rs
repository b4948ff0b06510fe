//! The driver of Linux: one epoll set, system calls for as many datagrams as there are, and the
//! connections of clients over TCP and TLS.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::attribute::padding_len;
use kopru_stun::packet::PacketBuf;
use kopru_turn::IcmpError;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, PeerAddr, RelayedAddr, Sender, Transport};

use crate::batch::{BATCH_SIZE, Batch, Departing, Departure, Origin};
use crate::blanks::Blanks;
use crate::driver::Driver;
use crate::inbox::Inbox;
use crate::listener::Listener;
use crate::quota::DescriptorLease;
use crate::relay_socket::RelaySocket;
use crate::stats::{Loss, Tally};
use crate::stream::Stream;
use crate::stream::connection::Connection;
use crate::stream::connections::{Connections, STREAM};
use crate::stream::link::TOGETHER_MAX;
use crate::sys::batch::Inlet;
use crate::sys::epoll::{Epoll, Ready};
use crate::sys::message::{self, Manner, Received};
use crate::sys::timerfd::TimerFd;
use crate::tcp::crew::Crew;

mod arrivals;
mod departures;

use arrivals::Ear;
use departures::Way;

/// What stays when a worker panics and starts anew: listeners, and the set that wakes it.
///
/// ```text
/// token   0 … n-1       listener
///         1 << 32 | s   relay socket in slot s
///         1 << 33 | s   connection in slot s
///         u64::MAX - 2  the alarm
///         u64::MAX - 1  something about TCP towards peers
///         u64::MAX      bell of the inbox
/// ```
pub(crate) struct Wakeable {
    epoll: Epoll,
    alarm: TimerFd,
    /// What TCP towards peers sleeps on.
    pub(crate) peers: Arc<Epoll>,
    listeners: Vec<Listener>,
    /// Which worker it is for, where clients' connections may be for another (RFC 6062).
    crew: Option<Crew>,
}

impl Wakeable {
    /// A set that wakes for datagrams on `listeners` and for the bell of `inbox`.
    pub(crate) fn new(
        listeners: Vec<Listener>,
        inbox: &Inbox,
        crew: Option<Crew>,
    ) -> io::Result<Self> {
        let (epoll, peers) = (Epoll::new()?, Arc::new(Epoll::new()?));
        epoll.add(inbox.as_fd(), BELL)?;
        epoll.add(peers.as_fd(), PEERS)?;
        let alarm = TimerFd::new()?;
        epoll.add(alarm.as_fd(), ALARM)?;
        for (token, listener) in (0..).zip(&listeners) {
            epoll.add(listener.as_fd(), token)?;
        }
        Ok(Self { epoll, alarm, peers, listeners, crew })
    }
}

/// The sockets of one worker.
pub(crate) struct UdpDriver<'a> {
    wakeable: &'a Wakeable,
    relays: Vec<Option<RelaySocket>>,
    blanks: Blanks,
    inlet: Inlet,
    connections: Connections<'a>,
    vacant: Vec<u32>,
    /// Slots that were vacated since the last wait.
    vacated: Vec<u32>,
    ready: Ready,
    /// When the alarm rings, at the latest.
    rings_at: Option<Instant>,
    /// The connections of which more is there than the last turn allowed.
    resumed: Vec<u32>,
    /// Which of `ready`, and then of `resumed`, has its turn, and how many datagrams it has had.
    turn: usize,
    taken: usize,
    tally: Tally,
}

impl<'a> UdpDriver<'a> {
    /// The listeners, and no relay sockets yet.
    pub(crate) fn new(wakeable: &'a Wakeable) -> Self {
        Self {
            wakeable,
            relays: Vec::new(),
            blanks: Blanks::default(),
            inlet: Inlet::new(BATCH_SIZE),
            connections: Connections::new(&wakeable.epoll, wakeable.crew),
            vacant: Vec::new(),
            vacated: Vec::new(),
            ready: Ready::new(),
            rings_at: None,
            resumed: Vec::new(),
            turn: 0,
            taken: 0,
            tally: Tally::default(),
        }
    }

    /// Has the alarm ring no later than that. It stays where it was when there is more time again
    /// and rings once in vain: a deadline that is not new costs a sleep no timer of its own.
    fn set_alarm(&mut self, until: Option<Instant>) {
        let Some(until) = until.filter(|until| self.rings_at.is_none_or(|at| *until < at)) else {
            return;
        };
        // Rounded up: what is due within a millisecond of each other needs one wake-up.
        let delay = until.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
        let delay = Duration::from_millis(u64::try_from(delay).unwrap_or(u64::MAX));
        self.wakeable.alarm.set(delay).expect("the timer is valid");
        self.rings_at = Some(until);
    }

    /// Receives from what `token` names; `false` when there is no more.
    fn receive(&mut self, token: u64, batch: &mut Batch) -> bool {
        match token {
            BELL | PEERS | ALARM => false,
            _ if token & STREAM != 0 => self.receive_from_stream(token as u32, batch),
            _ if token & RELAY == 0 => self.receive_from_clients(token as usize, batch),
            _ => self.receive_from_peers((token ^ RELAY) as usize, batch),
        }
    }

    fn receive_from_clients(&mut self, index: usize, batch: &mut Batch) -> bool {
        let Some(listener) = self.wakeable.listeners.get(index) else { return false };
        let origin = |arrival: &Received| {
            let client = ClientAddr(arrival.from?);
            let server = listener.asked(&arrival.ancillary)?;
            Some(Origin::Client(FiveTuple { transport: Transport::Udp, client, server }))
        };
        let mut ear = Ear { inlet: &mut self.inlet, tally: &mut self.tally, taken: self.taken };
        let more = ear.receive(listener.as_fd(), &listener.flow, batch, origin);
        self.taken = ear.taken;
        more
    }

    fn receive_from_stream(&mut self, slot: u32, batch: &mut Batch) -> bool {
        if self.taken == 0 {
            self.connections.begin_turn(slot, &mut self.tally);
        }
        let Some(packet) = batch.vacant() else { return false };
        let client = self.connections.receive(slot, packet, &mut self.tally);
        let received = client.map(|five_tuple| batch.push(Origin::Client(five_tuple))).is_some();
        self.taken += usize::from(received);
        received
    }

    /// What has its turn now.
    fn token(&self) -> Option<u64> {
        let resumed = || {
            let slot = self.resumed.get(self.turn.checked_sub(self.ready.len())?)?;
            Some(STREAM | u64::from(*slot))
        };
        self.ready.token(self.turn).or_else(resumed)
    }

    fn receive_from_peers(&mut self, slot: usize, batch: &mut Batch) -> bool {
        if self.ready.has_error(self.turn) && self.receive_error(slot, batch) {
            self.taken += 1;
            return true;
        }
        let Some(Some(relay)) = self.relays.get(slot) else { return false };
        let origin = |arrival: &Received| {
            let from = Sender::Peer(PeerAddr(arrival.from?));
            Some(Origin::Peer { at: relay.at, from })
        };
        let mut ear = Ear { inlet: &mut self.inlet, tally: &mut self.tally, taken: self.taken };
        let more = ear.receive(relay.as_fd(), &relay.flow, batch, origin);
        self.taken = ear.taken;
        more
    }

    /// Receives one ICMP error, which the kernel tells with the datagram that it is about.
    fn receive_error(&self, slot: usize, batch: &mut Batch) -> bool {
        let Some(Some(relay)) = self.relays.get(slot) else { return false };
        let Some(packet) = batch.vacant() else { return false };
        let Ok(sent) = message::receive_error(relay.as_fd(), packet.receive_area()) else {
            return false;
        };
        packet.set_received(sent.len);
        // What this host found by itself was told to whoever sent the datagram.
        if let (Some(to), Some(icmp)) = (sent.from, sent.ancillary.icmp) {
            batch.push(Origin::Icmp { at: relay.at, error: IcmpError { to: PeerAddr(to), icmp } });
        }
        true
    }

    /// Sends what goes to the same destination, in this order.
    fn send_together(&mut self, packets: &mut [PacketBuf], together: &[Departing]) {
        let Some(first) = together.first() else { return };
        if let Departure::Client(five_tuple) = &first.to
            && five_tuple.transport != Transport::Udp
        {
            return self.send_on_stream(five_tuple, packets, together);
        }
        let each = |departing| datagrams_of(packets, departing);
        let datagrams = together.iter().flat_map(each);
        match way(&self.wakeable.listeners, &mut self.relays, first.to) {
            Ok(way) => way.send(datagrams, &mut self.tally),
            Err(why) => datagrams.for_each(|_| self.tally.lose(why)),
        }
    }

    /// RFC 8656 §12.5: over a stream, ChannelData is padded. STUN messages are by themselves. Of
    /// all these none was received in a train: each is its whole packet.
    fn send_on_stream(
        &mut self,
        five_tuple: &FiveTuple,
        packets: &mut [PacketBuf],
        mut together: &[Departing],
    ) {
        for departing in together {
            let packet = &mut packets[departing.place];
            if !packet.pad(padding_len(packet.len())) {
                // Half a frame would make all that follows unreadable: nothing of it goes.
                let _ = packet.narrow(0, 0);
                self.tally.lose(Loss::MessageSize);
            }
        }
        while !together.is_empty() {
            let (mut messages, mut count, mut bytes) = ([&[][..]; TOGETHER_MAX], 0, 0);
            for (message, departing) in messages.iter_mut().zip(together) {
                *message = packets[departing.place].bytes();
                bytes += message.len();
                // The first goes, whatever its size.
                if count > 0 && bytes > TOGETHER_BYTES_MAX {
                    break;
                }
                count += 1;
            }
            if let Err(why) = self.connections.send(five_tuple, &messages[..count], &mut self.tally)
            {
                (0..count).for_each(|_| self.tally.lose(why));
            }
            together = &together[count..];
        }
    }
}

impl Driver for UdpDriver<'_> {
    fn open(&mut self, at: RelayedAddr, bound: SocketAddr) -> io::Result<u32> {
        let relay = RelaySocket::open(at, bound, &mut self.blanks)?;
        let slot = self.vacant.pop().unwrap_or(self.relays.len() as u32);
        match self.relays.get_mut(slot as usize) {
            Some(place) => *place = Some(relay),
            None => self.relays.push(Some(relay)),
        }
        Ok(slot)
    }

    fn admit(&mut self, slot: u32) -> io::Result<()> {
        let Some(Some(relay)) = self.relays.get_mut(slot as usize) else { return Ok(()) };
        relay.admit(&self.wakeable.epoll, RELAY | u64::from(slot), &mut self.tally)
    }

    fn close(&mut self, slot: u32) {
        // Closing the descriptor takes it out of the epoll set.
        if let Some(place) = self.relays.get_mut(slot as usize)
            && let Some(relay) = place.take()
        {
            relay.drop_early(&mut self.tally);
            self.vacated.push(slot);
        }
    }

    fn adopt(&mut self, stream: Stream, lease: DescriptorLease) {
        self.connections.adopt(stream, lease, &mut self.tally);
    }

    fn take_in(&mut self, connection: Connection) {
        self.connections.take_in(connection, &mut self.tally);
    }

    fn leaving(&mut self) -> Option<(u16, Connection)> {
        self.connections.leaving()
    }

    fn part_with(&mut self, client: &FiveTuple) -> Option<Connection> {
        self.connections.part_with(client, &mut self.tally)
    }

    fn due(&mut self, now: Instant) -> Option<FiveTuple> {
        self.connections.due(now, &mut self.tally)
    }

    fn judge(&mut self, now: Instant, client: &FiveTuple, until: Option<Instant>) {
        self.connections.judge(now, client, until, &mut self.tally);
    }

    fn unprove(&mut self, client: &FiveTuple) {
        self.connections.unprove(client);
    }

    fn disconnected(&mut self) -> Option<FiveTuple> {
        self.connections.ended()
    }

    fn wait(&mut self, until: Option<Instant>) -> bool {
        self.vacant.append(&mut self.vacated);
        self.blanks.restock();
        self.resumed.clear();
        self.resumed.append(self.connections.unfinished());
        let until = until.into_iter().chain(self.connections.next_timeout()).min();
        self.set_alarm(until);
        let Wakeable { epoll, alarm, .. } = self.wakeable;
        let looked = match self.resumed.is_empty() {
            true => epoll.wait(&mut self.ready),
            false => epoll.look(&mut self.ready),
        };
        looked.expect("the epoll set is valid");
        if self.ready.take(ALARM) {
            alarm.clear();
            self.rings_at = None;
        }
        (self.turn, self.taken) = (0, 0);
        self.ready.contains(BELL)
    }

    fn recv(&mut self, batch: &mut Batch) {
        while batch.vacant().is_some() {
            let Some(token) = self.token() else { return };
            if self.taken >= TURN_MAX || !self.receive(token, batch) {
                // What a socket still has wakes again by itself; what a buffer has does not.
                if self.taken >= TURN_MAX && token & STREAM != 0 {
                    self.connections.resume_later(token as u32);
                }
                self.turn += 1;
                self.taken = 0;
            }
        }
    }

    fn send(&mut self, batch: &mut Batch) {
        let (packets, mut rest) = batch.departing();
        while let Some(first) = rest.first() {
            let is_alone =
                |departing: &Departing| is_answer(&packets[departing.place], departing.to);
            let joins = |other: &&Departing| other.to == first.to && !is_alone(other);
            let same = match is_alone(first) {
                true => 1,
                false => rest.iter().take_while(joins).count(),
            };
            let (together, others) = rest.split_at(same);
            self.send_together(packets, together);
            rest = others;
        }
        batch.forget_departing();
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }
}

/// Whether it is a response to a client over UDP. Those are few and go by themselves: who captures
/// packets on this host then sees each as it is on the wire.
fn is_answer(packet: &PacketBuf, to: Departure) -> bool {
    let over_udp = matches!(to, Departure::Client(client) if client.transport == Transport::Udp);
    // The class of a response is in the lowest bit of the first byte, above all methods.
    over_udp && packet.bytes().first() == Some(&1)
}

fn datagrams_of<'p>(
    packets: &'p [PacketBuf],
    departing: &'p Departing,
) -> impl Iterator<Item = departures::Parts<'p>> {
    let packet = &packets[departing.place];
    (0..departing.run.count()).map(move |index| departing.datagram(packet, index))
}

/// Through which socket, and how, datagrams leave that go `to` somebody.
fn way<'w>(
    listeners: &'w [Listener],
    relays: &'w mut [Option<RelaySocket>],
    to: Departure,
) -> Result<Way<'w>, Loss> {
    match to {
        Departure::Stays => Err(Loss::SocketGone),
        Departure::Client(FiveTuple { client, server, .. }) => {
            let listener = listeners.iter().find(|listener| listener.serves(server));
            let listener = listener.ok_or(Loss::SocketGone)?;
            let manner = Manner { source: listener.source(server), segment: None };
            let (socket, flow) = (listener.as_fd(), &listener.flow);
            Ok(Way { socket, to: client.0, manner, flow, of_one: false })
        }
        Departure::Peer { slot, to, dont_fragment } => {
            let relay = relays.get_mut(slot as usize).and_then(Option::as_mut);
            let relay = relay.ok_or(Loss::SocketGone)?;
            relay.set_dont_fragment(dont_fragment).map_err(|_| Loss::SendRefused)?;
            let relay = &*relay;
            let (socket, manner) = (relay.as_fd(), Manner::default());
            Ok(Way { socket, to: to.0, manner, flow: &relay.flow, of_one: true })
        }
    }
}

const BELL: u64 = u64::MAX;
const PEERS: u64 = u64::MAX - 1;
const ALARM: u64 = u64::MAX - 2;
const RELAY: u64 = 1 << 32;
/// Datagrams after which the turn of a socket is over; the call that reaches it may bring more,
/// where trains come. With the bound on ready sockets this bounds the time until timers, the inbox
/// and the control plane have theirs.
const TURN_MAX: usize = 32;
/// Bytes that are handed to a connection at once: two records of TLS.
const TOGETHER_BYTES_MAX: usize = 32 * 1024;

#[cfg(test)]
mod tests;
