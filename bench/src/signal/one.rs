//! One measurement by itself, each round printed: for whoever changes something and wants to see.

use std::time::Instant;

use super::relay::{Pace, Pairs, Relayed};
use super::servers::{Kind, Place, Server};
use super::stopped::Flood;
use super::suite::{CHURN_LONG, CHURN_PER_SECOND, PAIRS, ROOM_SIZE, STOPPED_RATE, Size};
use super::{churn, idle, stopped};
use crate::error::BenchError;
use crate::latency::Quantiles;

/// Pairs that negotiate.
pub(crate) fn relay(
    kind: Kind,
    place: &Place,
    size: Size,
    rate: Option<f64>,
) -> Result<(), BenchError> {
    let server = Server::start(kind, place)?;
    let mut pairs = open_pairs(&server, PAIRS)?;
    let pace = rate.map_or(Pace::AsFastAsItGoes, Pace::PerSecond);
    for _ in 0..size.rounds {
        print(kind.name(), &pairs.run(&server.process, pace, size.seconds)?);
    }
    let resident_kib = server.process.resident_kib()?;
    println!("{}: {} KiB resident at the end", kind.name(), resident_kib);
    Ok(())
}

/// Members that say nothing.
pub(crate) fn idle(kind: Kind, place: &Place, size: Size) -> Result<(), BenchError> {
    for _ in 0..size.rounds {
        let server = Server::start(kind, place)?;
        let it = idle::measure(&server, size.members, ROOM_SIZE)?;
        println!(
            "{}: {} members, {:.2} KiB each, {} KiB in all, {:.1} µs to let one in",
            kind.name(),
            size.members,
            it.rss_kib,
            it.with_all_kib,
            it.join_us
        );
    }
    Ok(())
}

/// Members that come and go.
pub(crate) fn churn(place: &Place, size: Size) -> Result<(), BenchError> {
    let server = Server::start(Kind::Kopru, place)?;
    let crowd = (size.members, ROOM_SIZE);
    let it = churn::measure(&server, crowd, CHURN_PER_SECOND, CHURN_LONG)?;
    println!(
        "{} changes, {:.1} µs each; back {}; {} KiB before, {} after",
        it.changes,
        it.cpu_us,
        quantiles(it.back),
        it.before_kib,
        it.after_kib
    );
    Ok(())
}

/// One client that stopped.
pub(crate) fn stopped(kind: Kind, place: &Place, size: Size) -> Result<(), BenchError> {
    let server = Server::start(kind, place)?;
    let mut pairs = open_pairs(&server, PAIRS)?;
    for round in 0..size.rounds {
        for (is_stopped, pair) in [(false, PAIRS + 2 * round), (true, PAIRS + 2 * round + 1)] {
            let flood = Flood::begin(&server, pair, is_stopped)?;
            let load = (STOPPED_RATE, size.seconds);
            let it = stopped::measure(&server, &mut pairs, flood, load)?;
            print(if is_stopped { "one stopped" } else { "all read" }, &it);
        }
    }
    Ok(())
}

/// From the command to ready.
pub(crate) fn start(place: &Place, size: Size) -> Result<(), BenchError> {
    for _ in 0..size.rounds {
        let begin = Instant::now();
        drop(Server::start(Kind::Kopru, place)?);
        println!("ready after {:.1} ms", begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

/// So many pairs at a server.
pub(crate) fn open_pairs(server: &Server, pairs: usize) -> Result<Pairs, BenchError> {
    Pairs::open(server.clients(2 * pairs)?, server.dialect(2 * pairs, 2), pairs)
}

fn print(name: &str, it: &Relayed) {
    println!(
        "{name}: {:.0} messages/s, {:.2} µs of its core each; {}{}",
        it.per_second(),
        it.cpu_us(),
        quantiles(it.latency),
        if it.is_generator_the_limit { "; THE GENERATOR WAS THE LIMIT" } else { "" }
    );
}

fn quantiles(Quantiles { p50, p99, p999 }: Quantiles) -> String {
    let [p50, p99, p999] = [p50, p99, p999].map(|it| it.as_secs_f64() * 1e3);
    format!("p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms")
}
