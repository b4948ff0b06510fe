//! One client that stopped reading while others send to it: whether anybody else waits for it.
//!
//! The same is sent to it when it reads and when it does not, so that the two differ in nothing
//! else.

use std::time::{Duration, Instant};

use super::relay::{Pace, Pairs, Relayed};
use super::servers::Server;
use crate::clients::{Behavior, Clients};
use crate::dialect::{Dialect, Heard};
use crate::error::BenchError;

/// Somebody who sends too much, and the one it is sent to.
pub(crate) struct Flood {
    clients: Clients,
    words: Words,
    sender: usize,
    begin: Instant,
    sent: u64,
}

struct Words {
    dialect: Box<dyn Dialect>,
    joined: usize,
}

impl Flood {
    /// The partners with these numbers; the second one reads, or stops when they have met.
    pub(crate) fn begin(
        server: &Server,
        pair: usize,
        is_stopped: bool,
    ) -> Result<Self, BenchError> {
        let (sender, receiver) = (2 * pair, 2 * pair + 1);
        let mut clients = server.clients(receiver + 1)?;
        let mut words = Words { dialect: server.dialect(receiver + 1, 2), joined: 0 };
        clients.open(sender, &words.dialect.target(sender))?;
        clients.open_narrow(receiver, &words.dialect.target(receiver))?;
        clients.turn_until(&mut words, "a pair did not find each other", |words| {
            words.joined == 2 && words.dialect.knows_partner(sender)
        })?;
        if is_stopped {
            clients.stop(receiver);
        }
        Ok(Self { clients, words, sender, begin: Instant::now(), sent: 0 })
    }

    /// Sends what is due by now.
    pub(crate) fn go_on(&mut self) -> Result<(), BenchError> {
        let due = (self.begin.elapsed().as_secs_f64() * FLOOD_PER_SECOND) as u64;
        if self.sent < due {
            let (words, sender) = (&mut self.words, self.sender);
            self.clients.send(sender, |out| words.dialect.offer(sender, 0, out));
            self.sent += 1;
        }
        self.clients.turn(&mut self.words, Duration::ZERO)
    }
}

/// What the pairs say at a rate while somebody is flooded.
pub(crate) fn measure(
    server: &Server,
    pairs: &mut Pairs,
    mut flood: Flood,
    (per_second, long): (f64, Duration),
) -> Result<Relayed, BenchError> {
    let pace = Pace::PerSecond(per_second);
    pairs.run_beside(&server.process, pace, (WARM_UP, long), &mut || flood.go_on())
}

impl Behavior for Words {
    fn opened(&mut self, client: usize, out: &mut Vec<u8>) {
        self.dialect.opened(client, out);
    }

    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>) {
        // That the server refuses more for somebody who does not read is its right.
        let heard = self.dialect.heard(client, text, out);
        self.joined += usize::from(heard == Heard::Joined);
    }

    fn closed(&mut self, _client: usize, _code: Option<u16>) {}
}

/// Offers of 1 kB: what a socket and a queue of a megabyte hold is full after a second.
const FLOOD_PER_SECOND: f64 = 3000.0;
const WARM_UP: Duration = Duration::from_secs(1);
