//! The world: one clock, the workers of one server, whoever has an address, and the network between
//! them. Without sites the network takes no time and loses nothing: a world without wires.

use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::attribute::ConnectionId;
use kopru_stun::packet::PacketBuf;
use kopru_stun::time::Now;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, PeerAddr, RelayedAddr, Sender, Transport};
use kopru_turn::relay_sockets::{AddressFamily, ConnectRefusal};
use kopru_turn::{
    Counters, DropReason, EndReason, Event, IcmpError, RelayRate, RequestMethod, Server, Settings,
    UserRate, Verdict,
};

use crate::checks::{Checks, Counted};
use crate::network::{Datagram, Loss, Network};
use crate::peer::Peer;
use crate::relay_ports::RelayPorts;
use crate::settings::{SERVER_V4, SERVER_V6, USERS, settings};
use crate::turn_client::TurnClient;

/// A handle to the world; clients and peers have one each.
#[derive(Clone)]
pub struct World {
    state: Rc<RefCell<State>>,
}

pub(crate) struct State {
    pub(crate) now: Now,
    started: Now,
    pub(crate) workers: Vec<Server>,
    pub(crate) ports: RelayPorts,
    pub(crate) checks: Checks,
    network: Network,
    /// Where the server listens: wherever a client asks it.
    listeners: HashSet<SocketAddr>,
    inboxes: HashMap<SocketAddr, VecDeque<Datagram>>,
    events: VecDeque<Event>,
    pub(crate) packet: PacketBuf,
    transactions: u64,
}

impl World {
    /// A world with the server of [`settings`].
    pub fn start() -> Self {
        Self::with(settings())
    }

    /// A world with a server of one worker.
    pub fn with(settings: Settings) -> Self {
        Self::with_workers(settings, 1)
    }

    /// A world with a server of several workers. A client belongs to the worker that its port
    /// names, modulo their number.
    pub fn with_workers(settings: Settings, workers: u8) -> Self {
        Self::seeded(settings, workers, 0)
    }

    /// A world in which chance is that of this seed.
    pub(crate) fn seeded(settings: Settings, workers: u8, seed: u64) -> Self {
        let workers = (0..workers).map(|seed| Server::new(settings.clone(), [seed; 32])).collect();
        // The only way to an instant; nothing ever asks how far it lies from another clock's.
        let now = Now { instant: Instant::now(), unix: 1_800_000_000 };
        let state = State {
            now,
            started: now,
            workers,
            ports: RelayPorts::new(),
            checks: Checks::default(),
            network: Network::new(seed, now.instant),
            listeners: HashSet::new(),
            inboxes: HashMap::new(),
            events: VecDeque::new(),
            packet: PacketBuf::new(65_535),
            transactions: 0,
        };
        Self { state: Rc::new(RefCell::new(state)) }
    }

    /// A TURN client at this address, with the credentials of the first user.
    pub fn client(&self, address: &str) -> TurnClient {
        let address = self.settle_at(address);
        let server = if address.is_ipv4() { SERVER_V4 } else { SERVER_V6 };
        TurnClient::new(self.clone(), address, server, USERS[0])
    }

    /// Somebody who sends from this address but receives nothing there: a spoofed source.
    pub fn stranger(&self, address: &str) -> TurnClient {
        let address = address.parse().expect("an address and port");
        TurnClient::new(self.clone(), address, SERVER_V4, USERS[0])
    }

    /// A peer at this address.
    pub fn peer(&self, address: &str) -> Peer {
        Peer::new(self.clone(), self.settle_at(address))
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.state().now
    }

