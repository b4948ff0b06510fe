//! Servers that are measured in turns: A B A B, each with its load, so that what disturbs a round
//! disturbs all of them.

use std::time::Duration;

use super::line::Transport;
use super::load::Load;
use super::pacing::Pace;
use super::peers::Peers;
use super::relayed::Relayed;
use super::servers::{Place, Server, Setup, Which};
use super::shape::{Shape, Way};
use crate::error::BenchError;
use crate::rounds::Median;

/// A server that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) which: Which,
    /// Its threads that relay, all on one core.
    pub(crate) workers: usize,
}

/// How often, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// What all rounds found at one server.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    pub(crate) entry: Entry,
    /// What it is called.
    pub(crate) name: String,
    pub(crate) runs: Vec<Relayed>,
    /// Its resident memory at the end.
    pub(crate) resident_kib: u64,
}

impl Runs {
    /// One figure of each round.
    pub(crate) fn figures(&self, figure: fn(&Relayed) -> f64) -> Vec<f64> {
        self.runs.iter().map(figure).collect()
    }

    /// The middle of one figure.
    pub(crate) fn median(&self, figure: fn(&Relayed) -> f64) -> Median {
        Median::of(self.figures(figure))
    }

    /// How many times the other's figure this one's is, round by round.
    pub(crate) fn ratio(&self, other: &Self, figure: fn(&Relayed) -> f64) -> Median {
        Median::of_ratios(&self.figures(figure), &other.figures(figure))
    }
}

/// Starts all of them, opens their loads, and measures them in turns. `each` hears of every run.
///
/// # Errors
/// A server does not start, refuses its load, or ends.
pub(crate) fn measure(
    entries: &[Entry],
    place: &Place,
    rounds: Rounds,
    (shape, pace): (Shape, Pace),
    mut each: impl FnMut(&str, &Relayed),
) -> Result<Vec<Runs>, BenchError> {
    let mut loads = Vec::new();
    let mut found = Vec::new();
    for (entry, seat) in entries.iter().zip(1..) {
        let peers = Peers::open()?;
        let streams = shape.transport != Transport::Udp;
        let peer = (shape.way != Way::Pair).then(|| peers.addresses()[0]);
        let setup = Setup { seat, workers: entry.workers, streams, peer };
        let server = Server::start(&entry.which, place, setup)?;
        let name = server.name.clone();
        loads.push((Load::open(&server, shape, peers)?, server));
        found.push(Runs { entry: entry.clone(), name, runs: Vec::new(), resident_kib: 0 });
    }
    for _ in 0..rounds.count {
        for ((load, server), found) in loads.iter_mut().zip(&mut found) {
            let run = load.run(&server.process, pace, (rounds.warm_up, rounds.measured))?;
            each(&found.name, &run);
            found.runs.push(run);
        }
    }
    for ((_, server), found) in loads.iter().zip(&mut found) {
        found.resident_kib = server.process.resident_kib()?;
    }
    Ok(found)
}
