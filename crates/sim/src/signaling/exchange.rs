//! The hub, its clock, the devices, and whatever is under way between them.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_signal::{Claims, CloseReason, ConnId, Outgoing, Parting, ResumeKey, Settings, Stats};
use kopru_stun::time::Now;

use super::client::Client;
use super::device::Device;
use super::hubs::Hubs;
use super::letters::Letters;
use super::line::{Cut, Line, Transport, Weather};
use super::transcript::Transcript;
use crate::random::Random;

/// A server, and everybody who talks to it. All chance comes from the seed, which is printed with
/// the last steps when a test fails. With the first two of four seeds the server has one hub, with
/// the others three.
#[derive(Clone)]
pub struct Exchange(Rc<RefCell<State>>);

pub(super) struct State {
    settings: Settings,
    pub(super) hub: Hubs,
    /// How many hubs there are, and how often they were started.
    hubs: u16,
    starts: u8,
    pub(super) now: Now,
    began: Instant,
    pub(super) random: Random,
    pub(super) weather: Weather,
    /// What happens when; the second number tells apart what happens at once.
    pub(super) under_way: BTreeMap<(Instant, u64), Event>,
    numbered: u64,
    pub(super) lines: BTreeMap<ConnId, Line>,
    /// So many connections were numbered.
    pub(super) connections: u64,
    pub(super) clients: Vec<Client>,
    pub(super) letters: Letters,
    transcript: Transcript,
}

/// What may be under way.
#[derive(Debug)]
pub(super) enum Event {
    ToHub(ConnId, String),
    ToDevice(ConnId, ToDevice),
    HubNotices(ConnId),
    DeviceNotices(ConnId),
    /// A device without a connection tries again.
    Retry(usize),
    /// A device has said nothing for long.
    Heartbeat(ConnId),
}

#[derive(Debug)]
pub(super) enum ToDevice {
    Frame(Arc<str>),
    Close(CloseReason),
}

impl Exchange {
    /// A hub whose rates are open: devices are told by nothing but its other limits.
    pub fn seed(seed: u64) -> Self {
        Self::with(Settings::default(), seed)
    }

    /// A hub of these settings, but for its rates.
    pub fn with(mut settings: Settings, seed: u64) -> Self {
        let limits = &mut settings.limits;
        let rates = [
            &mut limits.descriptions,
            &mut limits.candidates,
            &mut limits.messages,
            &mut limits.calls,
            &mut limits.requests,
            &mut limits.refusals,
        ];
        rates.into_iter().for_each(|rate| rate.per_second = 0);
        let now = Now { instant: Instant::now(), unix: 1_800_000_000 };
        let hubs = if seed % 4 < 2 { 1 } else { SEVERAL };
        let state = State {
            hub: start(hubs, &settings, 0),
            hubs,
            settings,
            starts: 0,
            now,
            began: now.instant,
            random: Random::new(seed),
            weather: Weather::default(),
            under_way: BTreeMap::new(),
            numbered: 0,
            lines: BTreeMap::new(),
            connections: 0,
            clients: Vec::new(),
            letters: Letters::default(),
            transcript: Transcript::new(seed, now.instant),
        };
        Self(Rc::new(RefCell::new(state)))
    }

    /// What all lines are like from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// A device of `identity` that connects at once.
    pub fn device(&self, identity: &str) -> Device {
        self.device_by(identity, Transport::Socket, Claims::open())
    }

    /// A device that comes by this transport, with what its token grants.
    pub fn device_by(&self, identity: &str, transport: Transport, claims: Claims) -> Device {
        let mut state = self.state();
        let number = state.clients.len();
        let holds_candidates = number % 3 == 2;
        state.clients.push(Client::new(identity, transport, claims, holds_candidates));
        state.open_line(number);
        Device::new(self.clone(), number)
    }

    /// The server stops and is started again, with the same key for ids: nobody is connected.
    pub fn restart(&self) {
        let mut state = self.state();
        state.starts += 1;
        state.hub = start(state.hubs, &state.settings, state.starts);
        let cut: Vec<ConnId> = state.lines.keys().copied().collect();
        for conn in cut {
            let clean = Cut { hub_notices: None, ..Cut::clean() };
            state.cut(conn, clean);
            state.lines.remove(&conn);
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        let end = state.now.instant + by;
        while state.step(end) {}
    }

    /// What the hub holds.
    pub fn stats(&self) -> Stats {
        self.state().hub.stats()
    }

    /// How often a connection has moved from one hub to another since they were started.
    pub fn moves(&self) -> usize {
        self.state().hub.moves()
    }

    /// A number that follows from every frame that arrived.
    pub fn digest(&self) -> u64 {
        self.state().transcript.digest()
    }

    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

impl State {
    /// Does what happens next, if that is before `end`.
    pub(super) fn step(&mut self, end: Instant) -> bool {
        let event = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let due = self.hub.poll_timeout();
        let Some(at) = [event, due].into_iter().flatten().min().filter(|&at| at <= end) else {
            self.move_clock(end);
            return false;
        };
        self.move_clock(at.max(self.now.instant));
        if event == Some(at) {
            if let Some((_, event)) = self.under_way.pop_first() {
                self.happen(event);
            }
        } else {
            self.hub.handle_timeout(self.now);
        }
        self.deliver();
        self.check_limits();
        true
    }

    /// Whether frames are under way, or somebody is about to do something.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.values().any(|event| !matches!(event, Event::Heartbeat(_)))
    }

    fn move_clock(&mut self, to: Instant) {
        self.now.instant = to;
        self.now.unix = 1_800_000_000 + (to - self.began).as_secs();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToHub(conn, text) => self.arrive_at_hub(conn, &text),
            Event::ToDevice(conn, what) => self.arrive_at_device(conn, what),
            Event::HubNotices(conn) => {
                self.hub.disconnect(self.now, conn, Parting::Lost);
                self.lines.remove(&conn);
            }
            Event::DeviceNotices(conn) => self.lose(conn),
            Event::Retry(device) if self.clients[device].wants_line() => self.open_line(device),
            Event::Retry(_) => {}
            Event::Heartbeat(conn) => {
                let owner = self.lines.get(&conn).map(|line| line.device);
                if let Some(device) = owner.filter(|&device| self.clients[device].is_on(conn)) {
                    self.clients[device].ping();
                    self.flush(device);
                    self.plan(HEARTBEAT, Event::Heartbeat(conn));
                }
            }
        }
    }

