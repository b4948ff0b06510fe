//! What is measured of traffic, beside whom, and what is to be reached.

use super::floor::Variant;
use super::line::Transport;
use super::pacing::Pace;
use super::relayed::Relayed;
use super::servers::Which;
use super::shape::{Shape, Way};
use super::turns::Entry;

/// One load, and the servers that it is put on in turns.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) title: String,
    pub(crate) load: (Shape, Pace),
    /// kopru is the first.
    pub(crate) entries: Vec<Entry>,
    pub(crate) targets: Vec<Target>,
    /// What is drawn of it.
    pub(crate) drawn: Option<Figure>,
}

/// A figure of a run, and what it is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Relayed) -> f64,
}

/// What kopru's figure has to be, by itself or as so many times somebody else's.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) figure: Figure,
    pub(crate) beside: Option<Entry>,
    pub(crate) bound: Bound,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// No more than the other: the lower quarter of the ratio is 1 or below.
    NoMore,
}

pub(crate) const KPPS: Figure = Figure { name: "kpps", of: Relayed::kpps };
pub(crate) const CPU: Figure = Figure { name: "CPU each, µs", of: Relayed::cpu_us };
const P50: Figure = Figure { name: "p50, µs", of: Relayed::p50_us };
const P99: Figure = Figure { name: "p99, µs", of: Relayed::p99_us };

impl Scenario {
    fn new(title: &str, shape: Shape, pace: Pace, beside: &[Which]) -> Self {
        let all = [&[Which::Kopru(None)], beside].concat();
        let entries = all.into_iter().map(|which| Entry { which, workers: 1 });
        Self {
            title: title.to_owned(),
            load: (shape, pace),
            entries: entries.collect(),
            targets: Vec::new(),
            drawn: None,
        }
    }

    /// Whether any server may take part: over UDP, which all have, and where kopru is not beside
    /// itself alone.
    pub(crate) fn is_open_to_others(&self) -> bool {
        let is_kopru = |entry: &Entry| matches!(entry.which, Which::Kopru(_));
        self.load.0.transport == Transport::Udp && !self.entries.iter().all(is_kopru)
    }

    fn drawn(mut self, figure: Figure) -> Self {
        self.drawn = Some(figure);
        self
    }

