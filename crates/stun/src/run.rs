//! RFC 8656 §12.6, §12.7: many datagrams of one flow at once. Datagrams of one length that lie in
//! one buffer, at equal distances.
//!
//! ```text
//!  a train, as a kernel gathers it from one sender
//!           ├───── stride ─────┼───── stride ─────┼─ last ─┤
//!           │head│ data        │head│ data        │head│   │
//!  the run that is left of it without its heads
//!                ├──── len ────┤    ├──── len ────┤    ├───┤ last_len
//! ```
//!
//! The last may be shorter, as the kernel wants it of what it is to cut into datagrams.

use std::ops::Range;

/// Where the datagrams of a run lie in the bytes of their packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    start: usize,
    stride: usize,
    len: usize,
    last_len: usize,
    count: usize,
}

impl Run {
    /// One datagram, which is all of its packet.
    pub const fn whole(len: usize) -> Self {
        Self { start: 0, stride: len, len, last_len: len, count: 1 }
    }

    /// `total` bytes, cut every `segment` bytes; `segment` 0 means that they are one datagram.
    pub const fn train(total: usize, segment: usize) -> Self {
        if segment == 0 || segment >= total {
            return Self::whole(total);
        }
        let count = total.div_ceil(segment);
        let last_len = total - (count - 1) * segment;
        Self { start: 0, stride: segment, len: segment, last_len, count }
    }

    /// How many datagrams.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Whether none is left.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of each but the last.
    pub const fn datagram_len(&self) -> usize {
        self.len
    }

    /// Bytes of the last.
    pub const fn last_len(&self) -> usize {
        self.last_len
    }

    /// Bytes of all of them.
    pub const fn total_len(&self) -> usize {
        match self.count {
            0 => 0,
            count => (count - 1) * self.len + self.last_len,
        }
    }

    /// Where the datagram at `index` lies, which is one of them.
    pub const fn datagram(&self, index: usize) -> Range<usize> {
        let start = self.start + index * self.stride;
        let len = if index + 1 == self.count { self.last_len } else { self.len };
        start..start + len
    }

    /// Where each of them lies.
    pub fn datagrams(self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count).map(move |index| self.datagram(index))
    }

    /// From the first byte of the first to the last byte of the last.
    pub const fn span(&self) -> Range<usize> {
        match self.count {
            0 => self.start..self.start,
            count => self.start..self.datagram(count - 1).end,
        }
    }

    /// Takes the first `count` off, or all of them when there are fewer.
    #[must_use]
    pub fn split_front(&mut self, count: usize) -> Self {
        let mut front = *self;
        front.truncate(count);
        self.start += front.count * self.stride;
        self.count -= front.count;
        *self = self.tidied();
        front
    }

    /// Keeps the first `count`.
    pub fn truncate(&mut self, count: usize) {
        if count < self.count {
            self.count = count;
            self.last_len = self.len;
        }
    }

    /// The same datagrams without their first `head` bytes, each `len` bytes long then and the last
    /// `last_len`. What lies behind is padding.
    #[must_use]
    pub fn strip(mut self, head: usize, len: usize, last_len: usize) -> Self {
        debug_assert!(self.count < 2 || head + len <= self.len, "they would overlap");
        debug_assert!(head + last_len <= self.last_len, "it would be longer than it was");
        self.start += head;
        (self.len, self.last_len) = (len, last_len);
        self.tidied()
    }

    /// The same datagrams with `head` bytes more in front of each, if nothing of them lies there.
    #[must_use]
    pub fn prepend(mut self, head: usize) -> Option<Self> {
        self.start = self.start.checked_sub(head)?;
        self.len += head;
        self.last_len += head;
        (self.count < 2 || self.len <= self.stride).then_some(self)
    }

    /// The same datagrams after the bytes up to `from` have been cut off.
    #[must_use]
    pub fn rebase(mut self, from: usize) -> Self {
        self.start = self.start.saturating_sub(from);
        self
    }

    /// One by itself is its last.
    fn tidied(mut self) -> Self {
        if self.count == 1 {
            self.len = self.last_len;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From where to where they lie.
    fn lie_at(run: Run) -> Vec<[usize; 2]> {
        run.datagrams().map(|datagram| [datagram.start, datagram.end]).collect()
    }

    #[test]
    fn a_train_is_cut_every_segment_and_its_last_may_be_shorter() {
        for (total, segment, expect) in [
            (0, 0, vec![[0, 0]]),
            (5, 0, vec![[0, 5]]),
            (5, 5, vec![[0, 5]]),
            (5, 9, vec![[0, 5]]),
            (10, 5, vec![[0, 5], [5, 10]]),
            (11, 5, vec![[0, 5], [5, 10], [10, 11]]),
        ] {
            let train = Run::train(total, segment);
            assert_eq!(lie_at(train), expect);
            assert_eq!((train.total_len(), train.span()), (total, 0..total));
        }
    }

    #[test]
    fn what_is_split_off_and_what_is_left_are_the_whole() {
        for count in 0..=5 {
            let mut rest = Run::train(33, 10);
            let front = rest.split_front(count);
            assert_eq!(front.count(), count.min(4));
            assert_eq!([lie_at(front), lie_at(rest)].concat(), lie_at(Run::train(33, 10)));
            assert_eq!(front.total_len() + rest.total_len(), 33);
        }
        let mut rest = Run::train(33, 10);
        let _ = rest.split_front(3);
        assert_eq!((rest.datagram_len(), rest.last_len()), (3, 3), "the last by itself");
    }

    #[test]
    fn heads_come_off_and_find_their_room_again() {
        let stripped = Run::train(33, 10).split_front(4).strip(2, 7, 1);
        assert_eq!(lie_at(stripped), [[2, 9], [12, 19], [22, 29], [32, 33]]);
        assert_eq!((stripped.total_len(), stripped.span()), (22, 2..33));
        let room = stripped.prepend(2).expect("where the heads were");
        assert_eq!(lie_at(room), [[0, 9], [10, 19], [20, 29], [30, 33]]);
        assert_eq!(stripped.prepend(3), None, "in front of the first");
        assert_eq!(Run::train(33, 10).prepend(1), None, "each lies behind the one before");
        let second = Run::train(33, 10).strip(2, 8, 1).rebase(1);
        assert_eq!(second.prepend(1).map(lie_at), Some(vec![[0, 9], [10, 19], [20, 29], [30, 32]]));
        assert_eq!(second.prepend(2), None);
    }

    #[test]
    fn who_is_kept_is_as_long_as_before() {
        let mut run = Run::train(33, 10);
        run.truncate(9);
        assert_eq!(run, Run::train(33, 10));
        run.truncate(3);
        assert_eq!(lie_at(run), [[0, 10], [10, 20], [20, 30]]);
        run.truncate(0);
        assert!(run.is_empty() && lie_at(run).is_empty());
        assert_eq!((run.total_len(), run.span()), (0, 0..0));
    }
}
