//! What holds after every step of every scenario.
//!
//! | | checked in |
//! |---|---|
//! | events, counters, timers and ports agree; nothing outlives its lifetime | here |
//! | each datagram is in exactly one counter, that of its verdict | `checks/counted.rs` |
//! | what is relayed was permitted, and goes unchanged to whom it was sent | `checks/rights.rs` |
//! | each datagram arrived, is lost for one reason, or is under way | `network/tally.rs` |
//! | each response fits its request | `turn_client.rs` |

use std::collections::BTreeMap;
use std::time::Instant;

use kopru_turn::five_tuple::{FiveTuple, RelayedAddr};
use kopru_turn::{Event, Server};

use crate::relay_ports::RelayPorts;
use crate::settings::USERS;

mod counted;
mod rights;

pub(crate) use counted::Counted;
use rights::Rights;

/// The allocations that live, as told by events, and what their clients may do.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    live: BTreeMap<RelayedAddr, Live>,
    rights: Rights,
}

#[derive(Debug)]
struct Live {
    five_tuple: FiveTuple,
    expires_at: Instant,
}

impl Checks {
    /// Each allocation is created once, and each that ends was created.
    pub(crate) fn note(&mut self, now: Instant, event: &Event) {
        match event {
            Event::Created { five_tuple, relayed, lifetime, .. } => {
                assert!(!lifetime.is_zero(), "no allocation is created for no time");
                let live = Live { five_tuple: *five_tuple, expires_at: now + *lifetime };
                assert!(self.live.insert(*relayed, live).is_none(), "{relayed:?}");
            }
            Event::Refreshed { five_tuple, relayed, lifetime } => {
                let live = self.live.get_mut(relayed).expect("what is refreshed lives");
                assert_eq!(live.five_tuple, *five_tuple, "{relayed:?}");
                live.expires_at = now + *lifetime;
            }
            Event::Ended(ended) => {
                let live = self.live.remove(&ended.relayed).expect("what ends has lived");
                assert_eq!(live.five_tuple, ended.five_tuple, "{:?}", ended.relayed);
                self.rights.forget(&ended.five_tuple, ended.relayed);
            }
            Event::Refused(refused) => {
                let (user, listed) = (&*refused.username, USERS.map(|user| user.0));
                assert!(!listed.contains(&user), "{user}: only minted names are told");
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

    /// Once the timers have run, nothing lives any more whose time is over.
    pub(crate) fn check_lifetimes(&self, now: Instant) {
        for (relayed, live) in &self.live {
            assert!(live.expires_at > now, "{relayed:?} has outlived its lifetime");
        }
    }
}

#[cfg(test)]
mod tests;
