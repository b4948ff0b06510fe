//! When the next allocation may have to end.
//!
//! ```text
//!             due                        a wheel of 4096 seconds
//!  ┌──────────────────────┐    ┌───┬───┬───┬───┬───┬───┬───┬───┬─ ─ ─┐
//!  │ this second, sorted, │ ◀──│   │ ■ │   │   │ ■ │ ■ │   │   │     │
//!  │ to the nanosecond    │    └───┴─┼─┴───┴───┴─┼─┴─┼─┴───┴───┴─ ─ ─┘
//!  └──────────────────────┘          ▼           ▼   ▼
//!                                 slot ⇄ slot   slot slot     lists through `links`
//! ```
//!
//! One entry for each allocation: setting and cancelling it costs the same whatever lies there
//! besides. Only the entries of the second that has come are sorted, so that each ends in its
//! instant and not in its second.
//!
//! A Refresh that prolongs leaves the entry alone; when it comes due too early, it is put where it
//! belongs by then. So a refresh costs nothing, and a server without allocations waits for nothing.
//! Permissions and channels have no timers at all: what reads them compares instants.

use std::time::{Duration, Instant};

use crate::rate::since;

/// Where an allocation lies in its table.
pub(crate) type Slot = u32;

/// Deadlines, the earliest first.
#[derive(Debug)]
pub(crate) struct Timers {
    /// The beginning of second 0: when the first deadline was set.
    began: Option<Instant>,
    /// The entries of this second and of those before it are in `due`, all others on the wheel.
    second: u64,
    /// The latest first, each with its place in time.
    due: Vec<(u64, Slot)>,
    /// The first entry of each second.
    heads: Box<[Slot]>,
    /// A bit for each second that has entries.
    occupied: [u64; SECONDS as usize / 64],
    /// The next second that has entries.
    upcoming: Option<u64>,
    /// By slot.
    links: Vec<Link>,
}

/// The entry of one slot.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// Nanoseconds from the beginning; [`UNSET`] without an entry.
    at_ns: u64,
    /// Its neighbours in the list of its second; [`NONE`] at the ends.
    before: Slot,
    after: Slot,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            began: None,
            second: 0,
            due: Vec::new(),
            heads: vec![NONE; SECONDS as usize].into(),
            occupied: [0; SECONDS as usize / 64],
            upcoming: None,
            links: Vec::new(),
        }
    }
}

impl Timers {
    /// The earliest deadline, or the beginning of its second.
    pub(crate) fn next(&self) -> Option<Instant> {
        let began = self.began?;
        match self.due.last() {
            Some((at_ns, _)) => Some(began + Duration::from_nanos(*at_ns)),
            None => Some(began + Duration::from_secs(self.upcoming?)),
        }
    }

