//! What one task does with its own desk, and at times with others.
//!
//! It takes its own for a batch of events. For a frame that needs another desk it lets go of its
//! own, takes both in the order of their numbers, looks again, and goes back to its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use kopru_signal::{
    Claims, CloseReason, ConnId, Handled, HubNumber, Need, Outbox, Outgoing, Parting, Receipt,
    Rejection, RoomName,
};
use kopru_stun::time::Now;

use super::desk::{Client, Desk, write};
use super::floor::{Floor, Taken};
use super::now;

/// What one task has under way.
pub(super) struct Turn<'a> {
    floor: &'a Floor,
    pub(super) own: u16,
    pub(super) taken: Taken<'a>,
    pub(super) outbox: Outbox,
    receipts: VecDeque<Receipt>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(floor: &'a Floor, own: u16) -> Self {
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
        self.let_go();
        for number in numbers {
            if self.taken.has(number) {
                continue;
            }
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
            if !self.taken.has(desk) {
                self.take([desk]).await;
            }
            self.taken.desk(desk).hub.deliver(receipt, &mut self.outbox);
            self.deliver();
        }
        if self.taken.0.len() != 1 || self.taken.0[0].0 != self.own {
            self.take([self.own]).await;
        }
    }

    pub(super) fn any(&mut self) -> &mut Desk {
        &mut self.taken.0[0].1
    }

    /// Other desks may wait for something else now than they think.
    fn let_go(&mut self) {
        for (number, desk) in self.taken.0.drain(..) {
            drop(desk);
            if number != self.own {
                self.floor.nudge(number);
            }
        }
    }

    /// Lets go of everything, and says when the own desk has something to do next.
    pub(super) fn end(&mut self) -> Option<Instant> {
        let due = self.own().hub.poll_timeout();
        self.let_go();
        due
    }

    pub(super) async fn pass_time(&mut self) {
        let Self { taken, own, outbox, .. } = self;
        taken.desk(*own).hub.handle_timeout(now(), outbox);
        self.finish().await;
    }

    /// Takes the desk that has a room, and says which it is; `None` when there is no such room.
    pub(super) async fn find_room(&mut self, name: &RoomName) -> Option<u16> {
        loop {
            let HubNumber(home) = self.any().hub.hub_of_room(name)?;
            if self.taken.has(home) {
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
    pub(super) async fn hear(
        &mut self,
        frame: (Now, ConnId),
        text: &str,
        verdict: Option<Box<Result<Claims, Rejection>>>,
    ) {
        let (at, conn) = frame;
        let Some(mut home) = self.find(conn).await else { return };
        let hub = &mut self.taken.desk(home).hub;
        if let Some(verdict) = verdict {
            hub.admit(conn, *verdict);
        }
        let mut handled = hub.handle(at, conn, text, &mut self.outbox);
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
                Outgoing::EndAllocations(credential) => self.floor.endings.end(&credential),
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
            let desk = self.taken.desk(desk);
            desk.clients.insert(conn, client);
            desk.arrivals += 1;
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
