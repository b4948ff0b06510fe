//! The ways to the desks: everybody's, and that of one connection, whose events stay in order while
//! it moves from one desk to another.
//!
//! ```text
//!   connection       queue of desk 0           desk 0        desk 1
//!     a, b ────────────▶ a b                     │             │
//!                          b                     │ a: a join ─▶│ the connection is there now
//!     (home: 1)            b  Fence ◀── before c │ b ─────────▶│ desk 0's task does b there
//!     waits ◀─────────────────── passed ─────────┤             │
//!     c ───────────────▶ queue of desk 1 ────────┼────────────▶│ c
//! ```
//!
//! So at any time one queue alone has events of a connection, and no event waits anywhere else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use kopru_signal::ConnId;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::Event;

/// The way to all desks.
#[derive(Clone, Debug)]
pub(crate) struct Desks(Arc<[mpsc::Sender<Event>]>);

/// There are no desks any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

impl Desks {
    /// To those who read these queues, at least one.
    pub(crate) fn new(queues: Vec<mpsc::Sender<Event>>) -> Self {
        Self(queues.into())
    }

    /// Brings an event to them.
    ///
    /// # Errors
    /// [`Gone`]
    pub(crate) async fn send(&self, event: Event) -> Result<(), Gone> {
        self.0[0].send(event).await.map_err(|_| Gone)
    }

    /// The same for who can't wait.
    ///
    /// # Errors
    /// When there is no place in the queue.
    pub(crate) fn try_send(&self, event: Event) -> Result<(), TrySendError<Event>> {
        self.0[0].try_send(event)
    }

    /// Waits until everything is done that was on its way to any of them.
    ///
    /// # Errors
    /// [`Gone`]
    pub(crate) async fn pass(&self) -> Result<(), Gone> {
        for queue in self.0.iter() {
            pass(queue).await?;
        }
        Ok(())
    }

    /// The way of a new connection.
    pub(crate) fn way(&self, conn: ConnId) -> Way {
        let turn = conn.0 % self.0.len() as u64;
        let queue = u16::try_from(turn).unwrap_or(0);
        Way { desks: self.clone(), home: Arc::new(AtomicU16::new(queue)), queue }
    }

    /// The ways from desk to desk, which keep none of them.
    pub(super) fn weak(&self) -> Vec<mpsc::WeakSender<Event>> {
        self.0.iter().map(mpsc::Sender::downgrade).collect()
    }
}

/// The way of one connection.
#[derive(Debug)]
pub(crate) struct Way {
    desks: Desks,
    /// The number of the desk that has it.
    home: Arc<AtomicU16>,
    /// The number of the one whose queue is used.
    queue: u16,
}

impl Way {
    /// Where the number stands of the desk that has the connection.
    pub(crate) fn home(&self) -> Arc<AtomicU16> {
        Arc::clone(&self.home)
    }

    /// Brings the next event of the connection to its desk.
    ///
    /// # Errors
    /// [`Gone`]
    pub(crate) async fn send(&mut self, event: Event) -> Result<(), Gone> {
        if self.home.load(Ordering::Acquire) != self.queue {
            // Boxed: it is rare, and each connection's task would have room for it.
            Box::pin(pass(self.queue())).await?;
            self.queue = self.home.load(Ordering::Acquire);
        }
        self.queue().send(event).await.map_err(|_| Gone)
    }

    fn queue(&self) -> &mpsc::Sender<Event> {
        &self.desks.0[usize::from(self.queue)]
    }
}

/// Waits until everything is done that is in a queue.
async fn pass(queue: &mpsc::Sender<Event>) -> Result<(), Gone> {
    let (fence, passed) = oneshot::channel();
    queue.send(Event::Fence(fence)).await.map_err(|_| Gone)?;
    passed.await.map_err(|_| Gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Texts;

    fn frame(text: &str) -> Event {
        let texts = Texts::from(text.to_owned());
        Event::Frames { conn: ConnId(0), texts, verdict: None }
    }

    #[tokio::test]
    async fn behind_a_move_the_other_queue_is_used_when_the_former_has_passed() {
        let (former, mut at_former) = mpsc::channel(4);
        let (later, mut at_later) = mpsc::channel(4);
        let mut way = Desks::new(vec![former, later]).way(ConnId(2));
        way.send(frame("a")).await.unwrap();
        way.home().store(1, Ordering::Release);
        let sending = tokio::spawn(async move { way.send(frame("b")).await });
        assert!(matches!(at_former.recv().await, Some(Event::Frames { .. })));
        let Some(Event::Fence(fence)) = at_former.recv().await else { panic!("a fence") };
        assert!(at_later.try_recv().is_err(), "before the former has passed");
        fence.send(()).unwrap();
        sending.await.unwrap().unwrap();
        let Some(Event::Frames { texts, .. }) = at_later.recv().await else { panic!("frames") };
        assert!(texts.iter().eq(["b"]));
        assert!(at_former.try_recv().is_err());
    }
}
