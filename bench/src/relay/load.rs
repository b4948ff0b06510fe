//! Clients and peers that send through a server, as fast as it goes or at a rate.
//!
//! One thread does it all and never sleeps: to wake it would cost the server, in whose system calls
//! that happens. As fast as it goes means that a window is under way and no more: the server always
//! has something to do, and nothing is thrown away for want of room.

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use kopru_stun::channel_data::CHANNEL_HEADER_LEN;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::socket::{setsockopt, sockopt};

use super::burst::Burst;
use super::client::Client;
use super::inbox::{self, Inbox};
use super::line::Line;
use super::pacing::{Pace, Pacing};
use super::peers::Peers;
use super::relayed::Relayed;
use super::servers::Server;
use super::shape::{Shape, Way};
use super::tally::Tally;
use crate::error::BenchError;
use crate::process::Process;

/// The clients and peers of one server.
pub(crate) struct Load {
    shape: Shape,
    clients: Vec<Client>,
    peers: Peers,
    /// What leaves, for each peer or for all.
    bursts: Vec<Burst>,
    poll: Poll,
    events: Events,
    inbox: Inbox,
    tally: Tally,
    /// Whose turn it is to send.
    next: usize,
    /// Whether there are allocations, and since when they have not been refreshed.
    fresh_since: Option<Instant>,
}

impl Load {
    /// Makes the allocations, permissions and channels.
    ///
    /// # Errors
    /// The server refuses what the load consists of.
    pub(crate) fn open(server: &Server, shape: Shape, peers: Peers) -> Result<Self, BenchError> {
        let client = |number| match server.is_turn() {
            true => Client::allocate(&server.target, shape.transport, number),
            false => Client::connect(&server.target, shape.transport, number),
        };
        let clients: Result<Vec<_>, _> = (0..shape.clients).map(client).collect();
        let mut load = Self {
            shape,
            clients: clients?,
            bursts: shape.bursts(peers.addresses()),
            peers,
            poll: Poll::new().map_err(BenchError::io("epoll"))?,
            events: Events::with_capacity(EVENTS_AT_ONCE),
            inbox: Inbox::new(),
            tally: Tally::new(),
            next: 0,
            fresh_since: None,
        };
        if server.is_turn() {
            load.refresh()?;
        } else if shape.way == Way::Pair {
            load.introduce().map_err(BenchError::io("a client's first datagram"))?;
        }
        load.prepare_sockets().map_err(BenchError::io("clients' sockets"))?;
        Ok(load)
    }

    /// Lets them talk, and measures for so long after having warmed up.
    ///
    /// # Errors
    /// The server ended, or broke off connections.
    pub(crate) fn run(
        &mut self,
        server: &Process,
        pace: Pace,
        (warm_up, measured): (Duration, Duration),
    ) -> Result<Relayed, BenchError> {
        self.keep_alive()?;
        self.tally.begin_run();
        let Shape { burst, window, size, .. } = self.shape;
        let mut pacing = Pacing::of(pace, burst, window, self.tally.now_ns());
        let failed = BenchError::io("a load");
        self.turn_for(warm_up, &mut pacing).map_err(&failed)?;
        self.tally.is_measured = true;
        let (cpu_ns, delivered, begin) = (server.cpu_ns()?, self.tally.delivered, Instant::now());
        let idle = self.turn_for(measured, &mut pacing).map_err(&failed)?;
        let took = begin.elapsed();
        let cpu = Duration::from_nanos(server.cpu_ns()? - cpu_ns);
        let delivered = self.tally.delivered - delivered;
        self.tally.is_measured = false;
        self.drain().map_err(&failed)?;
        Ok(Relayed {
            delivered,
            took,
            cpu,
            generator_busy: 1.0 - idle.as_secs_f64() / took.as_secs_f64(),
            loss: self.tally.loss(),
            latency: std::mem::take(&mut self.tally.latencies).quantiles(),
            size,
            is_unpaced: matches!(pace, Pace::AsFastAsItGoes),
        })
    }

    /// A permission lasts for five minutes: longer than any run, but not than all of them.
    fn keep_alive(&mut self) -> Result<(), BenchError> {
        if self.fresh_since.is_some_and(|since| since.elapsed() > FRESH_FOR) {
            self.set_patient(true).map_err(BenchError::io("clients' sockets"))?;
            self.refresh()?;
            self.set_patient(false).map_err(BenchError::io("clients' sockets"))?;
        }
        Ok(())
    }

    /// Makes permissions and channels, or makes them and allocations last.
    fn refresh(&mut self) -> Result<(), BenchError> {
        let peers = self.peers.addresses();
        let relayed: Vec<SocketAddrV4> = self.clients.iter().map(|it| it.relayed).collect();
        for (number, client) in self.clients.iter_mut().enumerate() {
            client.refresh(ALLOCATION_SECONDS)?;
            let peer = peers[Peers::of(number)];
            match self.shape.way {
                Way::Up | Way::Down => client.bind_channel(peer)?,
                Way::Pair => client.bind_channel(relayed[partner_of(number)])?,
                Way::Send => client.permit(peer)?,
            }
        }
        self.fresh_since = Some(Instant::now());
        Ok(())
    }

    /// The floor has to have heard of both of a pair: an empty datagram each, which it forwards.
    fn introduce(&self) -> io::Result<()> {
        self.clients.iter().try_for_each(|client| match &client.line {
            Line::Udp(socket) => socket.send(&[]).map(drop),
            Line::Stream(_) => Ok(()),
        })
    }

