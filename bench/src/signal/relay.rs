//! Pairs that negotiate without a pause: an offer of 1 kB, a short answer, the next offer.
//!
//! ```text
//!  first of a pair     server     second            as fast as it goes: the next offer follows
//!     │ offer k0 … k7 ───▶│──────────▶│             its answer, in each of the 8 connections
//!     │◀──────────────────│◀── answer │             at a rate: offers are due by the clock, and
//!     │ offer k0 ────────▶│           │             what is late is late from when it was due
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::clients::{Behavior, Clients};
use crate::dialect::{Dialect, Heard, SLOTS, is_first, partner_of};
use crate::error::BenchError;
use crate::latency::{Latencies, Quantiles};
use crate::process::{Process, own_cpu_ns};

/// How fast offers come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each offer when the last one of its connection is answered.
    AsFastAsItGoes,
    /// So many messages a second are to be delivered, offers and answers together.
    PerSecond(f64),
}

/// What one run found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed {
    pub(crate) delivered: u64,
    pub(crate) took: Duration,
    /// Of the server.
    pub(crate) cpu: Duration,
    /// The generator's core was taken and the server's was not, so the server could have done more.
    pub(crate) is_generator_the_limit: bool,
    pub(crate) latency: Quantiles,
}

impl Relayed {
    pub(crate) fn per_second(&self) -> f64 {
        self.delivered as f64 / self.took.as_secs_f64()
    }

    /// Messages for each second that the server was on its core.
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.delivered as f64 / self.cpu.as_secs_f64()
    }

    /// Microseconds of the server's core for each message.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.delivered as f64
    }
}

/// The pairs at one server.
pub(crate) struct Pairs {
    clients: Clients,
    talk: Talk,
}

/// What they say.
struct Talk {
    dialect: Box<dyn Dialect>,
    begin: Instant,
    joined: usize,
    pace: Pace,
    /// Whether offers follow answers, and are due.
    is_running: bool,
    /// When the last word in each connection was said, or due: by client and slot.
    said_ns: Vec<[Option<u64>; SLOTS]>,
    /// When offers of each pair were due that found all its connections taken.
    late: Vec<VecDeque<u64>>,
    delivered: u64,
    latencies: Latencies,
    refused: Option<String>,
}

impl Pairs {
    /// Connects so many pairs and lets them find each other.
    pub(crate) fn open(
        mut clients: Clients,
        dialect: Box<dyn Dialect>,
        pairs: usize,
    ) -> Result<Self, BenchError> {
        let mut talk = Talk::new(dialect, 2 * pairs);
        for client in 0..2 * pairs {
            clients.open(client, &talk.dialect.target(client))?;
        }
        clients.turn_until(&mut talk, "pairs did not find each other", |talk| {
            talk.refused.is_some()
                || talk.joined == 2 * pairs
                    && (0..2 * pairs).all(|client| talk.dialect.knows_partner(client))
        })?;
        talk.judge()?;
        Ok(Self { clients, talk })
    }

    /// Lets them talk, and measures for so long after having warmed up.
    pub(crate) fn run(
        &mut self,
        server: &Process,
        pace: Pace,
        measured: Duration,
    ) -> Result<Relayed, BenchError> {
        self.run_beside(server, pace, (WARM_UP, measured), &mut || Ok(()))
    }

    /// The same while something else goes on, which is called often.
    pub(crate) fn run_beside(
        &mut self,
        server: &Process,
        pace: Pace,
        (warm_up, measured): (Duration, Duration),
        beside: &mut dyn FnMut() -> Result<(), BenchError>,
    ) -> Result<Relayed, BenchError> {
        self.begin(pace);
        self.turn_for(warm_up, beside)?;
        self.talk.delivered = 0;
        self.talk.latencies.clear();
        let (cpu_ns, own_ns, begin) = (server.cpu_ns()?, own_cpu_ns(), Instant::now());
        self.turn_for(measured, beside)?;
        let took = begin.elapsed();
        let cpu = Duration::from_nanos(server.cpu_ns()? - cpu_ns);
        let own_cpu = Duration::from_nanos(own_cpu_ns() - own_ns);
        let delivered = self.talk.delivered;
        let latency = std::mem::take(&mut self.talk.latencies).quantiles();
        self.end()?;
        // At a rate the generator always takes its core.
        let is_generator_the_limit = matches!(pace, Pace::AsFastAsItGoes)
            && own_cpu > took.mul_f64(0.9)
            && cpu < took.mul_f64(0.9);
        Ok(Relayed { delivered, took, cpu, is_generator_the_limit, latency })
    }

    fn begin(&mut self, pace: Pace) {
        self.talk.pace = pace;
        self.talk.is_running = true;
        self.talk.begin = Instant::now();
        for client in 0..self.talk.said_ns.len() {
            let talk = &mut self.talk;
            self.clients.send(client, |out| {
                talk.dialect.rest(client, out);
                if matches!(talk.pace, Pace::AsFastAsItGoes) && is_first(client) {
                    (0..SLOTS).for_each(|slot| talk.offer(client, slot, talk.now_ns(), out));
                }
            });
        }
    }

