//! Everything about the relay, server beside server in turns, and the page that comes of it.

use std::path::Path;

use super::alloc::{self, Allocated};
use super::flood;
use super::report as tables;
use super::scenario::{self, Bound};
use super::servers::{Place, Server, Which};
use super::turns::{self, Entry, Rounds};
use crate::error::BenchError;
use crate::plot::Chart;
use crate::report::Report;
use crate::rounds::Median;

/// The whole run; `others` take part over UDP wherever kopru is beside anybody.
pub(crate) fn all(
    place: &Place,
    rounds: Rounds,
    others: &[Which],
    results: &Path,
) -> Result<(), BenchError> {
    let how = format!(
        "Server on one core, generator on {}; {} rounds in turns, medians (quarters), ratios round \
         by round.",
        if place.cores.are_two() { "another" } else { "THE SAME" },
        rounds.count
    );
    let mut report = Report::begin("Relay", &how);
    let absent = absent(place, &mut report);
    for mut scenario in scenario::all() {
        if scenario.is_open_to_others() {
            let others = others.iter().map(|which| Entry { which: which.clone(), workers: 1 });
            scenario.entries.extend(others);
        }
        scenario.entries.retain(|entry| !absent.contains(&entry.which));
        eprintln!("{}", scenario.title);
        let each = |name: &str, it: &super::relayed::Relayed| {
            eprintln!("  {name}: {:.1} kpps, {:.2} µs", it.kpps(), it.cpu_us());
        };
        let found = turns::measure(&scenario.entries, place, rounds, scenario.load, each)?;
        tables::add(&mut report, &scenario, &found);
    }
    let all = [&[Which::Kopru(None), Which::Coturn, Which::TurnRs], others].concat();
    let present = all.into_iter().filter(|which| !absent.contains(which));
    let entries: Vec<_> = present.map(|which| Entry { which, workers: 1 }).collect();
    allocations(&entries, place, rounds, &mut report)?;
    memory(&entries, place, rounds, &mut report)?;
    unproven(&entries, place, &mut report)?;
    let path = report.write(results, "relay")?;
    println!("written to {}", path.display());
    Ok(())
}

/// Who is not installed: told here and in the result.
fn absent(place: &Place, report: &mut Report) -> Vec<Which> {
    let mut absent = Vec::new();
    for which in [Which::Coturn, Which::TurnRs] {
        let entry = Entry { which: which.clone(), workers: 1 };
        if let Err(error) = Server::start_for_udp(&entry, place, 1) {
            eprintln!("{which} IS LEFT OUT: {error}");
            report.remark(&format!("**{which} was left out**: {error}"));
            absent.push(which);
        }
    }
    absent
}

fn allocations(
    entries: &[Entry],
    place: &Place,
    rounds: Rounds,
    report: &mut Report,
) -> Result<(), BenchError> {
    eprintln!("{ALLOCATIONS_TITLE}");
    let servers = entries.iter().zip(1..);
    let servers = servers.map(|(entry, seat)| Server::start_for_udp(entry, place, seat));
    let servers: Vec<Server> = servers.collect::<Result<_, _>>()?;
    let mut found: Vec<Vec<Allocated>> = vec![Vec::new(); servers.len()];
    for _ in 0..rounds.count {
        for (server, found) in servers.iter().zip(&mut found) {
            found.push(alloc::serially(server, rounds.measured)?);
        }
    }
    let figures = |index: usize, figure: fn(&Allocated) -> f64| -> Vec<f64> {
        found[index].iter().map(figure).collect()
    };
    let rows: Vec<Vec<String>> = (0..servers.len())
        .map(|index| {
            let rate = Median::of(figures(index, Allocated::per_second)).to_string();
            let cpu = Median::of(figures(index, Allocated::cpu_us)).to_string();
            vec![servers[index].name.clone(), rate, cpu]
        })
        .collect();
    report.table(ALLOCATIONS_TITLE, &["server", "per second", "CPU each, µs"], &rows);
    let bound = Bound::AtMost(45.0);
    let cpu = Median::of(figures(0, Allocated::cpu_us));
    let wanted = format!("allocations: CPU each, µs {}", bound.text(""));
    report.target(&wanted, cpu.to_string(), bound.is_reached(cpu));
    let bound = Bound::AtLeast(1.8);
    let wanted = format!("allocations: per second {}", bound.text(" × coturn"));
    match servers.iter().position(|server| server.which == Which::Coturn) {
        Some(coturn) => {
            let above = figures(0, Allocated::per_second);
            let ratio = Median::of_ratios(&above, &figures(coturn, Allocated::per_second));
            report.target(&wanted, format!("{ratio} ×"), bound.is_reached(ratio));
        }
        None => report.target(&wanted, "not measured".to_owned(), false),
    }
    Ok(())
}

