//! Everything about signaling, server beside server in turns, and the page that comes of it.

use std::time::{Duration, Instant};

use super::idle::Idle;
use super::one::open_pairs;
use super::relay::{Pace, Pairs, Relayed};
use super::servers::{Kind, Place, Server};
use super::stopped::Flood;
use super::{churn, idle, stopped};
use crate::error::BenchError;
use crate::latency::Quantiles;
use crate::plot::Chart;
use crate::report::Report;
use crate::rounds::Median;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// How often each is measured, in turns.
    pub(crate) rounds: usize,
    /// How long a measurement of a load takes.
    pub(crate) seconds: Duration,
    /// Members that are idle, or come and go.
    pub(crate) members: usize,
}

/// The whole run.
pub(crate) fn all(place: &Place, size: Size) -> Result<(), BenchError> {
    let how = format!(
        "Server on one core, generator on {}; {} rounds in turns, medians (quarters), ratios round \
         by round.",
        if place.cores.are_two() { "another" } else { "THE SAME" },
        size.rounds
    );
    let mut report = Report::begin("Signaling", &how);
    relay_side_by_side(place, size, &mut report)?;
    idle_side_by_side(place, size, &mut report)?;
    coming_and_going(place, size, &mut report)?;
    one_stopped(place, size, &mut report)?;
    starts(place, size, &mut report)?;
    let path = report.write(&place.bench.join("results"), "signaling")?;
    println!("written to {}", path.display());
    Ok(())
}

/// Whether all of it works, in seconds. PeerServer is left out where it is not installed.
pub(crate) fn smoke(place: &Place) -> Result<(), BenchError> {
    let short = Duration::from_millis(200);
    for kind in Kind::ALL {
        let server = match Server::start(kind, place) {
            Err(BenchError::Missing { what, cure }) if kind == Kind::Peerserver => {
                println!("{} is left out: {what} is missing: {cure}", kind.name());
                continue;
            }
            other => other?,
        };
        let it = open_pairs(&server, 5)?.run(&server.process, Pace::AsFastAsItGoes, short)?;
        println!("{}: {} messages", kind.name(), it.delivered);
        let it = idle::measure(&server, 50, ROOM_SIZE)?;
        println!("{}: 50 members, {} KiB", kind.name(), it.with_all_kib);
    }
    let server = Server::start(Kind::Kopru, place)?;
    let it = churn::measure(&server, (50, ROOM_SIZE), 100.0, short)?;
    println!("kopru: {} members came and went", it.changes);
    let flood = Flood::begin(&server, 5, true)?;
    let load = (1000.0, short);
    let it = stopped::measure(&server, &mut open_pairs(&server, 5)?, flood, load)?;
    println!("kopru: {} messages beside a client that does not read", it.delivered);
    Ok(())
}

fn relay_side_by_side(place: &Place, size: Size, report: &mut Report) -> Result<(), BenchError> {
    let start = |kind| -> Result<(Server, Pairs), BenchError> {
        let server = Server::start(kind, place)?;
        let pairs = open_pairs(&server, PAIRS)?;
        Ok((server, pairs))
    };
    let mut servers = [start(Kind::ALL[0])?, start(Kind::ALL[1])?, start(Kind::ALL[2])?];
    let mut found: [Vec<Relayed>; 3] = Default::default();
    let mut at_a_rate = Vec::new();
    for round in 1..=size.rounds {
        eprintln!("relay, round {round} of {}", size.rounds);
        for ((server, pairs), found) in servers.iter_mut().zip(&mut found) {
            found.push(pairs.run(&server.process, Pace::AsFastAsItGoes, size.seconds)?);
        }
        // As many as PeerServer could deliver just now.
        let Some(peerserver) = found[1].last() else { continue };
        let pace = Pace::PerSecond(peerserver.per_second());
        let (server, pairs) = &mut servers[0];
        at_a_rate.push(pairs.run(&server.process, pace, size.seconds)?);
    }
    report_relay(&found, &at_a_rate, report);
    Ok(())
}

