//! All desks, each behind a lock, and what their tasks do with them.
//!
//! A task takes its own desk for a batch of events. For a frame that needs another desk it lets go
//! of its own, takes both in the order of their numbers, looks again, and goes back to its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use kopru_signal::{
    CloseReason, ConnId, Handled, Hub, HubNumber, Need, Outbox, Outgoing, Parting, Receipt,
    RoomName, Spread,
};
use kopru_stun::time::Now;
use tokio::sync::{Mutex, MutexGuard, mpsc};

use super::desk::{Client, Desk, write};
use super::{Event, now};
use crate::limits::HUB_QUEUE_MAX;

/// All desks.
pub(super) struct Floor {
    desks: Vec<Mutex<Desk>>,
    queues: Vec<mpsc::WeakSender<Event>>,
    /// The desks of connections that have moved; changed by who has locked the desk alone.
    moved: std::sync::Mutex<HashMap<ConnId, u16>>,
    /// When those are to come back who are sent away.
    stopping: std::sync::Mutex<Option<Spread>>,
}

/// Some desks, locked, in the order of their numbers.
pub(super) struct Taken<'a>(Vec<(u16, MutexGuard<'a, Desk>)>);

/// What one task has under way.
pub(super) struct Turn<'a> {
    floor: &'a Floor,
    pub(super) own: u16,
    pub(super) taken: Taken<'a>,
    pub(super) outbox: Outbox,
    receipts: VecDeque<Receipt>,
}

impl Floor {
    pub(super) fn new(hubs: Vec<Hub>, queues: Vec<mpsc::WeakSender<Event>>) -> Self {
        let desks = hubs.into_iter().map(|hub| Mutex::new(Desk::new(hub))).collect();
        Self { desks, queues, moved: Default::default(), stopping: Default::default() }
    }

