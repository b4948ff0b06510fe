//! A line: it takes time, not always the same, and it loses and doubles what it carries.

use std::collections::VecDeque;
use std::time::Duration;

use super::LATENCY;
use crate::random::Random;

/// What a line does to datagrams. Chances are in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The shortest time that a datagram takes.
    pub latency: Duration,
    /// At most this much comes on top: what left later may arrive earlier.
    pub jitter: Duration,
    /// How likely a datagram is lost.
    pub loss: u8,
    /// How likely it arrives twice.
    pub duplication: u8,
}

impl Default for Link {
    fn default() -> Self {
        Self { latency: LATENCY, jitter: Duration::ZERO, loss: 0, duplication: 0 }
    }
}

/// Which way a datagram crosses a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Away from the site.
    Outbound,
    /// Towards the site.
    Inbound,
}

/// What becomes of one datagram, when a test wants to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives as if the line had no faults.
    Arrives,
    /// It is lost.
    Lost,
    /// It arrives so much later.
    Late(Duration),
    /// It arrives, and again so much later.
    Twice(Duration),
}

/// A line as it is now.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) link: Link,
    outbound: VecDeque<Fate>,
    inbound: VecDeque<Fate>,
}

impl Line {
    /// Decides about the next datagram that goes this way, after those decided already.
    pub(crate) fn decide(&mut self, direction: Direction, fate: Fate) {
        self.fates(direction).push_back(fate);
    }

    /// How long the copies of a datagram take: none if it is lost.
    pub(super) fn cross(&mut self, direction: Direction, random: &mut Random) -> Vec<Duration> {
        let Link { latency, jitter, loss, duplication } = self.link;
        match self.fates(direction).pop_front() {
            Some(Fate::Arrives) => return vec![latency],
            Some(Fate::Lost) => return vec![],
            Some(Fate::Late(by)) => return vec![latency + by],
            Some(Fate::Twice(after)) => return vec![latency, latency + after],
            None => {}
        }
        if random.percent(loss) {
            return vec![];
        }
        let copies = 1 + usize::from(random.percent(duplication));
        let micros = jitter.as_micros() as u64 + 1;
        (0..copies).map(|_| latency + Duration::from_micros(random.below(micros))).collect()
    }

    fn fates(&mut self, direction: Direction) -> &mut VecDeque<Fate> {
        match direction {
            Direction::Outbound => &mut self.outbound,
            Direction::Inbound => &mut self.inbound,
        }
    }
}