    /// Lets seconds pass.
    pub fn advance_s(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Lets time pass; every timer runs when it is due, everything arrives when it is due.
    pub fn advance(&self, by: Duration) {
        self.wait(by, || false);
    }

    /// Lets time pass until something is the case, at most this much: whether it is.
    pub(crate) fn wait(&self, at_most: Duration, mut is_done: impl FnMut() -> bool) -> bool {
        let end = self.now().instant + at_most;
        while !is_done() {
            if !self.state().step(end, Timers::Run) {
                return is_done();
            }
        }
        true
    }

    /// Lets time pass while the server is too busy to look at its timers.
    pub fn advance_without_timers(&self, by: Duration) {
        let end = self.now().instant + by;
        while self.state().step(end, Timers::Wait) {}
    }

    /// Leaves only these families to relay on.
    pub fn relay_only(&self, families: &[AddressFamily]) {
        self.state().ports.families = families.to_vec();
    }

    /// How many relayed transport addresses there are to open.
    pub fn limit_ports(&self, capacity: usize) {
        self.state().ports.capacity = capacity;
    }

    /// What this user may relay on all workers together, from now on.
    pub fn limit_user(&self, quota_key: &str, rate: RelayRate) {
        let mut state = self.state();
        let user_rate = Arc::new(UserRate::new(rate, state.now.instant));
        state.ports.user_rates.insert(quota_key.to_owned(), user_rate);
    }

    /// Takes a user or a credential back.
    pub fn revoke(&self, quota_key: &str) {
        self.state().ports.barred.insert(quota_key.to_owned());
        self.end(EndReason::Revoked, |key| key == quota_key);
    }

    /// Ends everything, as a server does that stops.
    pub fn shut_down(&self) {
        self.end(EndReason::Shutdown, |_| true);
    }

    /// How many relayed transport addresses are open.
    pub fn open_ports(&self) -> usize {
        self.state().ports.len()
    }

    /// How many ports are held in reserve.
    pub fn reserved_ports(&self) -> usize {
        self.state().ports.reserved()
    }

    /// The counters of all workers together.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        self.state().workers.iter().for_each(|worker| sum += worker.counters());
        sum
    }

    /// How many packets were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.counters().dropped(reason)
    }

    /// How many replies had this code; 0 means success.
    pub fn replied(&self, method: RequestMethod, code: u16) -> u64 {
        self.counters().replied(method, code)
    }

    /// Lets each worker look at its timers once, and tells how many ports are open then.
    pub fn handle_timeout_once(&self) -> usize {
        let mut state = self.state();
        let State { now, workers, ports, .. } = &mut *state;
        for (worker, server) in workers.iter_mut().enumerate() {
            server.handle_timeout(*now, &mut ports.of_worker(worker));
        }
        state.check();
        state.ports.len()
    }

    /// The connection of this client ends, as one over TCP does.
    pub fn disconnect(&self, client: &FiveTuple) {
        let mut state = self.state();
        let State { now, workers, ports, .. } = &mut *state;
        for (worker, server) in workers.iter_mut().enumerate() {
            server.end_client(now.instant, client, &mut ports.of_worker(worker));
        }
        state.check();
    }

    /// How long the allocation of this client lives unless it is refreshed.
    pub fn time_to_expiry(&self, client: &FiveTuple) -> Option<Duration> {
        let state = self.state();
        let now = state.now.instant;
        let mut until = state.workers.iter().filter_map(|it| it.allocated_until(now, client));
        until.next().map(|until| until.saturating_duration_since(now))
    }

    /// The oldest event that has not been taken.
    pub fn event(&self) -> Option<Event> {
        self.state().events.pop_front()
    }

    /// When the server next wants to look at its timers.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.state().next_timeout()
    }

    fn end(&self, reason: EndReason, is_over: impl Fn(&str) -> bool) {
        let mut state = self.state();
        for worker in 0..state.workers.len() {
            let State { now, workers, ports, .. } = &mut *state;
            let (server, mut ports) = (&mut workers[worker], ports.of_worker(worker));
            let why = |quota_key: &str| is_over(quota_key).then_some(reason);
            while server.end_of_users(*now, why, &mut ports) {}
        }
        state.check();
    }

    pub(crate) fn next_transaction(&self) -> [u8; 12] {
        let mut state = self.state();
        state.transactions += 1;
        let mut id = [0xa5; 12];
        id[4..].copy_from_slice(&state.transactions.to_be_bytes());
        id
    }

    /// A client sends a message to the server: a datagram, or on a stream, which takes no time here
    /// and loses nothing.
    pub(crate) fn to_server(&self, from: FiveTuple, bytes: &[u8]) {
        let mut state = self.state();
        if from.transport != Transport::Udp {
            state.take_from_client(from, bytes);
            state.check();
            return state.deliver();
        }
        state.listeners.insert(from.server);
        drop(state);
        self.send(from.client.0, from.server, bytes);
    }

    /// Somebody sends a datagram, to whomever.
    pub(crate) fn send(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let datagram = Datagram { from, to, bytes: bytes.to_vec(), dont_fragment: false };
        let mut state = self.state();
        state.send(datagram);
        state.deliver();
    }

    /// An ICMP packet about a datagram that left a relayed transport address.
    pub(crate) fn icmp(&self, at: SocketAddr, error: IcmpError) {
        self.state().take_icmp(at, error);
    }

    /// Takes the oldest datagram that has arrived there and fits.
    pub(crate) fn receive_first(
        &self,
        at: SocketAddr,
        fits: impl Fn(&Datagram) -> bool,
    ) -> Option<Datagram> {
        let mut state = self.state();
        let inbox = state.inboxes.get_mut(&at)?;
        inbox.remove(inbox.iter().position(fits)?)
    }

    /// Takes the oldest datagram that has arrived there.
    pub(crate) fn receive(&self, at: SocketAddr) -> Option<Datagram> {
        self.receive_first(at, |_| true)
    }

    /// What lies between the hosts.
    pub(crate) fn network(&self) -> RefMut<'_, Network> {
        RefMut::map(self.state(), |state| &mut state.network)
    }

    /// Somebody has this address from now on.
    pub(crate) fn settle(&self, address: SocketAddr) {
        self.state().inboxes.entry(address).or_default();
    }

    fn settle_at(&self, address: &str) -> SocketAddr {
        let address = address.parse().expect("an address and port");
        self.settle(address);
        address
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }
}

