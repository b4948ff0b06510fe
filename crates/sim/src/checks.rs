//! What holds after every step of every scenario.

use std::collections::HashMap;

use kopru_turn::five_tuple::{FiveTuple, RelayedAddr};
use kopru_turn::{Event, Server};

use crate::relay_ports::RelayPorts;

/// The allocations that live, as told by events.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    live: HashMap<RelayedAddr, FiveTuple>,
}

impl Checks {
    /// Each allocation is created once, and each that ends was created.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Created { five_tuple, relayed, lifetime, .. } => {
                assert!(!lifetime.is_zero(), "no allocation is created for no time");
                assert_eq!(self.live.insert(*relayed, *five_tuple), None, "{relayed:?}");
            }
            Event::Refreshed { five_tuple, relayed, .. } => {
                assert_eq!(self.live.get(relayed), Some(five_tuple), "{relayed:?}");
            }
            Event::Ended(ended) => {
                assert_eq!(self.live.remove(&ended.relayed), Some(ended.five_tuple));
            }
        }
    }

    /// Events, counters, timers and ports tell the same story.
    pub(crate) fn check(&self, workers: &[Server], ports: &RelayPorts) {
        let counted: u64 = workers.iter().map(|worker| worker.counters().allocations).sum();
        assert_eq!(self.live.len() as u64, counted, "events and counters");
        assert_eq!(self.live.len(), ports.len(), "no port is leaked, none is closed early");
        let connected: u64 = workers.iter().map(|it| it.counters().peer_connections).sum();
        assert_eq!(connected, ports.wires.len() as u64, "no connection is leaked");
        for (number, worker) in workers.iter().enumerate() {
            let counters = worker.counters();
            let waits = worker.poll_timeout().is_some();
            let lives = counters.allocations > 0;
            assert!(waits || !lives, "worker {number} waits for what lives");
            assert_eq!(counters.events_lost, 0, "worker {number}");
        }
        let idle = workers.iter().all(|worker| worker.poll_timeout().is_none());
        assert!(!idle || ports.reserved() == 0, "somebody ends every reservation");
        for relayed in self.live.keys() {
            assert!(ports.worker(relayed.0).is_some(), "{relayed:?} is open");
        }
    }
}
