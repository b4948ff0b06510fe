//! One core: a `turn::Server`, its sockets, and the loop that carries datagrams between the two.
//!
//! ```text
//!            ┌──────────────────────── wake ─────────────────────────┐
//!            ▼                                                       │
//!  bell? ──▶ control, crossings ──▶ sockets, batch by batch ──▶ timers ──▶ events ──▶ sleep
//! ```
//!
//! What becomes of what has arrived is in `worker/forward.rs`, what TCP towards peers adds to the
//! loop in `worker/tcp.rs`.
//!
//! Everything between waking and sleeping is bounded, so nothing starves anything else.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kopru_stun::time::Now;
use kopru_turn::{EndReason, Server};

use crate::batch::Batch;
use crate::control::{Control, Event, Report};
use crate::driver::Driver;
use crate::inbox::{CROSSINGS_MAX, Inbox, STREAMS_MAX};
use crate::relay_sockets::WorkerSockets;
use crate::stats::Snapshot;
use crate::stream::StreamEnd;

/// What runs on one core.
pub(crate) struct Worker<D> {
    number: u16,
    server: Server,
    sockets: WorkerSockets<D>,
    colleagues: Colleagues,
    /// The bars and endings that it has looked at.
    bars_seen: u64,
    /// What its predecessors had counted.
    before: Snapshot,
}

/// Everybody a worker speaks to.
#[derive(Clone)]
pub(crate) struct Colleagues {
    /// Of all workers, its own included.
    pub(crate) inboxes: Arc<[Inbox]>,
    /// To the control plane.
    pub(crate) events: SyncSender<Event>,
}

