//! All desks, each behind a lock, and the tasks that work at them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use kopru_net::Endings;
use kopru_signal::{ConnId, Hub, Spread};
use tokio::sync::{Mutex, MutexGuard, mpsc};

use super::Event;
use super::alarm::Alarm;
use super::desk::Desk;
use super::turn::Turn;
use crate::limits::HUB_QUEUE_MAX;

/// All desks.
pub(super) struct Floor {
    pub(super) desks: Vec<Mutex<Desk>>,
    queues: Vec<mpsc::WeakSender<Event>>,
    /// The desks of connections that have moved; changed by who has locked the desk alone.
    moved: std::sync::Mutex<HashMap<ConnId, u16>>,
    /// When those are to come back who are sent away.
    stopping: std::sync::Mutex<Option<Spread>>,
    pub(super) endings: Endings,
}

/// Some desks, locked, in the order of their numbers.
pub(super) struct Taken<'a>(pub(super) Vec<(u16, MutexGuard<'a, Desk>)>);

impl Floor {
    pub(super) fn new(
        hubs: Vec<Hub>,
        queues: Vec<mpsc::WeakSender<Event>>,
        endings: Endings,
    ) -> Self {
        let desks = hubs.into_iter().map(|hub| Mutex::new(Desk::new(hub))).collect();
        Self { desks, queues, moved: Default::default(), stopping: Default::default(), endings }
    }

    /// The task of one desk.
    pub(super) async fn run(self: Arc<Self>, own: u16, mut queue: mpsc::Receiver<Event>) {
        let mut events = Vec::with_capacity(HUB_QUEUE_MAX);
        let mut turn = Turn::new(&self, own);
        let (mut alarm, mut due) = (Alarm::default(), None);
        loop {
            let received = tokio::select! {
                received = queue.recv_many(&mut events, HUB_QUEUE_MAX) => received,
                () = alarm.ring(due) => {
                    turn.take([own]).await;
                    turn.pass_time().await;
                    due = turn.end();
                    continue;
                }
            };
            if received == 0 {
                return;
            }
            turn.take([own]).await;
            for event in events.drain(..) {
                turn.handle(event).await;
            }
            due = turn.end();
            // Before it looks again, all whose sockets are ready have their turn: then there is
            // more for it to do at once, and more for each of them to write at once.
            tokio::task::yield_now().await;
        }
    }

    /// From now on whoever comes is sent away.
    pub(super) fn stop(&self, spread: Spread) {
        *self.stopping.lock().unwrap_or_else(PoisonError::into_inner) = Some(spread);
    }

    /// After how many seconds somebody is to come back who comes while the server is being stopped.
    pub(super) fn stopping_deals(&self) -> Option<u32> {
        let mut stopping = self.stopping.lock().unwrap_or_else(PoisonError::into_inner);
        stopping.as_mut().map(Spread::deal)
    }

    pub(super) fn moved(&self) -> std::sync::MutexGuard<'_, HashMap<ConnId, u16>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a desk see that there may be something to do earlier than it thinks. One whose queue is
    /// full looks anyway.
    pub(super) fn nudge(&self, desk: u16) {
        if let Some(queue) = self.queues[usize::from(desk)].upgrade() {
            _ = queue.try_send(Event::Look);
        }
    }
}

impl Taken<'_> {
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Desk> {
        self.0.iter_mut().map(|(_, desk)| &mut **desk)
    }

    /// The desk of this number, which is among them.
    pub(super) fn desk(&mut self, number: u16) -> &mut Desk {
        let index = self.0.iter().position(|(it, _)| *it == number);
        &mut self.0[index.expect("it was taken")].1
    }

    /// The hubs of two of them.
    pub(super) fn hubs(&mut self, one: u16, other: u16) -> Option<[&mut Hub; 2]> {
        let index = |number| self.0.iter().position(|(it, _)| *it == number);
        let indices = [index(one)?, index(other)?];
        let pair = self.0.get_disjoint_mut(indices).ok()?;
        Some(pair.map(|(_, desk)| &mut desk.hub))
    }

    /// Whether the desk of this number is among them.
    pub(super) fn has(&self, number: u16) -> bool {
        self.0.iter().any(|(it, _)| *it == number)
    }

    /// The one of them that has a connection.
    pub(super) fn home_of(&self, conn: ConnId) -> Option<u16> {
        self.0.iter().find(|(_, desk)| desk.clients.contains_key(&conn)).map(|(number, _)| *number)
    }
}
