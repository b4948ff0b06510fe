//! The frames that wait for one client. Bounded in bytes: a client that does not read costs this
//! much and no more, and nobody waits for it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use kopru_signal::{CloseReason, Memory, Share};

/// A queue that holds at most `bytes_max` bytes of frames, less where memory is full.
pub(crate) fn queue(bytes_max: usize, memory: &Memory) -> (Sender, Receiver) {
    let (frames, share) = (VecDeque::new(), memory.share(0));
    let state = Mutex::new(State { frames, share, close: None, waiting: None });
    let shared = Arc::new(Shared { state, bytes_max, memory: memory.clone() });
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
        wake(state);
        has_room
    }

    /// Lets the connection be closed when everything queued was sent.
    pub(crate) fn close(&self, reason: CloseReason) {
        let mut state = self.0.lock();
        state.close.get_or_insert(reason);
        wake(state);
    }
}

/// Wakes whoever waits: once, however much comes before it looks.
fn wake(mut state: MutexGuard<'_, State>) {
    let waiting = state.waiting.take();
    drop(state);
    if let Some(waiting) = waiting {
        waiting.wake();
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
        poll_fn(|context| {
            loop {
                if let Some(next) = self.try_next() {
                    return Poll::Ready(next);
                }
                ready!(self.poll_ready(context));
            }
        })
        .await
    }

    /// Waits until there is something to do.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if !state.frames.is_empty() || state.close.is_some() {
            return Poll::Ready(());
        }
        if !state.waiting.as_ref().is_some_and(|it| it.will_wake(context.waker())) {
            state.waiting = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// The next thing to do, if there is one.
    pub(crate) fn try_next(&mut self) -> Option<Next> {
        let mut next = None;
        let close = self.take(|frame| {
            next = Some(Next::Frame(Arc::clone(frame)));
            false
        });
        next.or(close.map(Next::Close))
    }

    /// Gives away frames for as long as more are wanted, and says why the connection is to be
    /// closed, once there are none before that.
    pub(crate) fn take(
        &mut self,
        mut wants_more_after: impl FnMut(&Arc<str>) -> bool,
    ) -> Option<CloseReason> {
        let mut state = self.0.lock();
        let (mut bytes, mut wants_more) = (0, true);
        while wants_more && let Some(frame) = state.frames.pop_front() {
            bytes += frame.len();
            wants_more = wants_more_after(&frame);
        }
        state.share.take(bytes);
        if !state.frames.is_empty() {
            return None;
        }
        // Thousands of idle members should not keep the room of their busiest moment.
        state.frames = VecDeque::new();
        state.close
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
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
    /// Whoever found nothing to do.
    waiting: Option<Waker>,
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
