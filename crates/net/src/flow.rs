//! What a socket remembers of its traffic, so that the next datagrams cost less.

use std::cell::Cell;

use crate::sys::message::{Ancillary, OverflowSeen};

/// The memory of one socket.
#[derive(Debug)]
pub(crate) struct Flow {
    overflow_seen: OverflowSeen,
    /// How many buffers it filled lately.
    lately: Cell<usize>,
    /// The shortest datagrams that could not leave as a train, and how many trains were not tried
    /// for that.
    refused_len: Cell<usize>,
    untried: Cell<u32>,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            overflow_seen: OverflowSeen::default(),
            lately: Cell::new(FEW),
            refused_len: Cell::new(usize::MAX),
            untried: Cell::new(0),
        }
    }
}

impl Flow {
    /// How many datagrams the kernel has dropped here since the last call. Of a train it counts
    /// one.
    pub(crate) fn newly_dropped(&self, ancillary: &Ancillary) -> u64 {
        self.overflow_seen.newly(ancillary)
    }

    /// The same, where the kernel has told a running count otherwise.
    pub(crate) fn newly_dropped_of(&self, count: u32) -> u64 {
        self.overflow_seen.newly_of(count)
    }

    /// How many buffers to offer: one more than lately, so that the one left empty says that there
    /// is no more.
    pub(crate) fn buffers_wanted(&self) -> usize {
        self.lately.get() + 1
    }

    /// Notes how many of those that were offered were filled, and with how many datagrams. Where
    /// all were, there may be many more; but trains fill no more than make up a turn.
    pub(crate) fn note_filled(
        &self,
        offered: usize,
        filled: usize,
        datagrams: usize,
        turn_max: usize,
    ) {
        let expected = if filled == offered { 2 * filled } else { filled.max(FEW) };
        let of_turn = if datagrams > filled { turn_max * filled / datagrams } else { turn_max };
        self.lately.set(expected.min(of_turn));
    }

    /// Whether to try a train of datagrams of this length.
    pub(crate) fn may_gather(&self, len: usize) -> bool {
        if len < self.refused_len.get() {
            return true;
        }
        self.untried.set(self.untried.get() + 1);
        if self.untried.get() == UNTRIED_MAX {
            self.refused_len.set(usize::MAX);
        }
        false
    }

    /// Notes that the kernel refused a train of datagrams of this length; 0: of any.
    pub(crate) fn note_refused(&self, len: usize) {
        self.refused_len.set(len.min(self.refused_len.get()));
        self.untried.set(0);
    }
}

/// Buffers that cost next to nothing to offer, and may save a call.
const FEW: usize = 3;
/// Trains that leave as single datagrams before another is tried: paths change.
const UNTRIED_MAX: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_buffer_more_than_were_filled_is_offered() {
        let flow = Flow::default();
        let mut offered = vec![];
        for filled in [1, 4, 9, 18, 36, 8, 8, 1, 1] {
            let wanted = flow.buffers_wanted();
            offered.push(wanted);
            flow.note_filled(wanted, filled.min(wanted), filled.min(wanted), 32);
        }
        assert_eq!(offered, [4, 4, 9, 19, 19, 33, 9, 9, 4]);
    }

    #[test]
    fn no_more_buffers_are_offered_than_a_turn_of_trains_fills() {
        let flow = Flow::default();
        flow.note_filled(4, 4, 64, 32);
        assert_eq!(flow.buffers_wanted(), 3);
        flow.note_filled(3, 3, 192, 32);
        assert_eq!(flow.buffers_wanted(), 1);
        flow.note_filled(1, 1, 1, 32);
        assert_eq!(flow.buffers_wanted(), 3, "and more when they are none any more");
    }

    #[test]
    fn a_train_that_was_refused_is_tried_again_after_a_while() {
        let flow = Flow::default();
        flow.note_refused(1200);
        flow.note_refused(1300);
        assert!(flow.may_gather(1199));
        assert_eq!((0..5000).take_while(|_| !flow.may_gather(1200)).count(), 1000);
        flow.note_refused(0);
        assert!(!flow.may_gather(1));
    }
}
