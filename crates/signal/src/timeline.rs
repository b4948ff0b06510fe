//! What happened to one connection, in order, within bounds: the beginning and the end of a story
//! say most, so what is too much goes from the middle, and is counted.
//!
//! ```text
//!   beginning │ Joined │ Joined │ Offer │ …        fills up first, and stays
//!   end       │ … │ Offer │ Answer │ Ice │ ◀─ new  from the front of it goes what is too much
//! ```

use std::collections::VecDeque;
use std::time::Instant;

use crate::announced::Announced;
use crate::leave::LeaveReason;
use crate::limits::{TIMELINE_ENTRIES_MAX, TIMELINE_TEXT_BYTES_MAX};
use crate::protocol::{GatheringError, IceState, Pair};
use crate::relay_sight::RelaySight;

/// Oldest first.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// The first [`BEGINNING_MAX`].
    beginning: Vec<Entry>,
    /// What came after them.
    end: VecDeque<Entry>,
    text_bytes: usize,
    dropped: u32,
}

/// One thing that happened.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    /// Which of the two; `None`: both.
    pub(crate) who: Option<usize>,
    pub(crate) what: What,
    /// So often, the first time at that instant.
    pub(crate) times: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Joined,
    /// Of which kinds both want something, and have nothing in common.
    NothingInCommon(Vec<String>),
    Offer,
    Answer,
    Rollback,
    /// A newer offer had made it useless.
    Superseded,
    /// The first one of its type.
    Candidate(Announced),
    EndOfCandidates,
    Ice(IceState),
    Pair(Pair),
    Error(GatheringError),
    Turn(RelaySight),
    Reconnecting,
    Back,
    Left(LeaveReason),
}

impl Timeline {
    /// How much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        (self.beginning.capacity() + self.end.capacity()) * size_of::<Entry>() + self.text_bytes
    }

    /// Enters what happened. What TURN and browsers say again and again is one entry.
    pub(crate) fn enter(&mut self, at: Instant, who: Option<usize>, what: What) {
        let repeats = matches!(what, What::Turn(_) | What::Error(_) | What::Superseded);
        let mut known = self.beginning.iter_mut().chain(&mut self.end);
        if repeats && let Some(entry) = known.find(|one| one.who == who && one.what == what) {
            entry.times = entry.times.saturating_add(1);
            return;
        }
        let bytes = what.text_bytes();
        if self.text_bytes + bytes > TIMELINE_TEXT_BYTES_MAX {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        if self.beginning.len() + self.end.len() == TIMELINE_ENTRIES_MAX
            && let Some(gone) = self.end.pop_front()
        {
            self.text_bytes -= gone.what.text_bytes();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.text_bytes += bytes;
        self.insert(Entry { at, who, what, times: 1 });
    }

    /// What was seen before the story began is told when it begins: not everything is the newest.
    fn insert(&mut self, entry: Entry) {
        let is_before = |known: &Entry| known.at <= entry.at;
        if self.beginning.len() == BEGINNING_MAX && self.beginning.last().is_some_and(is_before) {
            let place = self.end.partition_point(is_before);
            return self.end.insert(place, entry);
        }
        let place = self.beginning.partition_point(is_before);
        self.beginning.insert(place, entry);
        if self.beginning.len() > BEGINNING_MAX
            && let Some(last) = self.beginning.pop()
        {
            self.end.push_front(last);
        }
    }

    /// Oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.beginning.iter().chain(&self.end)
    }

    /// How many entries are not there any more, or never were.
    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }
}

impl What {
    /// The `what` of an entry.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::NothingInCommon(_) => "nothing_in_common",
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Rollback => "rollback",
            Self::Superseded => "superseded",
            Self::Candidate(_) => "candidate",
            Self::EndOfCandidates => "end_of_candidates",
            Self::Ice(_) => "ice",
            Self::Pair(_) => "pair",
            Self::Error(_) => "error",
            Self::Turn(_) => "turn",
            Self::Reconnecting => "reconnecting",
            Self::Back => "back",
            Self::Left(_) => "left",
        }
    }

    fn text_bytes(&self) -> usize {
        match self {
            Self::NothingInCommon(kinds) => kinds.iter().map(String::len).sum(),
            Self::Error(GatheringError { url, text, .. }) => url.len() + text.len(),
            _ => 0,
        }
    }
}

/// Half of all entries.
const BEGINNING_MAX: usize = TIMELINE_ENTRIES_MAX / 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::relay_sight::RefusedWhy;

    #[allow(clippy::disallowed_methods, reason = "any instant will do as the beginning of time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let (start, mut timeline) = (start(), Timeline::default());
        timeline.enter(start, Some(0), What::Joined);
        for second in 1..=TIMELINE_ENTRIES_MAX as u64 + 9 {
            timeline.enter(start + Duration::from_secs(second), Some(1), What::Offer);
        }
        timeline.enter(start + Duration::from_secs(1000), Some(1), What::Answer);
        let entries: Vec<&Entry> = timeline.entries().collect();
        assert_eq!((entries.len(), timeline.dropped()), (TIMELINE_ENTRIES_MAX, 11));
        assert_eq!(entries.first().map(|entry| &entry.what), Some(&What::Joined));
        assert_eq!(entries.last().map(|entry| &entry.what), Some(&What::Answer));
        assert!(entries.is_sorted_by_key(|entry| entry.at));
    }

    #[test]
    fn what_was_seen_before_stands_before() {
        let (start, mut timeline) = (start(), Timeline::default());
        let second = |second| start + Duration::from_secs(second);
        let entries = TIMELINE_ENTRIES_MAX as u64;
        (10..10 + entries).for_each(|at| timeline.enter(second(at), Some(0), What::Offer));
        for at in [0, 11, 9 + entries, 10 + entries / 2] {
            timeline.enter(second(at), Some(1), What::Back);
            assert!(timeline.entries().is_sorted_by_key(|entry| entry.at), "{at}");
        }
        assert_eq!((timeline.entries().count(), timeline.dropped()), (TIMELINE_ENTRIES_MAX, 4));
        let back: Vec<Instant> = timeline
            .entries()
            .filter(|entry| entry.what == What::Back)
            .map(|entry| entry.at)
            .collect();
        assert_eq!(back, [second(0), second(11), second(10 + entries / 2), second(9 + entries)]);
    }

    #[test]
    fn so_much_text_and_no_more() {
        let (start, mut timeline) = (start(), Timeline::default());
        let error = |code: u16| {
            let (url, text) = ("turn:a".into(), "x".repeat(250).into());
            What::Error(GatheringError { url, code, text })
        };
        (0..20).for_each(|code| timeline.enter(start, Some(0), error(code)));
        assert_eq!((timeline.entries().count(), timeline.dropped()), (16, 4));
        timeline.enter(start, Some(0), What::Offer);
        assert_eq!(timeline.entries().count(), 17);
    }

    #[test]
    fn what_is_said_again_is_counted() {
        let (start, mut timeline) = (start(), Timeline::default());
        let refused =
            || What::Turn(RelaySight::Refused { code: 401, why: RefusedWhy::WrongPassword });
        for who in [0, 1, 0, 0] {
            timeline.enter(start, Some(who), refused());
        }
        let times: Vec<u32> = timeline.entries().map(|entry| entry.times).collect();
        assert_eq!(times, [3, 1]);
        // Two offers are two.
        timeline.enter(start, Some(0), What::Offer);
        timeline.enter(start, Some(0), What::Offer);
        assert_eq!(timeline.entries().count(), 4);
    }
}