    /// The task of one desk.
    pub(super) async fn run(self: Arc<Self>, own: u16, mut queue: mpsc::Receiver<Event>) {
        let mut events = Vec::with_capacity(HUB_QUEUE_MAX);
        let mut turn = Turn::new(&self, own);
        let mut due: Option<Instant> = None;
        loop {
            let receive = queue.recv_many(&mut events, HUB_QUEUE_MAX);
            let received = match due {
                None => receive.await,
                Some(at) => tokio::select! {
                    received = receive => received,
                    () = tokio::time::sleep_until(at.into()) => {
                        turn.take([own]).await;
                        turn.pass_time().await;
                        due = turn.end();
                        continue;
                    }
                },
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

    fn moved(&self) -> std::sync::MutexGuard<'_, HashMap<ConnId, u16>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a desk see that there may be something to do earlier than it thinks. One whose queue is
    /// full looks anyway.
    fn nudge(&self, desk: u16) {
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
    fn hubs(&mut self, one: u16, other: u16) -> Option<[&mut Hub; 2]> {
        let index = |number| self.0.iter().position(|(it, _)| *it == number);
        let indices = [index(one)?, index(other)?];
        let pair = self.0.get_disjoint_mut(indices).ok()?;
        Some(pair.map(|(_, desk)| &mut desk.hub))
    }

    /// The one of them that has a connection.
    fn home_of(&self, conn: ConnId) -> Option<u16> {
        self.0.iter().find(|(_, desk)| desk.clients.contains_key(&conn)).map(|(number, _)| *number)
    }
}

impl<'a> Turn<'a> {
    fn new(floor: &'a Floor, own: u16) -> Self {
        let taken = Taken(Vec::new());
        Self { floor, own, taken, outbox: Outbox::new(), receipts: VecDeque::new() }
    }

    pub(super) fn own(&mut self) -> &mut Desk {
        self.taken.desk(self.own)
    }

    pub(super) fn floor(&self) -> &'a Floor {
        self.floor
    }

    /// Lets go of what is taken, and takes these, whose numbers rise.
    pub(super) async fn take(&mut self, numbers: impl IntoIterator<Item = u16>) {
        // First nothing: who waits for a lock holds none but with a lower number.
        self.taken.0.clear();
        for number in numbers {
            let desk = self.floor.desks[usize::from(number)].lock().await;
            self.taken.0.push((number, desk));
        }
    }

    pub(super) async fn take_all(&mut self) {
        let count = u16::try_from(self.floor.desks.len()).unwrap_or(u16::MAX);
        self.take(0..count).await;
    }

    /// Brings away what came of an event, and goes back to the own desk.
    pub(super) async fn finish(&mut self) {
        self.deliver();
        while let Some(receipt) = self.receipts.pop_front() {
            let Some(HubNumber(desk)) = self.any().hub.hub_of_receipt(&receipt) else { continue };
            if self.taken.0.iter().all(|(number, _)| *number != desk) {
                self.nudge_others();
                self.take([desk]).await;
            }
            self.taken.desk(desk).hub.deliver(receipt, &mut self.outbox);
            self.deliver();
        }
        if self.taken.0.len() != 1 || self.taken.0[0].0 != self.own {
            self.nudge_others();
            self.take([self.own]).await;
        }
    }

    fn any(&mut self) -> &mut Desk {
        &mut self.taken.0[0].1
    }

    fn nudge_others(&self) {
        let others = self.taken.0.iter().map(|(number, _)| *number);
        others.filter(|number| *number != self.own).for_each(|number| self.floor.nudge(number));
    }

    /// Lets go of everything, and says when the own desk has something to do next.
    fn end(&mut self) -> Option<Instant> {
        let due = self.own().hub.poll_timeout();
        self.taken.0.clear();
        due
    }

    async fn pass_time(&mut self) {
        let Self { taken, own, outbox, .. } = self;
        taken.desk(*own).hub.handle_timeout(now(), outbox);
        self.finish().await;
    }

    /// Takes the desk that has a room, and says which it is; `None` when there is no such room.
    pub(super) async fn find_room(&mut self, name: &RoomName) -> Option<u16> {
        loop {
            let HubNumber(home) = self.any().hub.hub_of_room(name)?;
            if self.taken.0.iter().any(|(number, _)| *number == home) {
                return Some(home);
            }
            self.take([home]).await;
        }
    }

    /// Takes the desk that has a connection, and says which it is; `None` when it is gone.
    pub(super) async fn find(&mut self, conn: ConnId) -> Option<u16> {
        loop {
            if let Some(home) = self.taken.home_of(conn) {
                return Some(home);
            }
            let home = self.floor.moved().get(&conn).copied()?;
            self.take([home]).await;
        }
    }

    /// A connection has said something. Its desk deals with it, at times beside another one.
    pub(super) async fn hear(&mut self, home: u16, conn: ConnId, text: &str) {
        let hub = &mut self.taken.desk(home).hub;
        let mut handled = hub.handle(now(), conn, text, &mut self.outbox);
        let mut home = home;
        while let Handled::Needs(need) = handled {
            // What it has said so far goes out before anybody else can say more.
            self.deliver();
            let other = need.hub.0;
            self.take([home.min(other), home.max(other)]).await;
            let frame = (now(), conn);
            handled = match self.find(conn).await {
                None => return,
                Some(still) if still == home => self.beside(need, frame, home, text),
                Some(moved) => {
                    home = moved;
                    self.taken.desk(home).hub.handle_again(frame, text, &mut self.outbox)
                }
            };
            self.deliver();
            home = self.taken.home_of(conn).unwrap_or(home);
        }
    }

    fn beside(&mut self, need: Need, frame: (Now, ConnId), home: u16, text: &str) -> Handled {
        match self.taken.hubs(home, need.hub.0) {
            Some([own, other]) => own.handle_beside((other, need), frame, text, &mut self.outbox),
            None => self.taken.desk(home).hub.handle_again(frame, text, &mut self.outbox),
        }
    }

    /// Puts everything in line. Disconnecting somebody who is too slow makes more to deliver.
    fn deliver(&mut self) {
        while let Some(outgoing) = self.outbox.pop() {
            match outgoing {
                Outgoing::Frame(conn, text) => self.push(conn, text),
                Outgoing::Close(conn, reason) => {
                    if let Some((client, _)) = self.forget(conn) {
                        client.outgoing.close(reason);
                    }
                }
                Outgoing::Record(record) => write(&record),
                Outgoing::Move(conn, HubNumber(desk)) => self.carry(conn, desk),
                Outgoing::Receipt(receipt) => self.receipts.push_back(receipt),
            }
        }
    }

    fn push(&mut self, conn: ConnId, text: Arc<str>) {
        let clients = self.taken.all().filter_map(|desk| desk.clients.get(&conn)).next();
        if clients.is_none_or(|client| client.outgoing.push(text)) {
            return;
        }
        if let Some((_, home)) = self.forget(conn) {
            let desk = self.taken.desk(home);
            desk.count(CloseReason::TooSlow);
            desk.hub.disconnect(now(), conn, Parting::Lost, &mut self.outbox);
        }
    }

    /// A connection is at that desk from now on. At no moment it is nowhere.
    fn carry(&mut self, conn: ConnId, desk: u16) {
        let home = self.taken.home_of(conn);
        let client = home.and_then(|home| self.taken.desk(home).clients.remove(&conn));
        if let Some(mut client) = client {
            self.floor.moved().insert(conn, desk);
            client.moved(desk);
            self.taken.desk(desk).clients.insert(conn, client);
        }
    }

    /// Takes a client away, and says from which desk.
    pub(super) fn forget(&mut self, conn: ConnId) -> Option<(Client, u16)> {
        let home = self.taken.home_of(conn)?;
        let client = self.taken.desk(home).clients.remove(&conn)?;
        if client.has_moved {
            self.floor.moved().remove(&conn);
        }
        Some((client, home))
    }
}