    fn arrive_at_hub(&mut self, conn: ConnId, text: &str) {
        let Some(line) = self.lines.get_mut(&conn) else { return };
        self.transcript.note(self.now.instant, format!("{} ▶ {text}", line.device));
        if !std::mem::replace(&mut line.is_known, true) {
            let claims = self.clients[line.device].claims();
            self.hub.connect(self.now, conn);
            self.hub.admit(conn, Ok(claims));
        }
        self.hub.handle(self.now, conn, text);
    }

    fn arrive_at_device(&mut self, conn: ConnId, what: ToDevice) {
        let Some(line) = self.lines.get(&conn) else { return };
        let device = line.device;
        let client = &mut self.clients[device];
        if !client.is_on(conn) {
            return;
        }
        match what {
            ToDevice::Frame(text) => {
                self.transcript.note(self.now.instant, format!("{device} ◀ {text}"));
                client.hear(device, self.now.instant, &text, &mut self.letters);
                self.flush(device);
            }
            ToDevice::Close(reason) => {
                self.transcript.note(self.now.instant, format!("{device} ◀ {reason:?}"));
                client.closed(self.now.instant, reason);
                self.lines.remove(&conn);
                self.retry(device);
            }
        }
    }

    /// Gives every frame and close of the hub to its line.
    pub(super) fn deliver(&mut self) {
        while let Some(outgoing) = self.hub.pop() {
            let (conn, what) = match outgoing {
                Outgoing::Frame(conn, text) => (conn, ToDevice::Frame(text)),
                Outgoing::Close(conn, reason) => (conn, ToDevice::Close(reason)),
                // Not for a device; and what the front has done.
                Outgoing::Record(_)
                | Outgoing::EndAllocations(_)
                | Outgoing::Move(..)
                | Outgoing::Receipt(_) => continue,
            };
            let Some(line) = self.lines.get_mut(&conn).filter(|line| !line.is_cut) else {
                continue;
            };
            let at = line.carry_to_device(self.now.instant, self.weather, &mut self.random);
            self.enter(at, Event::ToDevice(conn, what));
        }
    }

    /// Sends what a device has to say.
    pub(super) fn flush(&mut self, device: usize) {
        let Some(conn) = self.clients[device].conn() else { return };
        while let Some(text) = self.clients[device].next_frame() {
            let Some(line) = self.lines.get_mut(&conn).filter(|line| !line.is_cut) else {
                continue;
            };
            let (at, again) = line.carry_to_hub(self.now.instant, self.weather, &mut self.random);
            if let Some(again) = again {
                self.enter(again, Event::ToHub(conn, text.clone()));
            }
            self.enter(at, Event::ToHub(conn, text));
        }
    }

    pub(super) fn plan(&mut self, after: Duration, event: Event) {
        self.enter(self.now.instant + after, event);
    }

    pub(super) fn enter(&mut self, at: Instant, event: Event) {
        self.numbered += 1;
        self.under_way.insert((at, self.numbered), event);
    }

    fn check_limits(&self) {
        let (stats, limits) = (self.hub.stats(), &self.settings.limits);
        assert!(stats.connections <= limits.connections_max, "{stats:?}");
        assert!(stats.sessions <= limits.connections_max, "{stats:?}");
        assert!(
            stats.rooms <= limits.rooms_max && stats.members <= limits.members_max,
            "{stats:?}"
        );
        assert!(stats.rooms <= stats.members, "an empty room: {stats:?}");
        assert!(stats.members <= stats.sessions * limits.rooms_per_session_max, "{stats:?}");
        assert!(stats.identities <= stats.sessions, "{stats:?}");
        assert!(stats.calls.values().sum::<usize>() <= limits.calls_max, "{stats:?}");
        assert!(self.hub.poll_timeout().is_some() || stats.sessions == 0, "nobody is forgotten");
    }
}

fn start(hubs: u16, settings: &Settings, starts: u8) -> Hubs {
    Hubs::new(hubs, settings, [starts; 32], &ResumeKey::random([9; 32]))
}

/// Enough for two to move while a third does not.
const SEVERAL: u16 = 3;
/// A device says something at least this often.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(20);
