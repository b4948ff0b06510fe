//! Dev only: load on kopru and on others, side by side. docs/performance.md says how to run it and
//! how to read what it finds.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

mod certificate;
mod cli;
mod clients;
mod cores;
mod dialect;
mod error;
mod instructions;
mod latency;
mod machine;
mod plot;
mod process;
mod relay;
mod report;
mod rounds;
mod signal;
mod stream;
mod websocket;

use certificate::Certificate;
use cli::{Cli, Command, Options, Signal};
use cores::Cores;
use error::BenchError;
use signal::servers::Place;
use signal::{floor, one, suite};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Signal { command, options } => signal(command, options),
        Command::Relay(relay) => relay.run(),
        Command::RelayFloor { variant, port, peer } => relay::floor::serve(variant, port, peer),
        Command::Instructions { file, keep } => {
            own_path().and_then(|own| instructions::compare(&own, &file, keep))
        }
        Command::Walk { path, times } => {
            path.walk(times);
            Ok(())
        }
        Command::Floor { port } => floor::serve(port),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kopru-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn signal(command: Signal, options: Options) -> Result<(), BenchError> {
    let Options { kopru, bench, rounds, seconds, members } = options;
    let scratch = std::env::temp_dir().join(format!("kopru-bench-{}", std::process::id()));
    fs::create_dir_all(&scratch).map_err(BenchError::io("a folder for configurations and logs"))?;
    let beside = own_path()?.with_file_name("kopru");
    let kopru = kopru.unwrap_or(beside);
    let certificate = Certificate::make(&scratch)?;
    let place = Place { cores: Cores::take()?, kopru, bench, scratch, certificate };
    let size = suite::Size { rounds, seconds: Duration::from_secs_f64(seconds), members };
    let outcome = match command {
        Signal::All => suite::all(&place, size),
        Signal::Smoke => suite::smoke(&place),
        Signal::Relay { server, rate } => one::relay(server, &place, size, rate),
        Signal::Idle { server } => one::idle(server, &place, size),
        Signal::Churn => one::churn(&place, size),
        Signal::Stopped { server } => one::stopped(server, &place, size),
        Signal::Start => one::start(&place, size),
    };
    match &outcome {
        Ok(()) => fs::remove_dir_all(&place.scratch).map_err(BenchError::io("tidying up"))?,
        Err(_) => eprintln!("what the servers said is in {}", place.scratch.display()),
    }
    outcome
}

fn own_path() -> Result<PathBuf, BenchError> {
    std::env::current_exe().map_err(BenchError::io("own path"))
}
