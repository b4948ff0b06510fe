//! What a hub holds and has done, for metrics.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::limits::SETUP_MS_MAX;
use crate::story::News;

/// Counted since the hub was made, but for the first nine, which are as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Open connections, with and without a session.
    pub connections: usize,
    /// Sessions, with and without a connection.
    pub sessions: usize,
    /// Identities that have a session.
    pub identities: usize,
    /// Rooms.
    pub rooms: usize,
    /// Members in all rooms together.
    pub members: usize,
    /// Bytes that are held for all clients together, in queues too.
    pub memory_bytes: usize,
    /// How many there may be.
    pub memory_bytes_max: usize,
    /// Calls, by the state they are in.
    pub calls: BTreeMap<&'static str, usize>,
    /// Stories of connections, those that are over included.
    pub stories: usize,
    /// Stories that had to go before their time.
    pub stories_displaced: u64,
    /// Attempts to connect two members, by how they came out: `connected`, or else why not:
    /// [`VerdictClass::as_str`](crate::VerdictClass::as_str).
    pub attempts: BTreeMap<&'static str, u64>,
    /// Those that were connected, by path: `direct`, `relayed` or `unknown`.
    pub paths: BTreeMap<&'static str, u64>,
    /// How long it took to connect two members, as clients report it.
    pub setup_ms: SetupTimes,
    /// Sessions that were taken up again without a frame lost.
    pub resumed: u64,
    /// Sessions that were taken up again, but too late for some frames.
    pub resumed_with_loss: u64,
    /// `description` messages delivered.
    pub descriptions: u64,
    /// `candidate` messages delivered.
    pub candidates: u64,
    /// `message` messages delivered, one for each receiver.
    pub messages: u64,
    /// Calls that are over, by the reason why.
    pub calls_ended: BTreeMap<&'static str, u64>,
    /// Errors sent, by [`Rejection::code`](crate::Rejection::code).
    pub refused: BTreeMap<&'static str, u64>,
    /// Connections the hub closed, by [`CloseReason::reason`](crate::CloseReason::reason).
    pub closed: BTreeMap<&'static str, u64>,
}

impl Stats {
    /// Those of another hub of the same server besides. What is counted for all of them together,
    /// identities, memory and stories, is in each.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.connections += other.connections;
        self.sessions += other.sessions;
        self.rooms += other.rooms;
        self.members += other.members;
        add(&mut self.calls, other.calls);
        add(&mut self.attempts, other.attempts);
        add(&mut self.paths, other.paths);
        for (count, more) in self.setup_ms.counts.iter_mut().zip(other.setup_ms.counts) {
            *count += more;
        }
        self.setup_ms.sum_ms += other.setup_ms.sum_ms;
        self.resumed += other.resumed;
        self.resumed_with_loss += other.resumed_with_loss;
        self.descriptions += other.descriptions;
        self.candidates += other.candidates;
        self.messages += other.messages;
        add(&mut self.calls_ended, other.calls_ended);
        add(&mut self.refused, other.refused);
        add(&mut self.closed, other.closed);
        self
    }

    /// Something is known of a connection that was not counted yet.
    pub(crate) fn hear(&mut self, news: News) {
        if let Some(class) = news.attempt {
            *self.attempts.entry(class).or_default() += 1;
        }
        if let Some(path) = news.path {
            *self.paths.entry(path).or_default() += 1;
        }
    }
}

fn add<N: AddAssign + Default>(
    counts: &mut BTreeMap<&'static str, N>,
    more: BTreeMap<&'static str, N>,
) {
    for (name, count) in more {
        *counts.entry(name).or_default() += count;
    }
}

/// A histogram of milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetupTimes {
    /// How many were no longer than the bound of the same place in [`BOUNDS_MS`](Self::BOUNDS_MS),
    /// and longer than the one before.
    pub counts: [u64; SetupTimes::BOUNDS_MS.len()],
    /// All of them together.
    pub sum_ms: u64,
}

impl SetupTimes {
    /// The upper bounds. Nothing is longer than the last one.
    pub const BOUNDS_MS: [u32; 10] =
        [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, SETUP_MS_MAX];

    pub(crate) fn observe(&mut self, ms: u32) {
        let ms = ms.min(SETUP_MS_MAX);
        let bounds = Self::BOUNDS_MS.iter().zip(&mut self.counts);
        if let Some((_, count)) = bounds.into_iter().find(|(bound, _)| ms <= **bound) {
            *count += 1;
        }
        self.sum_ms += u64::from(ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_has_its_place() {
        let mut times = SetupTimes::default();
        [0, 50, 51, SETUP_MS_MAX, u32::MAX].into_iter().for_each(|ms| times.observe(ms));
        assert_eq!(times.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(times.sum_ms, 101 + 2 * u64::from(SETUP_MS_MAX));
    }
}