fn memory(
    entries: &[Entry],
    place: &Place,
    rounds: Rounds,
    report: &mut Report,
) -> Result<(), BenchError> {
    let title = format!("{IDLE_ALLOCATIONS} allocations that do nothing");
    eprintln!("{title}");
    let mut found = vec![(String::new(), Vec::new()); entries.len()];
    for _ in 0..rounds.count.min(MEMORY_ROUNDS) {
        for (entry, (name, found)) in entries.iter().zip(&mut found) {
            let server = Server::start_for_udp(entry, place, 1)?;
            found.push(alloc::idle(&server, IDLE_ALLOCATIONS)?);
            *name = server.name;
        }
    }
    let medians: Vec<(String, Median)> =
        found.into_iter().map(|(name, figures)| (name, Median::of(figures))).collect();
    let rows: Vec<_> =
        medians.iter().map(|(name, each)| vec![name.clone(), each.to_string()]).collect();
    report.table(&title, &["server", "KiB each"], &rows);
    if let Some((_, each)) = medians.first() {
        let bound = Bound::AtMost(2.0);
        let wanted = format!("an idle allocation: KiB {}", bound.text(""));
        report.target(&wanted, each.to_string(), bound.is_reached(*each));
    }
    let chart = Chart::new("Memory of an idle allocation, KiB");
    report.chart(medians.iter().fold(chart, |chart, (name, each)| chart.bar(name, *each)));
    Ok(())
}

fn unproven(entries: &[Entry], place: &Place, report: &mut Report) -> Result<(), BenchError> {
    let title = "Sources that prove nothing, each heard of once";
    eprintln!("{title}");
    let mut rows = Vec::new();
    for entry in entries {
        let server = Server::start_for_udp(entry, place, 1)?;
        let keeps_nothing = matches!(entry.which, Which::Kopru(_) | Which::Coturn);
        let sources = if keeps_nothing { SOURCES } else { SOURCES_OF_OTHERS };
        let it = flood::measure(&server, sources)?;
        let mib = |kib: u64| kib as f64 / 1024.0;
        let more = mib(it.after_kib) - mib(it.before_kib);
        rows.push(vec![
            server.name.clone(),
            sources.to_string(),
            format!("{:.1}", it.answered_share() * 100.0),
            format!("{:.2}", it.cpu_us()),
            format!("{:.1}", mib(it.before_kib)),
            format!("{:.1}", mib(it.after_kib)),
        ]);
        if entry.which == Which::Kopru(None) {
            let wanted = format!("{sources} sources that prove nothing: MiB more < 1");
            report.target(&wanted, format!("{more:.2}"), more < 1.0);
        }
    }
    let head = ["server", "sources", "answered, %", "CPU each, µs", "MiB before", "after"];
    report.table(title, &head, &rows);
    Ok(())
}

const ALLOCATIONS_TITLE: &str = "One client that makes an allocation and ends it, again and again";
const IDLE_ALLOCATIONS: usize = 3000;
/// Memory varies little.
const MEMORY_ROUNDS: usize = 3;
const SOURCES: u32 = 1_000_000;
/// Of a server that keeps something of each, a million would need more memory than many machines
/// have.
const SOURCES_OF_OTHERS: u32 = 50_000;
