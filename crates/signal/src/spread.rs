//! RFC 9110 §10.2.3: when clients that are sent away together are to come back.
//!
//! ```text
//!   client   1   2   3   4   5   6   7 …
//!   after    1 s 2 s 3 s 4 s 5 s 1 s 2 s …    five seconds; more where they are more
//! ```
//!
//! Whole seconds are dealt out in turn, which is as even as it can be: chance would send some
//! seconds twice as many. Each client adds a part of a second of its own.

/// Deals out seconds, from the first one on.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    first: u32,
    seconds: u32,
    dealt: u64,
}

impl Spread {
    /// For clients that come when they come: over `seconds`, at least one.
    #[must_use]
    pub const fn over(first: u32, seconds: u32) -> Self {
        let seconds = if seconds == 0 { 1 } else { seconds };
        Self { first, seconds, dealt: 0 }
    }

    /// For so many clients that are sent away together: 500 come back in each second, where that
    /// takes no longer than a minute.
    #[must_use]
    pub fn of(clients: usize) -> Self {
        let seconds = u32::try_from(clients.div_ceil(CLIENTS_PER_SECOND)).unwrap_or(u32::MAX);
        Self::over(1, seconds.clamp(SECONDS_MIN, SECONDS_MAX))
    }

    /// The seconds that the next client is to wait.
    pub fn deal(&mut self) -> u32 {
        self.dealt += 1;
        self.nth(self.dealt - 1)
    }

    /// The seconds that the client is to wait before whom so many were told.
    #[must_use]
    pub fn nth(&self, before: u64) -> u32 {
        let turn = before % u64::from(self.seconds);
        self.first.saturating_add(u32::try_from(turn).unwrap_or(0))
    }
}

/// Each brings a handshake, a token to be checked and a room to be joined again.
const CLIENTS_PER_SECOND: usize = 500;
/// Of a few as well: they may not be the only ones, where one server of several is stopped.
const SECONDS_MIN: u32 = 5;
/// Nobody waits longer.
const SECONDS_MAX: u32 = 60;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn dealt(mut spread: Spread, clients: usize) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        (0..clients).for_each(|_| *counts.entry(spread.deal()).or_default() += 1);
        counts
    }

    #[test]
    fn so_many_in_each_second_and_no_second_more_than_another() {
        for (clients, seconds) in [(1, 1), (4, 4), (20, 5), (5000, 10), (10_000, 20), (90_000, 60)]
        {
            let counts = dealt(Spread::of(clients), clients);
            assert_eq!(counts.len(), seconds, "{clients}");
            assert_eq!(counts.keys().next(), Some(&1));
            let (least, most) = (counts.values().min(), counts.values().max());
            assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 1), "{counts:?}");
        }
    }

    #[test]
    fn it_begins_where_it_is_told_to_and_never_ends() {
        let counts = dealt(Spread::over(10, 20), 100);
        assert_eq!((counts.keys().min(), counts.keys().max()), (Some(&10), Some(&29)));
        assert!(counts.values().all(|count| *count == 5));
    }
}
