//! The frames of a session that its client has not acknowledged, kept for sending again.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::memory::Share;
use crate::session::SessionKey;

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
#[derive(Debug)]
pub(crate) struct Replay {
    /// The `seq` of the last frame; the last of `kept` has it.
    sent: u64,
    kept: VecDeque<Kept>,
    /// The bytes of what is kept.
    share: Share,
    acked: u64,
}

#[derive(Debug)]
struct Kept {
    frame: Arc<str>,
    wanted: Option<Wanted>,
}

/// Somebody who wants to know what became of a frame: a session, and the `id` of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) by: SessionKey,
    pub(crate) id: Box<str>,
}

impl Replay {
    /// Nothing yet; what it will be is counted in `share`.
    pub(crate) fn new(share: Share) -> Self {
        Self { sent: 0, kept: VecDeque::new(), share, acked: 0 }
    }

    /// The `seq` of the last frame.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The highest `seq` that the client has acknowledged.
    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    /// Adds the frame with the next `seq`. What had to go for it, and was wanted by somebody, is
    /// put into `lost`.
    pub(crate) fn push(
        &mut self,
        bounds: Bounds,
        wanted: Option<Wanted>,
        lost: &mut Vec<Wanted>,
        text: &str,
    ) -> Arc<str> {
        self.sent += 1;
        let frame: Arc<str> = text.into();
        self.share.add(frame.len());
        self.kept.push_back(Kept { frame: Arc::clone(&frame), wanted });
        while self.kept.len() > bounds.frames || self.share.bytes() > bounds.bytes {
            lost.extend(self.forget_oldest());
        }
        frame
    }

    /// The client has received everything up to `ack`, which is not higher than
    /// [`sent`](Self::sent). Says who wants to know.
    pub(crate) fn acknowledge(&mut self, ack: u64) -> Vec<Wanted> {
        self.acked = self.acked.max(ack);
        let mut arrived = Vec::new();
        while !self.kept.is_empty() && self.last_forgotten() < ack {
            arrived.extend(self.forget_oldest());
        }
        if self.kept.is_empty() {
            // Thousands of idle sessions should not keep the room of their busiest moment.
            self.kept = VecDeque::new();
        }
        arrived
    }

    /// Puts another text in the place of a frame that is still kept. Says who wanted that one.
    pub(crate) fn replace(&mut self, seq: u64, text: String) -> Option<Wanted> {
        let index = seq.checked_sub(self.last_forgotten() + 1)?;
        let kept = self.kept.get_mut(usize::try_from(index).ok()?)?;
        self.share.take(kept.frame.len());
        self.share.add(text.len());
        kept.frame = text.into();
        kept.wanted.take()
    }

    /// The `seq` of the newest frame that is not kept.
    pub(crate) fn last_forgotten(&self) -> u64 {
        self.sent - self.kept.len() as u64
    }

    /// What is kept, oldest first: the frames after [`last_forgotten`](Self::last_forgotten).
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Arc<str>> {
        self.kept.iter().map(|kept| &kept.frame)
    }

    fn forget_oldest(&mut self) -> Option<Wanted> {
        let oldest = self.kept.pop_front()?;
        self.share.take(oldest.frame.len());
        oldest.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;

    const AMPLE: Bounds = Bounds { frames: 100, bytes: 1000 };

    fn replay() -> Replay {
        Replay::new(Memory::new(1000).share(0))
    }

    fn push(replay: &mut Replay, bounds: Bounds, text: &str) {
        let text = format!("{}{text}", replay.sent() + 1);
        replay.push(bounds, None, &mut Vec::new(), &text);
    }

    fn kept(replay: &Replay) -> Vec<&str> {
        replay.kept().map(|frame| &**frame).collect()
    }

    #[test]
    fn what_is_acknowledged_is_forgotten() {
        let mut replay = replay();
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
        let mut replay = replay();
        (0..4).for_each(|_| push(&mut replay, bounds, "x"));
        assert_eq!((replay.last_forgotten(), kept(&replay)), (2, vec!["3x", "4x"]));
    }

    #[test]
    fn and_up_to_the_bytes() {
        let bounds = Bounds { bytes: 5, ..AMPLE };
        let mut replay = replay();
        (0..3).for_each(|_| push(&mut replay, bounds, "x"));
        assert_eq!((replay.last_forgotten(), kept(&replay)), (1, vec!["2x", "3x"]));
        push(&mut replay, bounds, "long enough");
        assert_eq!((replay.sent(), replay.last_forgotten(), kept(&replay)), (4, 4, vec![]));
        push(&mut replay, bounds, "x");
        assert_eq!((replay.last_forgotten(), kept(&replay)), (4, vec!["5x"]));
    }

    #[test]
    fn whoever_wants_to_know_hears_what_arrived_and_what_was_lost() {
        let wanted = |id: &str| Wanted { by: SessionKey(1), id: id.into() };
        let bounds = Bounds { frames: 2, ..AMPLE };
        let (mut replay, mut lost) = (replay(), Vec::new());
        for id in ["a", "b", "c", "d"] {
            replay.push(bounds, Some(wanted(id)), &mut lost, "x");
        }
        assert_eq!(lost, [wanted("a"), wanted("b")]);
        assert_eq!(replay.replace(2, "gone".into()), None);
        assert_eq!(replay.replace(5, "not there yet".into()), None);
        assert_eq!(replay.replace(4, "other".into()), Some(wanted("d")));
        assert_eq!(kept(&replay), ["x", "other"]);
        assert_eq!(replay.acknowledge(4), [wanted("c")]);
        assert_eq!((replay.share.bytes(), kept(&replay).len()), (0, 0));
    }
}
