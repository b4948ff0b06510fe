//! One measurement by itself, each round printed: for whoever changes something and wants to see.

use super::alloc;
use super::flood;
use super::pacing::Pace;
use super::relayed::Relayed;
use super::servers::{Place, Server};
use super::shape::Shape;
use super::turns::{self, Entry, Rounds};
use crate::error::BenchError;

/// Traffic through each of these servers, in turns.
pub(crate) fn load(
    entries: &[Entry],
    place: &Place,
    rounds: Rounds,
    load: (Shape, Pace),
) -> Result<(), BenchError> {
    let found = turns::measure(entries, place, rounds, load, print)?;
    for runs in &found {
        println!(
            "median of {}: {} kpps, {} µs each, {} × the first; {} KiB resident",
            runs.name,
            runs.median(Relayed::kpps),
            runs.median(Relayed::cpu_us),
            runs.ratio(&found[0], Relayed::cpu_us),
            runs.resident_kib
        );
    }
    Ok(())
}

/// Allocations by one serial client, in turns.
pub(crate) fn alloc(entries: &[Entry], place: &Place, rounds: Rounds) -> Result<(), BenchError> {
    let started: Result<Vec<_>, _> = entries
        .iter()
        .zip(1..)
        .map(|(entry, seat)| Server::start_for_udp(entry, place, seat))
        .collect();
    let started = started?;
    for _ in 0..rounds.count {
        for server in &started {
            let it = alloc::serially(server, rounds.measured)?;
            let (per_second, cpu_us) = (it.per_second(), it.cpu_us());
            println!("{}: {per_second:.0} a second, {cpu_us:.1} µs each", server.name);
        }
    }
    Ok(())
}

/// Allocations that do nothing, at servers that were just started.
pub(crate) fn idle(
    entries: &[Entry],
    place: &Place,
    rounds: Rounds,
    allocations: usize,
) -> Result<(), BenchError> {
    for _ in 0..rounds.count {
        for entry in entries {
            let server = Server::start_for_udp(entry, place, 1)?;
            let each_kib = alloc::idle(&server, allocations)?;
            println!("{}: {each_kib:.2} KiB for each of {allocations}", server.name);
        }
    }
    Ok(())
}

/// Sources that prove nothing.
pub(crate) fn flood(entries: &[Entry], place: &Place, sources: u32) -> Result<(), BenchError> {
    for entry in entries {
        let server = Server::start_for_udp(entry, place, 1)?;
        let it = flood::measure(&server, sources)?;
        println!(
            "{}: {} sources, {:.1} % answered, {:.2} µs each; {} KiB before, {} after",
            server.name,
            it.sources,
            it.answered_share() * 100.0,
            it.cpu_us(),
            it.before_kib,
            it.after_kib
        );
    }
    Ok(())
}

fn print(name: &str, it: &Relayed) {
    println!(
        "{name}: {:.1} kpps, {:.2} Gbit/s, {:.2} µs of its core each ({:.0} % busy); p50 {:.0} µs, \
         p99 {:.0} µs; {:.3} % lost; generator {:.0} % busy{}",
        it.kpps(),
        it.gbit_s(),
        it.cpu_us(),
        it.server_busy() * 100.0,
        it.p50_us(),
        it.p99_us(),
        it.loss * 100.0,
        it.generator_busy * 100.0,
        if it.is_generator_the_limit() { ": THE LIMIT" } else { "" }
    );
}
