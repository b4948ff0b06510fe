//! Whether all of it works, in seconds, with kopru and the floor alone.

use std::time::Duration;

use super::alloc;
use super::flood;
use super::floor::Variant;
use super::line::Transport;
use super::pacing::Pace;
use super::servers::{Place, Server, Which};
use super::shape::{Shape, Way};
use super::turns::{self, Entry, Rounds};
use crate::error::BenchError;

/// Each way, each transport and each floor once.
pub(crate) fn run(place: &Place) -> Result<(), BenchError> {
    let kopru = Entry { which: Which::Kopru(None), workers: 1 };
    let plain = Shape { clients: 4, ..Shape::PLAIN };
    let trains = Shape { clients: 4, ..Shape::TRAINS };
    for (shape, text) in [
        (plain, "up"),
        (trains, "up, in trains"),
        (Shape { way: Way::Send, ..plain }, "up, in Send indications"),
        (Shape { way: Way::Down, ..trains }, "down, in trains"),
        (Shape { way: Way::Pair, ..plain }, "pairs"),
        (Shape { transport: Transport::Tcp, ..plain }, "up over TCP"),
        (Shape { transport: Transport::Tls, way: Way::Down, ..plain }, "down over TLS"),
    ] {
        delivers(&kopru, place, shape, text)?;
    }
    for (variant, shape) in
        [(Variant::Single, plain), (Variant::Batch, plain), (Variant::Train, trains)]
    {
        let floor = Entry { which: Which::Floor(variant), workers: 1 };
        delivers(&floor, place, shape, "up")?;
        delivers(&floor, place, Shape { way: Way::Pair, ..shape }, "pairs")?;
    }
    let server = Server::start_for_udp(&kopru, place, 1)?;
    let it = alloc::serially(&server, SHORT)?;
    println!("kopru: {} allocations made and ended", it.count);
    println!("kopru: {:.2} KiB for each idle allocation", alloc::idle(&server, 50)?);
    let it = flood::measure(&server, SOURCES)?;
    println!("kopru: {:.0} % of {SOURCES} sources answered", it.answered_share() * 100.0);
    Ok(())
}

fn delivers(entry: &Entry, place: &Place, shape: Shape, text: &str) -> Result<(), BenchError> {
    let rounds = Rounds { count: 1, warm_up: SHORT, measured: SHORT };
    let load = (shape, Pace::PerSecond(1000.0));
    for found in turns::measure(std::slice::from_ref(entry), place, rounds, load, |_, _| {})? {
        let loss = found.runs.iter().map(|run| run.loss).sum::<f64>();
        println!("{}, {text}: {:.0} % lost", found.name, loss * 100.0);
        if loss >= 1.0 {
            return Err(BenchError::Stuck { what: "nothing was delivered" });
        }
    }
    Ok(())
}

const SOURCES: u32 = 1024;
const SHORT: Duration = Duration::from_millis(200);
