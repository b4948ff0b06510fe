//! What waits to be written to a connection whose client does not read: whole frames, the oldest
//! of which go when there are too many. Media that comes late is worth less than media that comes.

use std::collections::VecDeque;

/// Frames in the order in which they are to be written, before encryption.
///
/// ```text
///  ◀── link ── │ begun │ oldest │ … │ newest │ ◀── push
///                 │         └─ dropped first
///                 └─ a part of it is on the wire: never dropped
/// ```
#[derive(Default)]
pub(crate) struct Outgoing {
    frames: VecDeque<Box<[u8]>>,
    /// Of the first frame, how much is written.
    written: usize,
    bytes: usize,
}

impl Outgoing {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a frame of which `written` bytes are written; only the first may have been begun. How
    /// many others had to go for it.
    pub(crate) fn push(&mut self, frame: &[u8], written: usize) -> u64 {
        if self.frames.is_empty() {
            self.written = written;
        }
        self.frames.push_back(frame.into());
        self.bytes += frame.len();
        let mut dropped = 0;
        while self.bytes > OUTGOING_BYTES_MAX {
            let oldest = usize::from(self.written > 0);
            // The newest stays, whatever its size.
            if oldest + 1 >= self.frames.len() {
                break;
            }
            let Some(frame) = self.frames.remove(oldest) else { break };
            self.bytes -= frame.len();
            dropped += 1;
        }
        dropped
    }

    /// All that waits.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.frames.into_iter().flatten().collect();
        bytes.drain(..self.written.min(bytes.len()));
        bytes
    }

    /// What is to be written next.
    pub(crate) fn front(&self) -> Option<&[u8]> {
        self.frames.front()?.get(self.written..)
    }

    /// Declares that `count` bytes of [`front`](Self::front) were written.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.written += count;
        let Some(front) = self.frames.front() else { return };
        if self.written >= front.len() {
            self.bytes -= front.len();
            self.frames.pop_front();
            self.written = 0;
        }
        if self.frames.is_empty() {
            self.frames = VecDeque::new();
        }
    }
}

/// A tenth of a second of video at 10 Mbit/s. Besides, the kernel holds what it has taken.
pub(crate) const OUTGOING_BYTES_MAX: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(outgoing: &mut Outgoing) -> Vec<(u8, usize)> {
        let mut frames = Vec::new();
        while let Some(front) = outgoing.front() {
            frames.push((front[0], front.len()));
            outgoing.wrote(front.len());
        }
        assert_eq!((outgoing.bytes, outgoing.written), (0, 0));
        frames
    }

    #[test]
    fn frames_leave_in_order_and_in_parts() {
        let mut outgoing = Outgoing::default();
        assert_eq!(outgoing.push(b"abcd", 1) + outgoing.push(b"efgh", 0), 0);
        assert_eq!(outgoing.front(), Some(&b"bcd"[..]));
        outgoing.wrote(2);
        assert_eq!(outgoing.front(), Some(&b"d"[..]));
        outgoing.wrote(1);
        assert_eq!(outgoing.front(), Some(&b"efgh"[..]));
        outgoing.wrote(4);
        assert!(outgoing.is_empty() && outgoing.front().is_none());
    }

    #[test]
    fn up_to_the_limit_nothing_goes_and_beyond_it_the_oldest() {
        let (size, count) = (1024, OUTGOING_BYTES_MAX / 1024);
        let frame = |number: usize| vec![number as u8; size];
        for begun in [0, 1] {
            let mut outgoing = Outgoing::default();
            let pushed: u64 = (0..count).map(|number| outgoing.push(&frame(number), begun)).sum();
            assert_eq!(pushed, 0);
            assert_eq!(outgoing.push(&frame(count), 0), 1);
            let frames = drained(&mut outgoing);
            let gone = if begun == 0 { 0 } else { 1 };
            let expect: Vec<_> = (0..=count).filter(|number| *number != gone).collect();
            let numbers: Vec<_> = frames.iter().map(|(number, _)| usize::from(*number)).collect();
            assert_eq!(numbers, expect, "begun: {begun}");
            assert_eq!(frames[0].1, size - begun, "what was begun is completed");
        }
    }

    #[test]
    fn one_frame_always_fits_beside_the_one_that_was_begun() {
        let mut outgoing = Outgoing::default();
        let large = vec![1; OUTGOING_BYTES_MAX];
        assert_eq!(outgoing.push(&large, 7), 0);
        assert_eq!(outgoing.push(&large, 0), 0);
        assert_eq!(outgoing.push(b"\x02", 0), 1);
        assert_eq!(drained(&mut outgoing), [(1, large.len() - 7), (2, 1)]);
    }
}
