//! What has left and what has come, counted.

use std::time::{Duration, Instant};

use super::stamp::Stamp;
use crate::latency::Latencies;

/// The account of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    begin: Instant,
    run: u32,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    /// Given up after nothing had come for a while.
    written_off: u64,
    last_came_ns: u64,
    /// Latencies of what comes now count.
    pub(crate) is_measured: bool,
    pub(crate) latencies: Latencies,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            begin: Instant::now(),
            run: 0,
            sent: 0,
            delivered: 0,
            written_off: 0,
            last_came_ns: 0,
            is_measured: false,
            latencies: Latencies::default(),
        }
    }

    /// A new run: what is still under way does not count any more.
    pub(crate) fn begin_run(&mut self) {
        *self = Self { begin: self.begin, run: self.run + 1, ..Self::new() };
        self.last_came_ns = self.now_ns();
    }

    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// For what leaves now.
    pub(crate) fn stamp(&self, left_ns: u64) -> Stamp {
        Stamp { run: self.run, left_ns }
    }

    /// A payload has come.
    pub(crate) fn came(&mut self, payload: &[u8], now_ns: u64) {
        let Some(stamp) = Stamp::read(payload).filter(|stamp| stamp.run == self.run) else {
            return;
        };
        self.delivered += 1;
        self.last_came_ns = now_ns;
        if self.is_measured {
            self.latencies.note(now_ns.saturating_sub(stamp.left_ns));
        }
    }

    /// How many have left, not come, and not been given up.
    pub(crate) fn under_way(&self) -> u64 {
        self.sent.saturating_sub(self.delivered).saturating_sub(self.written_off)
    }

    /// Gives up what is under way if nothing has come for a while.
    pub(crate) fn give_up_late(&mut self, now_ns: u64) {
        if now_ns.saturating_sub(self.last_came_ns) > GIVEN_UP_AFTER.as_nanos() as u64 {
            self.written_off = self.sent.saturating_sub(self.delivered);
            self.last_came_ns = now_ns;
        }
    }

    /// The share of what has left that has not come.
    pub(crate) fn loss(&self) -> f64 {
        self.sent.saturating_sub(self.delivered) as f64 / self.sent.max(1) as f64
    }
}

/// More than any server needs for what is under way at once.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(tally: &Tally, left_ns: u64) -> [u8; Stamp::LEN] {
        let mut payload = [0; Stamp::LEN];
        tally.stamp(left_ns).write(&mut payload);
        payload
    }

    #[test]
    fn what_has_not_come_is_under_way_until_it_is_given_up_and_then_lost() {
        let mut tally = Tally::new();
        tally.begin_run();
        tally.sent = 4;
        tally.last_came_ns = 0;
        tally.came(&payload(&tally, 100), 300);
        assert_eq!((tally.delivered, tally.under_way()), (1, 3));
        tally.give_up_late(50_000_300);
        assert_eq!(tally.under_way(), 3);
        tally.give_up_late(50_000_301);
        assert_eq!(tally.under_way(), 0);
        // Late after all.
        tally.came(&payload(&tally, 100), 50_000_400);
        assert_eq!((tally.under_way(), tally.loss()), (0, 0.5));
    }

    #[test]
    fn what_is_late_from_an_earlier_run_does_not_count() {
        let mut tally = Tally::new();
        let early = payload(&tally, 0);
        tally.begin_run();
        tally.came(&early, 1);
        tally.came(b"no payload of a load", 1);
        assert_eq!(tally.delivered, 0);
    }

    #[test]
    fn latencies_count_while_they_are_measured() {
        let mut tally = Tally::new();
        tally.came(&payload(&tally, 0), 5000);
        tally.is_measured = true;
        tally.came(&payload(&tally, 1000), 8000);
        assert_eq!(tally.latencies.quantiles().p50.as_nanos(), 7000);
    }
}
