//! The world: one clock, the workers of one server, whoever has an address, and the network between
//! them. Without sites the network takes no time and loses nothing: a world without wires.

use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::packet::PacketBuf;
use kopru_stun::time::Now;
use kopru_turn::five_tuple::{FiveTuple, Transport};
use kopru_turn::relay_sockets::AddressFamily;
use kopru_turn::{
    Counters, DropReason, EndReason, Event, IcmpError, RelayRate, RequestMethod, Server, Settings,
    UserRate,
};

use self::happenings::Timers;
use crate::checks::Checks;
use crate::network::{Datagram, Network};
use crate::peer::Peer;
use crate::relay_ports::RelayPorts;
use crate::settings::{SERVER_V4, SERVER_V6, USERS, settings};
use crate::turn_client::TurnClient;

mod happenings;

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