fn report_relay(found: &[Vec<Relayed>; 3], at_a_rate: &[Relayed], report: &mut Report) {
    let head = ["server", "messages/s", "CPU each, µs", "p50, ms", "p99, ms", "p99.9, ms"];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (kind, found) in Kind::ALL.into_iter().zip(found) {
        rows.push(relay_row(kind.name(), found));
    }
    rows.push(relay_row("kopru at PeerServer's rate", at_a_rate));
    report.table("Offers of 1 kB and short answers, 50 pairs, window 8", &head, &rows);
    let busy = found.iter().flatten().filter(|it| it.is_generator_the_limit).count();
    if busy > 0 {
        let runs = found.iter().map(Vec::len).sum::<usize>();
        report.remark(&format!(
            "**The generator was the limit in {busy} of {runs} runs**: messages/s are a lower \
             bound there; CPU each is not touched by it."
        ));
    }
    let per_cpu_second =
        |index: usize| -> Vec<f64> { found[index].iter().map(Relayed::per_cpu_second).collect() };
    let ratio = Median::of_ratios(&per_cpu_second(0), &per_cpu_second(1));
    let wanted = "messages for each CPU second: ≥ 2.3 × PeerServer";
    report.target(wanted, format!("{ratio} ×"), ratio.value >= 2.3);
    let floor = Median::of_ratios(&per_cpu_second(0), &per_cpu_second(2));
    report
        .remark(&format!("kopru for each CPU second: {ratio} × PeerServer, {floor} × the floor."));
    let p50 = Median::of(at_a_rate.iter().map(|it| milliseconds(it.latency).0));
    report.target("p50 at PeerServer's rate: < 1 ms", format!("{p50} ms"), p50.value < 1.0);
    let mut chart = Chart::new("CPU for each message, µs");
    for (kind, found) in Kind::ALL.into_iter().zip(found) {
        chart = chart.bar(kind.name(), Median::of(found.iter().map(Relayed::cpu_us)));
    }
    report.chart(chart);
}

fn relay_row(name: &str, found: &[Relayed]) -> Vec<String> {
    let median = |figure: fn(&Relayed) -> f64| Median::of(found.iter().map(figure)).to_string();
    vec![
        name.to_owned(),
        median(Relayed::per_second),
        median(Relayed::cpu_us),
        median(|it| milliseconds(it.latency).0),
        median(|it| milliseconds(it.latency).1),
        median(|it| milliseconds(it.latency).2),
    ]
}

fn idle_side_by_side(place: &Place, size: Size, report: &mut Report) -> Result<(), BenchError> {
    let kinds = [Kind::Kopru, Kind::KopruTls, Kind::Peerserver, Kind::Floor];
    let mut found: [Vec<Idle>; 4] = Default::default();
    let rounds = size.rounds.min(IDLE_ROUNDS);
    for round in 1..=rounds {
        for (kind, found) in kinds.into_iter().zip(&mut found) {
            eprintln!("{} members at {}, round {round} of {rounds}", size.members, kind.name());
            found.push(idle::measure(&Server::start(kind, place)?, size.members, ROOM_SIZE)?);
        }
    }
    let head = ["server", "KiB each", "MiB with all", "µs to let one in"];
    let mut rows = Vec::new();
    let mut chart = Chart::new("Memory of an idle member, KiB");
    for (kind, found) in kinds.into_iter().zip(&found) {
        let median = |figure: fn(&Idle) -> f64| Median::of(found.iter().map(figure));
        let each = median(|it| it.rss_kib);
        let all = median(|it| it.with_all_kib as f64 / 1024.0);
        let join = median(|it| it.join_us);
        rows.push(vec![kind.name().into(), each.to_string(), all.to_string(), join.to_string()]);
        chart = chart.bar(kind.name(), each);
        if kind == Kind::Kopru {
            report.target("an idle member: ≤ 7 KiB", format!("{each} KiB"), each.value <= 7.0);
        }
    }
    let title = format!("{} members, joined and idle, {ROOM_SIZE} to a room", size.members);
    report.table(&title, &head, &rows);
    report.chart(chart);
    Ok(())
}