impl<D: Driver> Worker<D> {
    /// A worker that counts on from `before`.
    pub(crate) fn new(
        number: u16,
        server: Server,
        sockets: WorkerSockets<D>,
        colleagues: Colleagues,
        before: Snapshot,
    ) -> Self {
        // What ended before it began it never had.
        let bars_seen = sockets.pool.bars.generation();
        Self { number, server, sockets, colleagues, bars_seen, before }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(&mut self) {
        let mut batch = Batch::new();
        loop {
            let rung = self.sockets.driver.wait(self.next_timeout());
            let now = clock();
            if rung {
                self.inbox().answer_bell();
                if self.obey(now) == Obeyed::Stop {
                    return;
                }
                self.take_streams(now);
                self.take_crossings(now, &mut batch);
            }
            self.take_arrivals(now, &mut batch);
            self.take_occurrences(now);
            self.look_after_streams(now);
            if self.server.poll_timeout().is_some_and(|due| due <= now.instant) {
                self.server.handle_timeout(now, &mut self.sockets);
            }
            self.send_messages(&mut batch);
            self.sockets.close_ended();
            self.tell_events(now);
        }
    }

    /// Ends all allocations, each with its record: those wait a moment for their reader.
    pub(crate) fn shut_down(&mut self) {
        let (now, deadline) = (clock(), Instant::now() + RECORDS_PATIENCE);
        let (server, sockets) = (&mut self.server, &mut self.sockets);
        loop {
            let more = server.end_of_users(now, |_| Some(EndReason::Shutdown), sockets);
            sockets.close_ended();
            while let Some(event) = server.poll_event() {
                let mut event = Event::Allocation(event);
                while let Err(TrySendError::Full(full)) = self.colleagues.events.try_send(event) {
                    if Instant::now() >= deadline {
                        sockets.driver.tally().events_lost += 1;
                        break;
                    }
                    event = full;
                    thread::sleep(RECORDS_PAUSE);
                }
            }
            if !more {
                return;
            }
        }
    }

    /// What this worker and its predecessors have counted.
    pub(crate) fn counted(&mut self) -> Snapshot {
        let mut sum = self.before.clone();
        sum.turn += self.server.counters();
        sum.tally += self.sockets.driver.tally();
        sum
    }

    /// Tells the control plane, unless that is too busy to listen.
    pub(crate) fn tell(&mut self, event: Event) {
        if let Err(TrySendError::Full(_)) = self.colleagues.events.try_send(event) {
            self.sockets.driver.tally().events_lost += 1;
        }
    }

    fn tell_events(&mut self, now: Now) {
        while let Some(event) = self.server.poll_event() {
            // One half of a dual allocation may live on.
            if let kopru_turn::Event::Ended(record) = &event
                && self.server.allocated_until(now.instant, &record.five_tuple).is_none()
            {
                self.sockets.driver.unprove(&record.five_tuple);
            }
            self.tell(Event::Allocation(event));
        }
    }

    fn inbox(&self) -> &Inbox {
        &self.colleagues.inboxes[usize::from(self.number)]
    }

    fn obey(&mut self, now: Now) -> Obeyed {
        loop {
            // Who was barred before a word was said has lost its allocations when it is obeyed.
            let word = self.inbox().word();
            self.end_taken_back(now);
            let Some(word) = word else { return Obeyed::GoOn };
            match word {
                Control::Stop => return Obeyed::Stop,
                Control::Report(to) => {
                    let report = Report { worker: self.number, counted: self.counted() };
                    // Who asked has a place for every answer, or waits no longer.
                    let _ = to.try_send(report);
                }
                #[cfg(test)]
                Control::Panic => panic!("told to"),
            }
        }
    }

    /// Ends the allocations of those who were barred, or left, since this was last asked.
    fn end_taken_back(&mut self, now: Now) {
        let generation = self.sockets.pool.bars.generation();
        let seen = std::mem::replace(&mut self.bars_seen, generation);
        if generation == seen {
            return;
        }
        // Not before: workers that hand each other datagrams would all write this count.
        let bars = Arc::clone(&self.sockets.pool.bars);
        let why = |quota_key: &str| bars.ended_since(now.instant, quota_key, seen);
        while self.server.end_of_users(now, why, &mut self.sockets) {
            self.sockets.close_ended();
            self.tell_events(now);
        }
    }

    fn take_streams(&mut self, now: Now) {
        for _ in 0..self.inbox().streams_refused() {
            self.sockets.driver.tally().end_stream(StreamEnd::Capacity);
        }
        // Those that come meanwhile ring again.
        for _ in 0..STREAMS_MAX {
            let Some(stream) = self.inbox().stream() else { break };
            self.sockets.adopt(stream);
        }
        for _ in 0..STREAMS_MAX {
            let Some(connection) = self.inbox().moved() else { break };
            self.sockets.driver.take_in(connection);
        }
        // A connection that took the place of another must not find the other's allocation.
        self.end_disconnected(now);
    }

    fn look_after_streams(&mut self, now: Now) {
        while let Some(client) = self.sockets.driver.due(now.instant) {
            let until = self.server.allocated_until(now.instant, &client);
            self.sockets.driver.judge(now.instant, &client, until);
        }
        self.end_disconnected(now);
    }

    fn end_disconnected(&mut self, now: Now) {
        while let Some(client) = self.sockets.driver.disconnected() {
            self.server.end_client(now.instant, &client, &mut self.sockets);
        }
    }

    fn take_crossings(&mut self, now: Now, batch: &mut Batch) {
        let mut taken = 0;
        while taken < CROSSINGS_MAX {
            batch.clear();
            self.inbox().collect(batch);
            if batch.is_empty() {
                return;
            }
            taken += batch.datagrams();
            self.forward(now, batch);
        }
        // There may be more, but others wait too: come back at the next wake-up.
        self.inbox().ring();
    }

    fn take_arrivals(&mut self, now: Now, batch: &mut Batch) {
        loop {
            batch.clear();
            self.sockets.driver.recv(batch);
            if batch.is_empty() {
                return;
            }
            self.forward(now, batch);
        }
    }
}

mod forward;
mod tcp;

#[derive(PartialEq, Eq)]
enum Obeyed {
    Stop,
    GoOn,
}

/// Read once a wake-up, not for every datagram.
fn clock() -> Now {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), unix: since_1970.as_secs() }
}

/// How long the records of a server that stops wait for their reader to make room.
const RECORDS_PATIENCE: Duration = Duration::from_secs(1);
const RECORDS_PAUSE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
