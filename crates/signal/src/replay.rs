//! The frames of a session that its client has not acknowledged, kept for sending again.

use std::collections::VecDeque;
use std::sync::Arc;

/// How much of a session's frames is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) frames: usize,
    pub(crate) bytes: usize,
}

/// Numbers what is sent, and keeps the end of it.
///
/// ```text
///   seq  1 … 11 │ 12 … 14 │ 15 … 20 │
///        acked  │  given  │  kept   │ next: 21
///               │   up    │         │
/// ```
///
/// Without acknowledgements it keeps the newest frames, up to its bounds in number and bytes: a
/// client that never acknowledges costs so much and no more.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// The `seq` of the last frame; the last of `kept` has it.
    sent: u64,
    kept: VecDeque<Arc<str>>,
    bytes: usize,
    acked: u64,
}

impl Replay {
    /// The `seq` of the last frame.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The highest `seq` that the client has acknowledged.
    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    /// Adds the frame that `write` makes for the next `seq`.
    pub(crate) fn push(&mut self, bounds: Bounds, write: impl FnOnce(u64) -> String) -> Arc<str> {
        self.sent += 1;
        let frame: Arc<str> = write(self.sent).into();
        self.bytes += frame.len();
        self.kept.push_back(Arc::clone(&frame));
        while self.kept.len() > bounds.frames || self.bytes > bounds.bytes {
            self.forget_oldest();
        }
        frame
    }

    /// The client has received everything up to `ack`, which is not higher than
    /// [`sent`](Self::sent).
    pub(crate) fn acknowledge(&mut self, ack: u64) {
        self.acked = self.acked.max(ack);
        while !self.kept.is_empty() && self.last_forgotten() < ack {
            self.forget_oldest();
        }
        if self.kept.is_empty() {
            // Thousands of idle sessions should not keep the room of their busiest moment.
            self.kept = VecDeque::new();
        }
    }

    /// The `seq` of the newest frame that is not kept.
    pub(crate) fn last_forgotten(&self) -> u64 {
        self.sent - self.kept.len() as u64
    }

    /// What is kept, oldest first: the frames after [`last_forgotten`](Self::last_forgotten).
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Arc<str>> {
        self.kept.iter()
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMPLE: Bounds = Bounds { frames: 100, bytes: 1000 };

    fn push(replay: &mut Replay, bounds: Bounds, text: &str) {
        replay.push(bounds, |seq| format!("{seq}{text}"));
    }

    fn kept(replay: &Replay) -> Vec<&str> {
        replay.kept().map(|frame| &**frame).collect()
    }

    #[test]
    fn what_is_acknowledged_is_forgotten() {
        let mut replay = Replay::default();
        (0..4).for_each(|_| push(&mut replay, AMPLE, "x"));
        replay.acknowledge(2);
        assert_eq!((replay.last_forgotten(), kept(&replay)), (2, vec!["3x", "4x"]));
        replay.acknowledge(1);
        assert_eq!((replay.acked(), kept(&replay).len()), (2, 2));
        replay.acknowledge(4);
        push(&mut replay, AMPLE, "x");
        assert_eq!((replay.last_forgotten(), kept(&replay)), (4, vec!["5x"]));
    }

    #[test]
    fn the_newest_frames_are_kept_up_to_the_number() {
        let bounds = Bounds { frames: 2, ..AMPLE };
        let mut replay = Replay::default();
        (0..4).for_each(|_| push(&mut replay, bounds, "x"));
        assert_eq!((replay.last_forgotten(), kept(&replay)), (2, vec!["3x", "4x"]));
    }

    #[test]
    fn and_up_to_the_bytes() {
        let bounds = Bounds { bytes: 5, ..AMPLE };
        let mut replay = Replay::default();
        (0..3).for_each(|_| push(&mut replay, bounds, "x"));
        assert_eq!((replay.last_forgotten(), kept(&replay)), (1, vec!["2x", "3x"]));
        push(&mut replay, bounds, "long enough");
        assert_eq!((replay.sent(), replay.last_forgotten(), kept(&replay)), (4, 4, vec![]));
        push(&mut replay, bounds, "x");
        assert_eq!((replay.last_forgotten(), kept(&replay)), (4, vec!["5x"]));
    }
}