fn coming_and_going(place: &Place, size: Size, report: &mut Report) -> Result<(), BenchError> {
    eprintln!("{} members that come and go", size.members);
    let server = Server::start(Kind::Kopru, place)?;
    let crowd = (size.members, ROOM_SIZE);
    let it = churn::measure(&server, crowd, CHURN_PER_SECOND, CHURN_LONG)?;
    let (p50, p99, p999) = milliseconds(it.back);
    let head =
        ["changes", "CPU each, µs", "back: p50, ms", "p99, ms", "p99.9, ms", "MiB before", "after"];
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    let row = vec![
        it.changes.to_string(),
        format!("{:.1}", it.cpu_us),
        format!("{p50:.2}"),
        format!("{p99:.2}"),
        format!("{p999:.2}"),
        mib(it.before_kib),
        mib(it.after_kib),
    ];
    let title = format!(
        "{} members of kopru, of whom {CHURN_PER_SECOND} a second leave and join, are cut off and \
         come back, or go and are followed by others",
        size.members
    );
    report.table(&title, &head, &[row]);
    Ok(())
}

fn one_stopped(place: &Place, size: Size, report: &mut Report) -> Result<(), BenchError> {
    let mut rows = Vec::new();
    for kind in [Kind::Kopru, Kind::Peerserver] {
        let server = Server::start(kind, place)?;
        let mut pairs = open_pairs(&server, PAIRS)?;
        let before = server.process.resident_kib()?;
        let mut p99: [Vec<f64>; 2] = Default::default();
        for round in 0..size.rounds {
            eprintln!("one stopped at {}, round {} of {}", kind.name(), round + 1, size.rounds);
            for (index, is_stopped) in [false, true].into_iter().enumerate() {
                let flood = Flood::begin(&server, PAIRS + 2 * round + index, is_stopped)?;
                let load = (STOPPED_RATE, size.seconds);
                let it = stopped::measure(&server, &mut pairs, flood, load)?;
                p99[index].push(milliseconds(it.latency).1);
            }
        }
        let ratio = Median::of_ratios(&p99[1], &p99[0]);
        let more = server.process.resident_kib()?.saturating_sub(before);
        let [reads, stopped] = p99.map(Median::of);
        rows.push(vec![
            kind.name().to_owned(),
            reads.to_string(),
            stopped.to_string(),
            ratio.to_string(),
            format!("{:.1}", more as f64 / 1024.0),
        ]);
        if kind == Kind::Kopru {
            let wanted = "one stopped client moves nobody's p99: the median of the ratios is ≤ 1.1";
            report.target(wanted, format!("{ratio} ×"), ratio.value <= 1.1);
        }
    }
    let head =
        ["server", "p99 when it reads, ms", "when it stopped, ms", "ratio", "MiB more at the end"];
    let title = format!(
        "{STOPPED_RATE} messages a second between 50 pairs, while one client is sent 3 MB a second"
    );
    report.table(&title, &head, &rows);
    Ok(())
}

fn starts(place: &Place, size: Size, report: &mut Report) -> Result<(), BenchError> {
    let mut took = Vec::new();
    for _ in 0..size.rounds {
        let begin = Instant::now();
        let server = Server::start(Kind::Kopru, place)?;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
        drop(server);
    }
    let median = Median::of(took);
    report.target(
        "from the command to ready: < 100 ms",
        format!("{median} ms"),
        median.value < 100.0,
    );
    Ok(())
}

fn milliseconds(Quantiles { p50, p99, p999 }: Quantiles) -> (f64, f64, f64) {
    let ms = |it: Duration| it.as_secs_f64() * 1e3;
    (ms(p50), ms(p99), ms(p999))
}

/// Pairs that negotiate.
pub(crate) const PAIRS: usize = 50;
/// Members of a room that are idle, or come and go.
pub(crate) const ROOM_SIZE: usize = 10;
/// Members that go and come back each second.
pub(crate) const CHURN_PER_SECOND: f64 = 500.0;
pub(crate) const CHURN_LONG: Duration = Duration::from_secs(15);
/// Messages a second beside a client that stopped: far from what a core can do.
pub(crate) const STOPPED_RATE: f64 = 10_000.0;
/// Memory varies little, and filling a server takes long.
const IDLE_ROUNDS: usize = 3;