/// What becomes of timers while time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timers {
    Run,
    Wait,
}

impl State {
    /// Goes on to the next thing that happens, or else to the end: whether anything happened. What
    /// arrives in the instant of a timer comes first: nothing may rest on the timer's being early.
    fn step(&mut self, end: Instant, timers: Timers) -> bool {
        let timeout = self.next_timeout().filter(|_| timers == Timers::Run);
        let next = [timeout, self.network.next()].into_iter().flatten().min();
        let next = next.filter(|due| *due <= end);
        let until = next.unwrap_or(end);
        self.pass(until.saturating_duration_since(self.now.instant));
        self.deliver();
        if timers == Timers::Run {
            self.run_timers();
        }
        next.is_some()
    }

    pub(crate) fn send(&mut self, datagram: Datagram) {
        self.network.send(self.now.instant, datagram);
    }

    /// Hands out what has arrived.
    pub(crate) fn deliver(&mut self) {
        while let Some(datagram) = self.network.arrived(self.now.instant) {
            self.take(datagram);
            self.check();
        }
    }

    /// A datagram has reached the open network or a host: whoever has its address gets it.
    fn take(&mut self, datagram: Datagram) {
        let (now, to) = (self.now.instant, datagram.to);
        let worker = self.ports.worker(to);
        let is_client = self.inboxes.contains_key(&to);
        if worker.is_none() && !is_client && !self.listeners.contains(&to) {
            return self.network.lose(now, Loss::Unreachable, &datagram);
        }
        self.network.arrive(now, &datagram);
        match (worker, self.inboxes.get_mut(&to)) {
            (Some(worker), _) => {
                assert!(self.packet.copy_from(&datagram.bytes), "no datagram is that long");
                let from = Sender::Peer(PeerAddr(datagram.from));
                self.take_from_peer(worker, from, RelayedAddr(to));
            }
            (None, Some(inbox)) => inbox.push_back(datagram),
            (None, None) => {
                let (client, server) = (ClientAddr(datagram.from), to);
                let from = FiveTuple { transport: Transport::Udp, client, server };
                self.take_from_client(from, &datagram.bytes);
            }
        }
    }

    /// The worker that this client belongs to.
    pub(crate) fn worker_of(&self, from: &FiveTuple) -> usize {
        usize::from(from.client.0.port()) % self.workers.len()
    }

    pub(crate) fn take_from_client(&mut self, from: FiveTuple, bytes: &[u8]) {
        assert!(self.packet.copy_from(bytes), "no datagram is that long");
        let worker = self.worker_of(&from);
        let mut ports = self.ports.of_worker(worker);
        let server = &mut self.workers[worker];
        let counted = Counted::by(server);
        let verdict = server.handle_client(self.now, from, &mut self.packet, &mut ports);
        counted.check_one_more(server, verdict);
        let left = self.packet.bytes();
        self.checks.check_from_client(self.now.instant, &from, bytes, (verdict, left));
        self.follow(verdict);
    }