    /// How much memory the entries take.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.heads)
            + self.due.capacity() * size_of::<(u64, Slot)>()
            + self.links.capacity() * size_of::<Link>()
    }

    /// Has `slot` come due at `at`, unless it does earlier already. Never later than that; earlier
    /// where it is more than an hour ahead.
    pub(crate) fn set(&mut self, now: Instant, at: Instant, slot: Slot) {
        let began = *self.began.get_or_insert(now);
        let at_ns = since(began, at);
        let place = slot as usize;
        if place >= self.links.len() {
            self.links.resize(place + 1, Link { at_ns: UNSET, before: NONE, after: NONE });
        }
        if self.links.get(place).is_some_and(|link| link.at_ns <= at_ns) {
            return;
        }
        self.cancel(slot);
        if self.due.is_empty() {
            let this = since(began, now) / SECOND_NS;
            let passed = self.upcoming.map_or(this, |upcoming| this.min(upcoming - 1));
            self.second = self.second.max(passed);
        }
        let farthest = (self.second + SECONDS - 1) * SECOND_NS;
        self.insert(at_ns.min(farthest), slot);
    }

    fn insert(&mut self, at_ns: u64, slot: Slot) {
        let second = at_ns / SECOND_NS;
        let mut link = Link { at_ns, before: NONE, after: NONE };
        if second <= self.second {
            let place = self.due.partition_point(|entry| *entry > (at_ns, slot));
            self.due.insert(place, (at_ns, slot));
        } else if let Some(head) = self.heads.get_mut(bucket(second)) {
            link.after = std::mem::replace(head, slot);
            let after = link.after;
            if let Some(after) = self.links.get_mut(after as usize) {
                after.before = slot;
            }
            self.mark(second, true);
            self.upcoming = Some(self.upcoming.map_or(second, |upcoming| upcoming.min(second)));
        }
        if let Some(place) = self.links.get_mut(slot as usize) {
            *place = link;
        }
    }

    /// Takes out the entry of `slot`, if it has one.
    pub(crate) fn cancel(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(slot as usize) else { return };
        let Link { at_ns, before, after } = *link;
        if at_ns == UNSET {
            return;
        }
        link.at_ns = UNSET;
        let second = at_ns / SECOND_NS;
        if second <= self.second {
            if let Ok(place) = self.due.binary_search_by(|entry| (at_ns, slot).cmp(entry)) {
                self.due.remove(place);
            }
            return;
        }
        if let Some(after) = self.links.get_mut(after as usize) {
            after.before = before;
        }
        match self.links.get_mut(before as usize) {
            Some(before) => before.after = after,
            None => self.heads[bucket(second)] = after,
        }
        if (before, after) == (NONE, NONE) {
            self.vacate(second);
        }
    }

    /// Takes out the earliest entry if it is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Slot> {
        let now_ns = since(self.began?, now);
        while self.due.is_empty() {
            let second = self.upcoming.filter(|second| *second <= now_ns / SECOND_NS)?;
            self.turn_to(second);
        }
        let (_, slot) = self.due.pop_if(|entry| entry.0 <= now_ns)?;
        if let Some(link) = self.links.get_mut(slot as usize) {
            link.at_ns = UNSET;
        }
        Some(slot)
    }

    /// Sorts the entries of a second, all before which have been taken.
    fn turn_to(&mut self, second: u64) {
        self.second = second;
        let mut slot = self.heads[bucket(second)];
        while let Some(link) = self.links.get(slot as usize) {
            self.due.push((link.at_ns, slot));
            slot = link.after;
        }
        self.due.sort_unstable_by(|one, other| other.cmp(one));
        self.heads[bucket(second)] = NONE;
        self.vacate(second);
    }

    /// Notes that a second has no entries any more.
    fn vacate(&mut self, second: u64) {
        self.mark(second, false);
        if self.upcoming == Some(second) {
            self.upcoming = self.occupied_after(second);
        }
    }

    fn mark(&mut self, second: u64, occupied: bool) {
        let (word, bit) = (bucket(second) / 64, 1 << (second % 64));
        if occupied {
            self.occupied[word] |= bit;
        } else {
            self.occupied[word] &= !bit;
        }
    }

    /// The first second behind this one that has entries: a look at 64 words at most, and back at
    /// the one where it began.
    fn occupied_after(&self, second: u64) -> Option<u64> {
        let mut from = second + 1;
        let end = second + SECONDS;
        while from < end {
            let word = self.occupied[bucket(from) / 64] >> (from % 64);
            if word != 0 {
                return Some(from + u64::from(word.trailing_zeros()));
            }
            from = (from / 64 + 1) * 64;
        }
        None
    }
}

/// Where the entries of a second begin.
fn bucket(second: u64) -> usize {
    (second % SECONDS) as usize
}