    fn turn_for(
        &mut self,
        long: Duration,
        beside: &mut dyn FnMut() -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let deadline = Instant::now() + long;
        let mut schedule = Schedule::of(self.talk.pace, self.talk.said_ns.len() / 2, &self.talk);
        while Instant::now() < deadline {
            // At a rate the generator never sleeps: to wake up would cost more than to be early.
            let patience = match self.talk.pace {
                Pace::AsFastAsItGoes => Duration::from_millis(5),
                Pace::PerSecond(_) => Duration::ZERO,
            };
            self.clients.turn(&mut self.talk, patience)?;
            beside()?;
            while let Some((pair, due_ns)) = schedule.as_mut().and_then(|it| it.next(&self.talk)) {
                let talk = &mut self.talk;
                self.clients.send(2 * pair, |out| talk.due(pair, due_ns, out));
            }
        }
        self.talk.judge()
    }

    /// Lets everything arrive that is under way.
    fn end(&mut self) -> Result<(), BenchError> {
        self.talk.is_running = false;
        self.talk.late.iter_mut().for_each(VecDeque::clear);
        self.clients.turn_until(&mut self.talk, "an answer did not come", |talk| {
            talk.refused.is_some() || talk.said_ns.iter().flatten().all(Option::is_none)
        })?;
        self.talk.judge()
    }
}

/// When offers are due, evenly over time and pairs.
struct Schedule {
    interval_ns: f64,
    begin_ns: u64,
    offered: u64,
    pairs: usize,
}

impl Schedule {
    fn of(pace: Pace, pairs: usize, talk: &Talk) -> Option<Self> {
        let Pace::PerSecond(messages) = pace else { return None };
        // Each offer brings its answer.
        let interval_ns = 2e9 / messages;
        Some(Self { interval_ns, begin_ns: talk.now_ns(), offered: 0, pairs })
    }

    fn next(&mut self, talk: &Talk) -> Option<(usize, u64)> {
        let due_ns = self.begin_ns + (self.offered as f64 * self.interval_ns) as u64;
        if due_ns > talk.now_ns() {
            return None;
        }
        let pair = usize::try_from(self.offered).unwrap_or_default() % self.pairs;
        self.offered += 1;
        Some((pair, due_ns))
    }
}

impl Talk {
    fn new(dialect: Box<dyn Dialect>, clients: usize) -> Self {
        Self {
            dialect,
            begin: Instant::now(),
            joined: 0,
            pace: Pace::AsFastAsItGoes,
            is_running: false,
            said_ns: vec![[None; SLOTS]; clients],
            late: vec![VecDeque::new(); clients / 2],
            delivered: 0,
            latencies: Latencies::default(),
            refused: None,
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn judge(&mut self) -> Result<(), BenchError> {
        self.refused.take().map_or(Ok(()), |said| Err(BenchError::Refused { said }))
    }

    fn offer(&mut self, client: usize, slot: usize, due_ns: u64, out: &mut Vec<u8>) {
        self.said_ns[client][slot] = Some(due_ns);
        self.dialect.offer(client, slot, out);
    }

    /// An offer of this pair is due.
    fn due(&mut self, pair: usize, due_ns: u64, out: &mut Vec<u8>) {
        let is_free = |slot: &usize| {
            self.said_ns[2 * pair][*slot].is_none() && self.said_ns[2 * pair + 1][*slot].is_none()
        };
        match (0..SLOTS).find(is_free) {
            Some(slot) => self.offer(2 * pair, slot, due_ns, out),
            None => self.late[pair].push_back(due_ns),
        }
    }

    fn arrived(&mut self, client: usize, slot: usize) {
        if let Some(said_ns) = self.said_ns[partner_of(client)][slot].take() {
            self.latencies.note(self.now_ns().saturating_sub(said_ns));
            self.delivered += 1;
        }
    }
}

impl Behavior for Talk {
    fn opened(&mut self, client: usize, out: &mut Vec<u8>) {
        self.dialect.opened(client, out);
    }

    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) {
        match self.dialect.heard(client, text, out) {
            Heard::Joined => self.joined += 1,
            Heard::Offer { slot } => {
                self.arrived(client, slot);
                self.said_ns[client][slot] = Some(self.now_ns());
                self.dialect.answer(client, slot, out);
            }
            Heard::Answer { slot } => {
                self.arrived(client, slot);
                let due_ns = match self.pace {
                    Pace::AsFastAsItGoes => self.is_running.then(|| self.now_ns()),
                    Pace::PerSecond(_) => self.late[client / 2].pop_front(),
                };
                if let Some(due_ns) = due_ns {
                    self.offer(client, slot, due_ns, out);
                }
            }
            Heard::Refused(said) => self.refused = Some(said),
            Heard::Other => {}
        }
    }

    fn closed(&mut self, client: usize, code: Option<u16>) {
        self.refused = Some(format!("client {client} was closed with {code:?}"));
    }
}

const WARM_UP: Duration = Duration::from_millis(500);