    /// A datagram in the packet, from a peer or from another allocation.
    pub(crate) fn take_from_peer(&mut self, worker: usize, from: Sender, at: RelayedAddr) {
        let bytes = self.packet.bytes().to_vec();
        let server = &mut self.workers[worker];
        let counted = Counted::by(server);
        let verdict = server.handle_peer(self.now, at, from, &mut self.packet);
        counted.check_one_more(server, verdict);
        let dropped = matches!(verdict, Verdict::Drop(_));
        assert!(dropped || self.ports.admits(at.0), "not before peers are admitted");
        let left = self.packet.bytes();
        let came = (at, from.address());
        self.checks.check_from_peer(self.now.instant, came, &bytes, (verdict, left));
        self.follow(verdict);
    }

    fn take_icmp(&mut self, at: SocketAddr, error: IcmpError) {
        let Some(worker) = self.ports.worker(at) else { return };
        let server = &mut self.workers[worker];
        let verdict = server.handle_icmp(self.now, RelayedAddr(at), error, &mut self.packet);
        self.follow(verdict);
        self.deliver();
    }

    /// Does what the shell around a server does with its verdict.
    fn follow(&mut self, verdict: Verdict) {
        let (from, to, dont_fragment) = match verdict {
            Verdict::Drop(_) | Verdict::Later => return,
            Verdict::ToClient(five_tuple) => (five_tuple.server, five_tuple.client.0, false),
            Verdict::ToPeer { via, to, dont_fragment } => (via.0, to.0, dont_fragment),
            Verdict::ToRelayed { via, to } => {
                let worker = self.ports.worker(to.0).expect("the server knows that it is live");
                return self.take_from_peer(worker, Sender::Relayed(via), to);
            }
        };
        let bytes = self.packet.bytes().to_vec();
        let datagram = Datagram { from, to, bytes, dont_fragment };
        match verdict {
            Verdict::ToClient(client) if client.transport != Transport::Udp => {
                self.inboxes.entry(to).or_default().push_back(datagram);
            }
            _ => self.send(datagram),
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.workers.iter().filter_map(Server::poll_timeout).min()
    }

    fn pass(&mut self, by: Duration) {
        self.now.instant += by;
        let elapsed = self.now.instant - self.started.instant;
        self.now.unix = self.started.unix + elapsed.as_secs();
    }

    fn run_timers(&mut self) {
        let now = self.now;
        for (worker, server) in self.workers.iter_mut().enumerate() {
            while server.poll_timeout().is_some_and(|due| due <= now.instant) {
                server.handle_timeout(now, &mut self.ports.of_worker(worker));
            }
        }
        self.check();
        self.checks.check_lifetimes(now.instant);
    }

    /// A peer has connected.
    pub(crate) fn knock(&mut self, at: RelayedAddr, from: PeerAddr) {
        let Some(worker) = self.ports.worker(at.0) else { return };
        self.ports.wires.knock(at.0, from.0);
        let (server, mut ports) = (&mut self.workers[worker], self.ports.of_worker(worker));
        server.handle_accepted(self.now.instant, at, from, &mut ports);
        self.ports.wires.shut_door();
        self.check();
    }

    /// A connection that was to be made is there, or failed.
    pub(crate) fn connected(
        &mut self,
        relayed: SocketAddr,
        id: ConnectionId,
        outcome: Result<(), ConnectRefusal>,
    ) {
        let now = self.now.instant;
        self.owner(relayed).handle_connected(now, id, outcome);
        self.check();
    }

    /// The worker that has this address open.
    pub(crate) fn owner(&mut self, relayed: SocketAddr) -> &mut Server {
        let worker = self.ports.worker(relayed).expect("it is open");
        &mut self.workers[worker]
    }

    pub(crate) fn check(&mut self) {
        for worker in &mut self.workers {
            while let Some(FiveTuple { client, server, .. }) = worker.poll_message(&mut self.packet)
            {
                let Some(inbox) = self.inboxes.get_mut(&client.0) else { continue };
                let bytes = self.packet.bytes().to_vec();
                let (from, to, dont_fragment) = (server, client.0, false);
                inbox.push_back(Datagram { from, to, bytes, dont_fragment });
            }
            while let Some(event) = worker.poll_event() {
                self.checks.note(self.now.instant, &event);
                self.events.push_back(event);
            }
        }
        self.checks.check(&self.workers, &self.ports);
        self.network.check();
    }
}