    fn target(mut self, figure: Figure, beside: Option<Which>, bound: Bound) -> Self {
        let beside = beside.map(|which| Entry { which, workers: 1 });
        self.targets.push(Target { figure, beside, bound });
        self
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    [upwards(), downwards(), pairs(), light(), streams(), vec![two_workers()]].concat()
}

fn upwards() -> Vec<Scenario> {
    let floor = |variant| [Which::Coturn, Which::Floor(variant)];
    let send = Shape { way: Way::Send, ..Shape::PLAIN };
    vec![
        Scenario::new(
            "Client to peer: 1000 B, bursts of 4, as fast as it goes",
            Shape::PLAIN,
            Pace::AsFastAsItGoes,
            &floor(Variant::Batch),
        )
        .drawn(KPPS),
        Scenario::new(
            "Client to peer: 1000 B, bursts of 4, 50 kpps",
            Shape::PLAIN,
            Pace::PerSecond(50_000.0),
            &floor(Variant::Batch),
        )
        .drawn(CPU)
        .target(CPU, Some(Which::Coturn), Bound::AtMost(0.87)),
        Scenario::new(
            "Client to peer: trains of 16 × 1200 B, as fast as it goes",
            Shape::TRAINS,
            Pace::AsFastAsItGoes,
            &floor(Variant::Train),
        )
        .drawn(KPPS)
        .target(KPPS, Some(Which::Coturn), Bound::AtLeast(2.5)),
        Scenario::new(
            "Client to peer in Send indications: 1000 B, bursts of 4, as fast as it goes",
            send,
            Pace::AsFastAsItGoes,
            &[Which::Coturn],
        ),
    ]
}

fn downwards() -> Vec<Scenario> {
    let down = Shape { way: Way::Down, ..Shape::PLAIN };
    let trains = Shape { way: Way::Down, ..Shape::TRAINS };
    let coturn = [Which::Coturn];
    vec![
        Scenario::new(
            "Peer to client: 1000 B, bursts of 4, as fast as it goes",
            down,
            Pace::AsFastAsItGoes,
            &coturn,
        ),
        Scenario::new(
            "Peer to client: trains of 16 × 1200 B, as fast as it goes",
            trains,
            Pace::AsFastAsItGoes,
            &coturn,
        ),
    ]
}

fn pairs() -> Vec<Scenario> {
    let pair = Shape { way: Way::Pair, ..Shape::PLAIN };
    let beside = [Which::Coturn, Which::TurnRs];
    let floor = Which::Floor(Variant::Batch);
    vec![
        Scenario::new(
            "Both ends relayed here: 1000 B, bursts of 4, as fast as it goes",
            pair,
            Pace::AsFastAsItGoes,
            &beside,
        )
        .drawn(KPPS)
        .target(KPPS, Some(Which::Coturn), Bound::AtLeast(2.0))
        .target(KPPS, Some(Which::TurnRs), Bound::AtLeast(1.4)),
        Scenario::new(
            "Both ends relayed here: 1000 B, bursts of 4, 20 kpps",
            pair,
            Pace::PerSecond(20_000.0),
            &[&beside[..], std::slice::from_ref(&floor)].concat(),
        )
        .drawn(CPU)
        .target(CPU, None, Bound::AtMost(5.5))
        // What that was of the floor's, on the machine that it was wanted on.
        .target(CPU, Some(floor), Bound::AtMost(1.15)),
    ]
}

/// Where a server that waits for more to come would show.
fn light() -> Vec<Scenario> {
    let shape = Shape { burst: 1, ..Shape::PLAIN };
    let beside = [Which::Coturn, Which::Floor(Variant::Single)];
    let load = Scenario::new(
        "Client to peer, light load: 1000 B, one at a time, 2 kpps",
        shape,
        Pace::PerSecond(2000.0),
        &beside,
    );
    let wanted = Bound::AtMost(1.1);
    vec![load.target(P50, Some(Which::Coturn), wanted).target(P99, Some(Which::Coturn), wanted)]
}

/// Towards clients peers send trains too: datagrams one by one cost the generator more than they
/// cost the server.
fn streams() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (transport, text) in [(Transport::Tcp, "TCP"), (Transport::Tls, "TLS")] {
        for (way, is_train, load) in [
            (Way::Up, false, "client to peer: 1000 B, bursts of 4"),
            (Way::Down, false, "peer to client: 1000 B, bursts of 4"),
            (Way::Down, true, "peer to client: trains of 4 × 1000 B"),
        ] {
            let shape = Shape { transport, way, is_train, ..Shape::PLAIN };
            let title = format!("Clients over {text}, {load}, as fast as it goes");
            let pace = Pace::AsFastAsItGoes;
            scenarios.push(Scenario::new(&title, shape, pace, &[Which::Coturn]));
        }
    }
    scenarios
}

/// Two threads beside one, all on one core: what one costs the other shows, what they would do on
/// two cores does not.
fn two_workers() -> Scenario {
    let pace = Pace::PerSecond(50_000.0);
    let title = "Two workers beside one, on one core: client to peer, 1000 B, bursts of 4, 50 kpps";
    let mut scenario = Scenario::new(title, Shape::PLAIN, pace, &[]);
    let one = scenario.entries[0].clone();
    scenario.entries.insert(0, Entry { workers: 2, ..one.clone() });
    scenario.targets.push(Target { figure: CPU, beside: Some(one), bound: Bound::NoMore });
    scenario
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_take_part_over_udp_and_not_where_workers_are_compared() {
        let all = all();
        let closed: Vec<&str> = all
            .iter()
            .filter(|scenario| !scenario.is_open_to_others())
            .map(|scenario| scenario.title.split([':', ',']).next().unwrap_or_default())
            .collect();
        let streams = [["Clients over TCP"; 3], ["Clients over TLS"; 3]].concat();
        assert_eq!(closed, [streams, vec!["Two workers beside one"]].concat());
    }

    #[test]
    fn whoever_is_compared_with_takes_part() {
        for Scenario { title, entries, targets, .. } in all() {
            let mut beside = targets.iter().filter_map(|target| target.beside.as_ref());
            assert!(beside.all(|entry| entries.contains(entry)), "{title}");
            assert_eq!(entries[0].which, Which::Kopru(None), "{title}");
        }
    }
}