    fn set_patient(&self, is_patient: bool) -> io::Result<()> {
        self.clients.iter().try_for_each(|client| client.line.set_patient(is_patient))
    }

    fn prepare_sockets(&mut self) -> io::Result<()> {
        self.set_patient(false)?;
        for (number, client) in self.clients.iter().enumerate() {
            if self.shape.is_heard_by_clients() {
                let socket = client.line.socket();
                let registry = self.poll.registry();
                registry.register(&mut SourceFd(&socket), Token(number), Interest::READABLE)?;
            }
        }
        if self.shape.is_train { Ok(self.send_trains()?) } else { Ok(()) }
    }

    fn send_trains(&self) -> nix::Result<()> {
        let segment_bytes = i32::try_from(self.bursts[0].message_len()).unwrap_or(i32::MAX);
        if self.shape.way == Way::Down {
            return self.peers.send_trains(segment_bytes);
        }
        self.clients.iter().try_for_each(|client| match &client.line {
            Line::Udp(socket) => setsockopt(socket, sockopt::UdpGsoSegment, &segment_bytes),
            Line::Stream(_) => Ok(()),
        })
    }

    /// Turns for so long, and says how much of it there was nothing to do.
    fn turn_for(&mut self, long: Duration, pacing: &mut Pacing) -> io::Result<Duration> {
        let end = Instant::now() + long;
        let (mut now_ns, mut idle_ns) = (self.tally.now_ns(), 0);
        while Instant::now() < end {
            let before = (self.tally.sent, self.tally.delivered);
            self.hear()?;
            self.say(pacing)?;
            let after_ns = self.tally.now_ns();
            if before == (self.tally.sent, self.tally.delivered) {
                idle_ns += after_ns - now_ns;
                self.tally.give_up_late(after_ns);
            }
            now_ns = after_ns;
        }
        Ok(Duration::from_nanos(idle_ns))
    }

    /// Lets arrive what is under way.
    fn drain(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + DRAINED_AFTER;
        while self.tally.sent > self.tally.delivered && Instant::now() < deadline {
            self.hear()?;
        }
        Ok(())
    }

    /// Sends what is due, but not for long without looking what has come.
    fn say(&mut self, pacing: &mut Pacing) -> io::Result<()> {
        for _ in 0..BURSTS_AT_ONCE {
            let now_ns = self.tally.now_ns();
            if !pacing.is_due(self.shape.burst, self.tally.under_way(), now_ns) {
                break;
            }
            let client = self.next;
            self.next = (client + 1) % self.clients.len();
            self.tally.sent += self.say_one(client, now_ns)? as u64;
        }
        Ok(())
    }

    /// Sends one burst, and says how many have left.
    fn say_one(&mut self, number: usize, now_ns: u64) -> io::Result<usize> {
        let which = Peers::of(number) % self.bursts.len();
        let burst = &mut self.bursts[which];
        burst.stamp(self.tally.stamp(now_ns));
        let client = &mut self.clients[number];
        if self.shape.way == Way::Down {
            return Ok(burst.send(self.peers.socket_of(number), Some(client.relayed)));
        }
        match &mut client.line {
            Line::Udp(socket) => Ok(burst.send(socket.as_raw_fd(), None)),
            Line::Stream(stream) => {
                stream.flush()?;
                if !stream.is_clear() {
                    return Ok(0);
                }
                stream.write(burst.bytes())?;
                Ok(burst.count())
            }
        }
    }

    /// Takes what has come.
    fn hear(&mut self) -> io::Result<()> {
        let Self { shape, inbox, tally, .. } = self;
        if !shape.is_heard_by_clients() {
            let mut sockets = self.peers.sockets();
            return sockets.try_for_each(|socket| {
                hear_datagrams(inbox, socket, (shape.size, 0), tally).map(drop)
            });
        }
        self.poll.poll(&mut self.events, Some(Duration::ZERO))?;
        let cut = (CHANNEL_HEADER_LEN + shape.size, CHANNEL_HEADER_LEN);
        for event in &self.events {
            match &mut self.clients[event.token().0].line {
                Line::Udp(socket) => {
                    while hear_datagrams(inbox, socket.as_raw_fd(), cut, tally)? {}
                }
                Line::Stream(stream) => {
                    let now_ns = tally.now_ns();
                    let mut each = |frame: &[u8]| tally.came(&frame[CHANNEL_HEADER_LEN..], now_ns);
                    while stream.read(&mut each)? {}
                }
            }
        }
        Ok(())
    }
}

/// Takes datagrams of one length, alone or in trains, and says whether more may wait.
fn hear_datagrams(
    inbox: &mut Inbox,
    socket: RawFd,
    (len, payload_at): (usize, usize),
    tally: &mut Tally,
) -> io::Result<bool> {
    let (mut count, mut came_ns) = (0, None);
    for train in inbox.receive(socket)? {
        count += 1;
        let now_ns = *came_ns.get_or_insert_with(|| tally.now_ns());
        for datagram in train.chunks(len) {
            tally.came(datagram.get(payload_at..).unwrap_or_default(), now_ns);
        }
    }
    Ok(count == inbox::AT_ONCE)
}

/// Of two who talk to each other.
fn partner_of(client: usize) -> usize {
    client ^ 1
}

const BURSTS_AT_ONCE: usize = 16;
const EVENTS_AT_ONCE: usize = 256;
const ALLOCATION_SECONDS: u32 = 600;
const FRESH_FOR: Duration = Duration::from_secs(120);
const DRAINED_AFTER: Duration = Duration::from_millis(200);
