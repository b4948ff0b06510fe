//! One core: a `turn::Server`, its sockets, and the loop that carries datagrams between the two.
//!
//! ```text
//!            ┌──────────────────────── wake ─────────────────────────┐
//!            ▼                                                       │
//!  bell? ──▶ control, crossings ──▶ sockets, batch by batch ──▶ timers ──▶ events ──▶ sleep
//! ```
//!
//! Everything between waking and sleeping is bounded, so nothing starves anything else.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kopru_stun::packet::PacketBuf;
use kopru_stun::time::Now;
use kopru_turn::five_tuple::PeerAddr;
use kopru_turn::{Server, Verdict};

use crate::batch::{Batch, Datagram, Departure, Origin};
use crate::control::{Control, Event, Report};
use crate::driver::Driver;
use crate::inbox::{CROSSINGS_MAX, Inbox};
use crate::relay_sockets::WorkerSockets;
use crate::stats::{Loss, Snapshot};

/// What runs on one core.
pub(crate) struct Worker<D> {
    number: u16,
    server: Server,
    sockets: WorkerSockets<D>,
    colleagues: Colleagues,
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
        Self { number, server, sockets, colleagues, before }
    }

    /// Works until it is told to stop.
    pub(crate) fn run(&mut self) {
        let mut batch = Batch::new();
        loop {
            let rung = self.sockets.driver.wait(self.server.poll_timeout());
            let now = clock();
            if rung {
                self.inbox().answer_bell();
                if self.obey() == Obeyed::Stop {
                    return;
                }
                self.take_crossings(now, &mut batch);
            }
            self.take_arrivals(now, &mut batch);
            if self.server.poll_timeout().is_some_and(|due| due <= now.instant) {
                self.server.handle_timeout(now, &mut self.sockets);
            }
            while let Some(event) = self.server.poll_event() {
                self.tell(Event::Allocation(event));
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

    fn inbox(&self) -> &Inbox {
        &self.colleagues.inboxes[usize::from(self.number)]
    }

    fn obey(&mut self) -> Obeyed {
        while let Some(word) = self.inbox().word() {
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
        Obeyed::GoOn
    }

    fn take_crossings(&mut self, now: Now, batch: &mut Batch) {
        let mut taken = 0;
        while taken < CROSSINGS_MAX {
            batch.clear();
            self.inbox().collect(batch);
            if batch.is_empty() {
                return;
            }
            taken += batch.len();
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

    /// Lets the core edit and judge what is in the batch, and sends what is to be sent.
    fn forward(&mut self, now: Now, batch: &mut Batch) {
        for Datagram { packet, origin, departure } in batch.iter_mut() {
            let verdict = match *origin {
                Origin::Client(from) => {
                    self.server.handle_client(now, from, packet, &mut self.sockets)
                }
                Origin::Peer { at, from } => self.server.handle_peer(now, at, from, packet),
                Origin::Icmp { at, error } => self.server.handle_icmp(now, at, error, packet),
            };
            *departure = match self.departure(now, verdict, packet) {
                Ok(departure) => departure,
                Err(why) => {
                    self.sockets.driver.tally().lose(why);
                    Departure::Stays
                }
            };
        }
        self.sockets.driver.send(batch);
    }

    fn departure(
        &mut self,
        now: Now,
        verdict: Verdict,
        packet: &mut PacketBuf,
    ) -> Result<Departure, Loss> {
        match verdict {
            Verdict::Drop(_) => Ok(Departure::Stays),
            Verdict::ToClient(five_tuple) => Ok(Departure::Client(five_tuple)),
            Verdict::ToPeer { via, to, dont_fragment } => {
                let slot = self.sockets.slot(via).ok_or(Loss::SocketGone)?;
                Ok(Departure::Peer { slot, to, dont_fragment })
            }
            Verdict::ToRelayed { via, to } => {
                let owner = self.sockets.owner(to).ok_or(Loss::SocketGone)?;
                if owner.worker == self.number {
                    // What comes from a peer goes to a client or nowhere: this ends here.
                    let verdict = self.server.handle_peer(now, to, PeerAddr(via.0), packet);
                    return self.departure(now, verdict, packet);
                }
                let inbox = &self.colleagues.inboxes[usize::from(owner.worker)];
                let delivered = inbox.deliver(via, to, packet);
                if delivered { Ok(Departure::Stays) } else { Err(Loss::InboxFull) }
            }
        }
    }
}

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

#[cfg(test)]
mod tests;
