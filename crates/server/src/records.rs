//! One structured record for each allocation that ended (log target `kopru::allocation`): who used
//! the relay, how much, and why it stopped. Abuse handling needs it. What it says of credentials
//! goes on to signaling (`relay_sights.rs`).
//!
//! ```text
//!          sleep until something happens ──▶ pause ──▶ take all that has happened ─┐
//!                        ▲                     ▲             │ something           │ nothing
//!                        │                     └─────────────┘                     │
//!                        └─────────────────────────────────────────────────────────┘
//! ```
//!
//! Who is asleep has to be woken, by a system call of the worker and a change of threads. After the
//! first event a pause lets more come together: so a worker that is busy wakes nobody, and the hub
//! is woken once for many. Their lines leave together, too.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kopru_net::Event;
use kopru_turn::{EndReason, Ended as Record, Event as AllocationEvent};
use tracing::{debug, error, info};

use crate::log;
use crate::relay_sights::{RelaySights, credential_id};

/// How many allocations ended, and why.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    by_reason: [AtomicU64; EndReason::ALL.len()],
}

impl Ended {
    /// Every reason with its count.
    pub(crate) fn counts(&self) -> [(&'static str, u64); EndReason::ALL.len()] {
        EndReason::ALL.map(|reason| (reason.name(), self.count(reason).load(Ordering::Relaxed)))
    }

    fn count(&self, reason: EndReason) -> &AtomicU64 {
        &self.by_reason[reason as usize]
    }
}

/// The thread that writes records.
pub(crate) struct Records {
    pub(crate) ended: Arc<Ended>,
    pub(crate) sights: Arc<RelaySights>,
    thread: JoinHandle<()>,
}

impl Records {
    /// Waits until the last record is written. The workers have stopped.
    pub(crate) fn finish(self) {
        // It panicked: there is nothing more to wait for.
        let _ = self.thread.join();
    }
}

/// Writes records until the workers have stopped. A thread of its own: a log that blocks must not
/// hold up signaling.
///
/// # Errors
/// When the system has no thread to give.
pub(crate) fn start(events: Receiver<Event>) -> std::io::Result<Records> {
    let (ended, sights) = (Arc::new(Ended::default()), Arc::new(RelaySights::default()));
    let (counts, to_hub) = (Arc::clone(&ended), Arc::clone(&sights));
    let work = move || {
        while let Ok(first) = events.recv() {
            take(iter::once(first), &counts, &to_hub);
            loop {
                thread::sleep(PAUSE);
                let mut more = events.try_iter().peekable();
                if more.peek().is_none() {
                    break;
                }
                while more.peek().is_some() {
                    take(more.by_ref().take(TOGETHER_MAX), &counts, &to_hub);
                }
            }
        }
    };
    let thread = thread::Builder::new().name("kopru-records".to_owned()).spawn(work)?;
    Ok(Records { ended, sights, thread })
}

fn take(events: impl Iterator<Item = Event>, counts: &Ended, to_hub: &RelaySights) {
    let mut ended = [0; EndReason::ALL.len()];
    log::together(|| {
        for event in events {
            match event {
                Event::Allocation(event) => {
                    to_hub.tell(&event);
                    write(&event);
                    if let AllocationEvent::Ended(record) = &event {
                        ended[record.reason as usize] += 1;
                    }
                }
                Event::WorkerRestarted { worker, allocations } => {
                    error!(worker, allocations, "a relay worker panicked and was restarted");
                }
            }
        }
    });
    // Last: who sees the count finds the record.
    for (reason, ended) in EndReason::ALL.into_iter().zip(ended) {
        counts.count(reason).fetch_add(ended, Ordering::Relaxed);
    }
}

fn write(event: &AllocationEvent) {
    match event {
        AllocationEvent::Ended(record) => write_record(record),
        AllocationEvent::Created { relayed, lifetime, .. } => {
            debug!(target: TARGET, relayed = %relayed.0, ?lifetime, "created");
        }
        AllocationEvent::Refreshed { lifetime, .. } => {
            debug!(target: TARGET, ?lifetime, "refreshed");
        }
        AllocationEvent::Refused(refused) => {
            let (client, reason) = (refused.five_tuple.client.0, refused.reason);
            let credential = credential_id(&refused.username);
            let method = refused.method;
            debug!(target: TARGET, credential, %client, ?method, ?reason, "refused");
        }
    }
}

fn write_record(record: &Record) {
    let credential = credential_id(&record.username).unwrap_or(&record.username);
    info!(
        target: TARGET,
        credential,
        transport = ?record.five_tuple.transport,
        relay_transport = ?record.relay_transport,
        relayed_port = record.relayed.0.port(),
        reason = record.reason.name(),
        age_s = record.age.as_secs(),
        peers = record.peers,
        to_peers_packets = record.to_peers.packets,
        to_peers_bytes = record.to_peers.bytes,
        to_client_packets = record.to_client.packets,
        to_client_bytes = record.to_client.bytes,
        "ended"
    );
    debug!(target: TARGET, client = %record.five_tuple.client.0, credential, "ended");
}

const TARGET: &str = "kopru::allocation";

/// Events whose lines leave in one write: some 60 KiB.
const TOGETHER_MAX: usize = 256;

/// Long beside the time between two requests of a busy server, short beside what people notice. In
/// it the queue of the workers fills from empty only above 400 000 events a second.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use kopru_turn::Traffic;
    use kopru_turn::five_tuple::{ClientAddr, FiveTuple, RelayTransport, RelayedAddr, Transport};

    use super::*;

    fn ended(reason: EndReason) -> Event {
        let address = ([192, 0, 2, 1], 1000).into();
        let client = ClientAddr(address);
        Event::Allocation(AllocationEvent::Ended(Box::new(Record {
            five_tuple: FiveTuple { transport: Transport::Udp, client, server: address },
            relayed: RelayedAddr(address),
            relay_transport: RelayTransport::Udp,
            username: "1900000000:ada".into(),
            reason,
            age: Duration::from_secs(1),
            to_peers: Traffic::default(),
            to_client: Traffic::default(),
            peers: 0,
        })))
    }

    #[test]
    fn nothing_is_lost_of_many_events_and_few_that_come_when_it_sleeps_and_when_it_pauses() {
        let (sender, events) = sync_channel(10);
        let records = start(events).unwrap();
        for _ in 0..20 {
            (0..50).for_each(|_| sender.send(ended(EndReason::Deleted)).unwrap());
            sender.send(ended(EndReason::Expired)).unwrap();
            thread::sleep(PAUSE / 3);
        }
        drop(sender);
        let counts = Arc::clone(&records.ended);
        records.finish();
        let expect = [("deleted", 1000), ("expired", 20)];
        assert_eq!(counts.counts()[..2], expect);
    }
}
