//! Members that come and go while others stay: at a rate, in turns,
//!
//! - one leaves its room and joins it again;
//! - one loses its connection and comes back to its session;
//! - one says goodbye, and somebody else comes in its place.

use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::servers::{SECRET, Server};
use crate::dialect::kopru::Kopru;
use crate::error::BenchError;
use crate::latency::{Latencies, Quantiles};

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Churn {
    pub(crate) changes: usize,
    /// Microseconds of the server's core for each change, with what the others are told of it.
    pub(crate) cpu_us: f64,
    /// From the first word to being in the room again.
    pub(crate) back: Quantiles,
    /// With all members there, before anybody went.
    pub(crate) before_kib: u64,
    /// With as many there, after all that.
    pub(crate) after_kib: u64,
}

/// Lets members of kopru come and go, so many times a second.
pub(crate) fn measure(
    server: &Server,
    (members, room_size): (usize, usize),
    per_second: f64,
    long: Duration,
) -> Result<Churn, BenchError> {
    let kopru = Kopru::new(members, room_size, SECRET);
    let mut crowd = Crowd::enter(server.clients(members)?, kopru)?;
    crowd.rest()?;
    let before_kib = server.process.resident_kib()?;
    let cpu_ns = server.process.cpu_ns()?;
    crowd.stay.entrances = Latencies::default();
    let changes = come_and_go(&mut crowd, per_second, long)?;
    let cpu_us = (server.process.cpu_ns()? - cpu_ns) as f64 / 1e3 / changes as f64;
    let back = std::mem::take(&mut crowd.stay.entrances).quantiles();
    crowd.rest()?;
    let after_kib = server.process.resident_kib()?;
    Ok(Churn { changes, cpu_us, back, before_kib, after_kib })
}

fn come_and_go(
    crowd: &mut Crowd<Kopru>,
    per_second: f64,
    long: Duration,
) -> Result<usize, BenchError> {
    let begin = Instant::now();
    let (mut changes, mut next) = (0, 0);
    while begin.elapsed() < long {
        if begin.elapsed().as_secs_f64() * per_second < changes as f64 {
            crowd.clients.turn(&mut crowd.stay, Duration::from_millis(1))?;
            continue;
        }
        // Somebody else each time, and from another room.
        next = (next + STRIDE) % crowd.clients.len();
        if crowd.stay.goes(next) {
            change(crowd, next, changes % 3)?;
            changes += 1;
        } else {
            crowd.clients.turn(&mut crowd.stay, Duration::from_millis(1))?;
        }
    }
    crowd.wait_for_all()?;
    Ok(changes)
}

fn change(crowd: &mut Crowd<Kopru>, client: usize, kind: usize) -> Result<(), BenchError> {
    match kind {
        0 => {
            crowd.stay.is_coming(client);
            crowd.clients.send(client, |out| crowd.stay.dialect.join_again(client, out));
            return Ok(());
        }
        1 => crowd.clients.cut(client),
        _ => {
            crowd.clients.leave(client);
            crowd.stay.dialect.forget(client);
        }
    }
    crowd.open(client)
}

/// Prime, so that everybody has a turn.
const STRIDE: usize = 7919;
