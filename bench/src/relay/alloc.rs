//! What allocations cost: to make and to end one, and to have many that do nothing.

use std::time::{Duration, Instant};

use super::client::Client;
use super::line::Transport;
use super::servers::Server;
use crate::error::BenchError;

/// What one serial client found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocated {
    pub(crate) count: u64,
    pub(crate) took: Duration,
    /// Of the server.
    pub(crate) cpu: Duration,
}

impl Allocated {
    pub(crate) fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    /// Microseconds of the server's core for each.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.count.max(1) as f64
    }
}

/// For so long: a socket, an Allocate that is challenged, one with the answer, and the Refresh that
/// ends it. From new ports, as clients come.
pub(crate) fn serially(server: &Server, long: Duration) -> Result<Allocated, BenchError> {
    let one = |number| Client::allocate(&server.target, Transport::Udp, number)?.refresh(0);
    (0..WARM_UP).try_for_each(one)?;
    let (cpu_ns, begin, mut count) = (server.process.cpu_ns()?, Instant::now(), 0);
    while begin.elapsed() < long {
        one(count as usize)?;
        count += 1;
    }
    let took = begin.elapsed();
    let cpu = Duration::from_nanos(server.process.cpu_ns()? - cpu_ns);
    Ok(Allocated { count, took, cpu })
}

/// KiB of the server's resident memory for each of so many allocations that do nothing.
pub(crate) fn idle(server: &Server, allocations: usize) -> Result<f64, BenchError> {
    let allocate = |number| Client::allocate(&server.target, Transport::Udp, number);
    // What is made for the first ones is there for all.
    let first: Result<Vec<Client>, _> = (0..WARM_UP).map(allocate).collect();
    let first = first?;
    let before = server.process.resident_kib()?;
    let all: Result<Vec<Client>, _> = (WARM_UP..WARM_UP + allocations).map(allocate).collect();
    let all = all?;
    let after = server.process.resident_kib()?;
    drop((first, all));
    Ok(after.saturating_sub(before) as f64 / allocations as f64)
}

const WARM_UP: usize = 100;
