//! The frames that wait for one client. Bounded in bytes: a client that does not read costs this
//! much and no more, and nobody waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kopru_signal::{CloseReason, Memory, Share};
use tokio::sync::Notify;

/// A queue that holds at most `bytes_max` bytes of frames, less where memory is full.
pub(crate) fn queue(bytes_max: usize, memory: &Memory) -> (Sender, Receiver) {
    let state = State { frames: VecDeque::new(), share: memory.share(0), close: None };
    let (state, wake, memory) = (Mutex::new(state), Notify::new(), memory.clone());
    let shared = Arc::new(Shared { state, wake, bytes_max, memory });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// The hub's end.
#[derive(Debug)]
pub(crate) struct Sender(Arc<Shared>);

impl Sender {
    /// Queues a frame. `false` when there is no room: then this client is too slow, what waits for
    /// it is thrown away, and it will be closed.
    pub(crate) fn push(&self, frame: Arc<str>) -> bool {
        let mut state = self.0.lock();
        let has_room = self.0.has_room(&state, frame.len());
        if !has_room {
            state.frames = VecDeque::new();
            state.share.set(0);
            state.close = Some(CloseReason::TooSlow);
        } else if state.close.is_none() {
            state.share.add(frame.len());
            state.frames.push_back(frame);
        }
        drop(state);
        self.0.wake.notify_one();
        has_room
    }

    /// Lets the connection be closed when everything queued was sent.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.0.lock().close.get_or_insert(reason);
        self.0.wake.notify_one();
    }
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct Receiver(Arc<Shared>);

/// What to do next with a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this.
    Frame(Arc<str>),
    /// Close it.
    Close(CloseReason),
}

impl Receiver {
    /// Waits for the next thing to do. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.0.wake.notified().await;
        }
    }

    /// The next thing to do, if there is one.
    pub(crate) fn try_next(&mut self) -> Option<Next> {
        let mut state = self.0.lock();
        let Some(frame) = state.frames.pop_front() else { return state.close.map(Next::Close) };
        state.share.take(frame.len());
        if state.frames.is_empty() {
            // Thousands of idle members should not keep the room of their busiest moment.
            state.frames = VecDeque::new();
        }
        Some(Next::Frame(frame))
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Notify,
    bytes_max: usize,
    memory: Memory,
}

impl Shared {
    /// A frame that waits alone has, however little memory there is.
    fn has_room(&self, state: &State, bytes: usize) -> bool {
        let bytes = state.share.bytes() + bytes;
        let is_alone = state.frames.is_empty();
        bytes <= self.bytes_max && (is_alone || bytes <= self.memory.pressure().of(self.bytes_max))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct State {
    frames: VecDeque<Arc<str>>,
    /// Their bytes.
    share: Share,
    close: Option<CloseReason>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(bytes_max: usize) -> (Sender, Receiver) {
        super::queue(bytes_max, &Memory::new(1000))
    }

    #[tokio::test]
    async fn frames_come_in_order_and_then_the_close() {
        let (sender, mut receiver) = queue(10);
        assert!(sender.push("12345".into()));
        assert!(sender.push("67890".into()));
        let going_away = CloseReason::GoingAway { retry_after_s: 1 };
        sender.close(going_away);
        sender.close(CloseReason::Silent);
        assert_eq!(receiver.next().await, Next::Frame("12345".into()));
        assert_eq!(receiver.next().await, Next::Frame("67890".into()));
        assert_eq!(receiver.next().await, Next::Close(going_away));
    }

    #[tokio::test]
    async fn one_byte_too_much_and_the_client_is_too_slow() {
        let (sender, mut receiver) = queue(10);
        assert!(sender.push("1234567890".into()));
        assert!(!sender.push("x".into()));
        assert_eq!(receiver.next().await, Next::Close(CloseReason::TooSlow));
    }

    #[tokio::test]
    async fn room_comes_back_when_frames_leave() {
        let (sender, mut receiver) = queue(10);
        for _ in 0..3 {
            assert!(sender.push("1234567890".into()));
            assert_eq!(receiver.next().await, Next::Frame("1234567890".into()));
        }
        assert_eq!(receiver.try_next(), None);
    }
    #[tokio::test]
    async fn what_waits_is_counted_and_where_memory_is_full_less_may_wait() {
        let memory = Memory::new(1000);
        let (sender, mut receiver) = super::queue(160, &memory);
        assert!(sender.push("12345".into()));
        assert!(sender.push("67890".into()));
        assert_eq!(memory.held(), 10);
        assert_eq!(receiver.next().await, Next::Frame("12345".into()));
        assert_eq!(memory.held(), 5);
        let everything = memory.share(1000);
        assert!(sender.push("12345".into()), "a sixteenth");
        assert!(!sender.push("1".into()));
        assert_eq!(memory.held(), 1000);
        drop(everything);

        let (sender, _receiver) = super::queue(160, &memory);
        let _everything = memory.share(1000);
        assert!(sender.push("one long frame, by itself".into()));
    }
}
