//! The words of `kopru-bench relay`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::line::Transport;
use super::pacing::Pace;
use super::servers::{Place, Which};
use super::shape::{Shape, Way};
use super::turns::{Entry, Rounds};
use super::{one, smoke, suite};
use crate::certificate::Certificate;
use crate::cores::Cores;
use crate::error::BenchError;

/// Load on TURN servers.
#[derive(Debug, Args)]
pub(crate) struct Relay {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything, server beside server; writes the result to bench/results/
    All,
    /// The same, in seconds and with few clients, of kopru and the floor: whether it works
    Smoke,
    /// Clients send ChannelData to peers
    Up(Traffic),
    /// Peers send to clients, who get ChannelData
    Down(Traffic),
    /// Clients send ChannelData to each other, two and two
    Pair(Traffic),
    /// Clients send Send indications to peers
    Send(Traffic),
    /// One client that makes an allocation and ends it, again and again
    Alloc,
    /// Allocations that do nothing, and what one costs in memory
    Idle {
        /// How many; each needs a descriptor here, and at most servers two
        #[arg(long, default_value_t = 3000)]
        allocations: usize,
    },
    /// Sources that prove nothing, and what a server keeps of them
    Flood {
        /// How many
        #[arg(long, default_value_t = 1_000_000, value_parser = sources())]
        sources: u32,
    },
}

#[derive(Clone, Copy, Debug, Args)]
struct Traffic {
    /// How clients reach the server
    #[arg(long, value_enum, default_value_t)]
    transport: Transport,
    /// How many; pairs are of two
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    clients: u16,
    /// Bytes of payload
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(16..=9000))]
    size: u16,
    /// Messages that leave together
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    burst: u8,
    /// They leave as one train that the kernel cuts (UDP_SEGMENT)
    #[arg(long)]
    train: bool,
    /// Messages each second; without: as fast as it goes
    #[arg(long)]
    rate: Option<f64>,
    /// How many may be under way when it goes as fast as it can
    #[arg(long, default_value_t = Shape::PLAIN.window)]
    window: u64,
}

#[derive(Debug, Args)]
struct Options {
    /// kopru, the path of a kopru, coturn, turn-rs, floor-single, floor-batch, floor-train, or
    /// NAME=COMMAND with {port}, {user}, {password}, {secret}; several are measured in turns. For
    /// `all`: whom else to measure
    #[arg(long, global = true, default_values = ["kopru"])]
    server: Vec<Which>,
    /// The kopru to measure; without: the one beside this program
    #[arg(long, global = true)]
    kopru: Option<PathBuf>,
    /// The coturn to measure
    #[arg(long, global = true, default_value = "/usr/bin/turnserver")]
    coturn: PathBuf,
    /// The turn-rs to measure
    #[arg(long, global = true, default_value = "bench/.turn-rs/bin/turn-server")]
    turn_rs: PathBuf,
    /// Where results go
    #[arg(long, global = true, default_value = "bench/results")]
    results: PathBuf,
    /// Threads of the server that relay, all on its one core
    #[arg(long, global = true, default_value_t = 1)]
    workers: usize,
    /// How often each is measured, in turns
    #[arg(long, global = true, default_value_t = 7)]
    rounds: usize,
    /// How long a measurement of a load takes, in seconds
    #[arg(long, global = true, default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
}

impl Relay {
    /// Does what was asked for.
    ///
    /// # Errors
    /// A server is missing, does not start, or refuses its load.
    pub(crate) fn run(self) -> Result<(), BenchError> {
        let scratch = std::env::temp_dir().join(format!("kopru-bench-{}", std::process::id()));
        fs::create_dir_all(&scratch)
            .map_err(BenchError::io("a folder for configurations and logs"))?;
        let place = self.options.place(scratch)?;
        let outcome = self.measure(&place);
        match &outcome {
            Ok(()) => fs::remove_dir_all(&place.scratch).map_err(BenchError::io("tidying up"))?,
            Err(_) => eprintln!("what the servers said is in {}", place.scratch.display()),
        }
        outcome
    }

    fn measure(self, place: &Place) -> Result<(), BenchError> {
        let Self { command, options } = self;
        let Options { server, workers, rounds: count, seconds, results, .. } = options;
        let measured = Duration::from_secs_f64(seconds);
        let rounds = Rounds { count, warm_up: WARM_UP, measured };
        let others: Vec<_> =
            server.iter().filter(|which| **which != Which::Kopru(None)).cloned().collect();
        let entries: Vec<_> = server.into_iter().map(|which| Entry { which, workers }).collect();
        let load = |way, traffic: Traffic| one::load(&entries, place, rounds, traffic.of(way));
        match command {
            Command::All => suite::all(place, rounds, &others, &results),
            Command::Smoke => smoke::run(place),
            Command::Up(traffic) => load(Way::Up, traffic),
            Command::Down(traffic) => load(Way::Down, traffic),
            Command::Pair(traffic) => load(Way::Pair, traffic),
            Command::Send(traffic) => load(Way::Send, traffic),
            Command::Alloc => one::alloc(&entries, place, rounds),
            Command::Idle { allocations } => one::idle(&entries, place, rounds, allocations),
            Command::Flood { sources } => one::flood(&entries, place, sources),
        }
    }
}

impl Options {
    fn place(&self, scratch: PathBuf) -> Result<Place, BenchError> {
        let own = std::env::current_exe().map_err(BenchError::io("own path"))?;
        Ok(Place {
            cores: Cores::take()?,
            kopru: self.kopru.clone().unwrap_or_else(|| own.with_file_name("kopru")),
            coturn: self.coturn.clone(),
            turn_rs: self.turn_rs.clone(),
            certificate: Certificate::make(&scratch)?,
            scratch,
        })
    }
}

impl Traffic {
    fn of(self, way: Way) -> (Shape, Pace) {
        let Self { transport, clients, size, burst, train: is_train, rate, window } = self;
        let clients = usize::from(clients).next_multiple_of(2);
        let (size, burst) = (size.into(), burst.into());
        let shape = Shape { way, transport, clients, size, burst, is_train, window };
        (shape, rate.map_or(Pace::AsFastAsItGoes, Pace::PerSecond))
    }
}

/// As many as there are addresses for.
fn sources() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1_000_000)
}

/// No longer than permissions last.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    let is_good = (0.1..=SECONDS_MAX).contains(&seconds);
    is_good.then_some(seconds).ok_or_else(|| format!("from 0.1 to {SECONDS_MAX} seconds"))
}

const SECONDS_MAX: f64 = 120.0;
const WARM_UP: Duration = Duration::from_millis(300);