/// Longer than any allocation lives without a Refresh
/// ([`MAX_LIFETIME`](crate::limits::MAX_LIFETIME)), so that two seconds never share a list.
const SECONDS: u64 = 4096;
const SECOND_NS: u64 = Duration::from_secs(1).as_nanos() as u64;
/// No slot.
const NONE: Slot = Slot::MAX;
const UNSET: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What the wheel is to tell, slowly.
    #[derive(Default)]
    struct Ordered {
        by_slot: BTreeMap<Slot, Instant>,
    }

    impl Ordered {
        fn set(&mut self, at: Instant, slot: Slot) {
            let entry = self.by_slot.entry(slot).or_insert(at);
            *entry = at.min(*entry);
        }

        fn first(&self) -> Option<(Instant, Slot)> {
            self.by_slot.iter().map(|(slot, at)| (*at, *slot)).min()
        }

        fn pop(&mut self, now: Instant) -> Option<Slot> {
            let (_, slot) = self.first().filter(|(at, _)| *at <= now)?;
            self.by_slot.remove(&slot);
            Some(slot)
        }
    }

    /// Numbers that follow from one another (Knuth's multiplier), so that a failure comes back.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 33) % limit
        }
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do; no test waits for it")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn it_tells_what_a_sorted_list_tells() {
        for seed in 0..40 {
            let (mut timers, mut ordered) = (Timers::default(), Ordered::default());
            let (mut now, mut numbers) = (start(), Numbers(seed));
            let mut popped = 0;
            for _ in 0..5000 {
                let slot = numbers.below(300) as Slot;
                match numbers.below(8) {
                    0..=3 => {
                        // Some meet in a second, some in an instant, some are due already.
                        let span = [1, 900, 5_000, 3_600_000][numbers.below(4) as usize];
                        let at = now + Duration::from_millis(numbers.below(span));
                        timers.set(now, at, slot);
                        ordered.set(at, slot);
                    }
                    4 => {
                        timers.cancel(slot);
                        ordered.by_slot.remove(&slot);
                    }
                    _ => {
                        let span = [3, 700, 90_000, 400_000][numbers.below(4) as usize];
                        now += Duration::from_millis(numbers.below(span));
                        loop {
                            let found = timers.pop(now);
                            assert_eq!(found, ordered.pop(now), "seed {seed}");
                            popped += usize::from(found.is_some());
                            if found.is_none() {
                                break;
                            }
                        }
                    }
                }
                let first = ordered.first().map(|(at, _)| at);
                assert_eq!(timers.next().is_some(), first.is_some(), "seed {seed}");
                let early = first.zip(timers.next()).map(|(first, next)| first - next);
                assert!(early.is_none_or(|early| early < Duration::from_secs(1)), "seed {seed}");
            }
            assert!(popped > 500, "{popped}");
        }
    }

    #[test]
    fn what_is_far_ahead_comes_early_and_never_late() {
        let (mut timers, now) = (Timers::default(), start());
        let far = Duration::from_secs(3 * SECONDS);
        timers.set(now, now + Duration::from_secs(1), 7);
        timers.set(now, now + far, 8);
        assert_eq!(timers.pop(now + Duration::from_secs(1)), Some(7));
        let early = now + Duration::from_secs(SECONDS);
        assert_eq!(
            (timers.pop(early), timers.pop(now + far), timers.next()),
            (Some(8), None, None)
        );
    }

    #[test]
    fn a_clock_that_stood_still_for_a_day_finds_everything() {
        let (mut timers, now) = (Timers::default(), start());
        for slot in 0..100 {
            timers.set(now, now + Duration::from_secs(u64::from(slot)), slot);
        }
        let later = now + Duration::from_secs(86_400);
        timers.set(later, later + Duration::from_secs(600), 100);
        let found: Vec<_> = std::iter::from_fn(|| timers.pop(later)).collect();
        assert!(found.starts_with(&(0..100).collect::<Vec<_>>()), "{found:?}");
    }

    #[test]
    fn an_entry_is_small() {
        assert_eq!(size_of::<Link>(), 16);
    }
}
