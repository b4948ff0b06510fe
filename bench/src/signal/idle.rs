//! Members that have joined and say nothing: what one costs in memory, and to let in.

use super::crowd::Crowd;
use super::servers::Server;
use crate::error::BenchError;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle {
    /// KiB of resident memory for each member.
    pub(crate) rss_kib: f64,
    /// The server's whole resident memory with all of them, in KiB.
    pub(crate) with_all_kib: u64,
    /// Microseconds of the server's core to let one in.
    pub(crate) join_us: f64,
}

/// Lets so many members in, so many into each room, and weighs the server before and after.
pub(crate) fn measure(
    server: &Server,
    members: usize,
    room_size: usize,
) -> Result<Idle, BenchError> {
    let before = server.process.resident_kib()?;
    let cpu_ns = server.process.cpu_ns()?;
    let dialect = server.dialect(members, room_size);
    let mut crowd = Crowd::enter(server.clients(members)?, dialect)?;
    let join_ns = server.process.cpu_ns()? - cpu_ns;
    crowd.rest()?;
    let with_all_kib = server.process.resident_kib()?;
    Ok(Idle {
        rss_kib: with_all_kib.saturating_sub(before) as f64 / members as f64,
        with_all_kib,
        join_us: join_ns as f64 / 1e3 / members as f64,
    })
}
