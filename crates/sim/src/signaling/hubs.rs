//! The hubs of one server behind one front: one of them, or several, and nobody can tell which.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use kopru_signal::{
    Asker, Claims, ConnId, Handled, Hub, HubNumber, Memory, NewRoom, NewRoomRefused, Outbox,
    Outgoing, Parting, Rejection, RelaySight, ResumeKey, RoomList, RoomName, RoomPattern, RoomView,
    Settings, Stats,
};
use kopru_stun::time::Now;
use serde_json::value::RawValue;

/// Hubs, where each connection is, and what they want done.
pub struct Hubs {
    hubs: Vec<Hub>,
    homes: BTreeMap<ConnId, HubNumber>,
    out: Outbox,
    ready: VecDeque<Outgoing>,
    moves: usize,
}

impl Hubs {
    /// So many hubs, at least one.
    pub fn new(count: u16, settings: &Settings, seed: [u8; 32], resume_key: &ResumeKey) -> Self {
        let hubs = Hub::several(count, settings, seed, resume_key);
        let (homes, ready) = (BTreeMap::new(), VecDeque::new());
        Self { hubs, homes, out: Outbox::new(), ready, moves: 0 }
    }

    /// What is to be done next with a connection.
    pub fn pop(&mut self) -> Option<Outgoing> {
        self.ready.pop_front()
    }

    /// How often a connection has moved from one hub to another.
    pub fn moves(&self) -> usize {
        self.moves
    }

    /// A client has connected: to each hub in turn.
    pub fn connect(&mut self, now: Now, conn: ConnId) {
        let turn = conn.0 % self.hubs.len() as u64;
        self.homes.insert(conn, HubNumber(u16::try_from(turn).unwrap_or(0)));
        self.at(conn, |hub, out| hub.connect(now, conn, out));
    }

    /// Says from which network it comes.
    pub fn locate(&mut self, conn: ConnId, network: IpAddr) {
        self.at(conn, |hub, _| hub.locate(conn, network));
    }

    /// Says who it is.
    pub fn admit(&mut self, conn: ConnId, verdict: Result<Claims, Rejection>) {
        self.at(conn, |hub, _| hub.admit(conn, verdict));
    }

    /// It has sent a frame.
    pub fn handle(&mut self, now: Now, conn: ConnId, text: &str) {
        let mut handled = self.at(conn, |hub, out| hub.handle(now, conn, text, out));
        while let Some(Handled::Needs(need)) = handled {
            let Some(own) = self.home(conn) else { return };
            let other = usize::from(need.hub.0);
            let Ok([own, other]) = self.hubs.get_disjoint_mut([own, other]) else {
                panic!("a hub needs itself, or none: {need:?}");
            };
            let frame = (now, conn);
            handled = Some(own.handle_beside((other, need), frame, text, &mut self.out));
            self.gather();
        }
    }

    /// It is gone.
    pub fn disconnect(&mut self, now: Now, conn: ConnId, parting: Parting) {
        self.at(conn, |hub, out| hub.disconnect(now, conn, parting, out));
        self.homes.remove(&conn);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Now) {
        for number in 0..self.hubs.len() {
            if self.hubs[number].poll_timeout().is_some_and(|at| at <= now.instant) {
                self.on(number, |hub, out| hub.handle_timeout(now, out));
            }
        }
    }

    /// When the first of them has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.hubs.iter().filter_map(Hub::poll_timeout).min()
    }

    /// Of all together.
    pub fn stats(&self) -> Stats {
        let mut hubs = self.hubs.iter().map(Hub::stats);
        let first = hubs.next().unwrap_or_default();
        hubs.fold(first, Stats::with)
    }

    /// How many sessions each has.
    pub fn sessions(&self) -> Vec<usize> {
        self.hubs.iter().map(|hub| hub.stats().sessions).collect()
    }

    /// TURN has seen this of a credential.
    pub fn relay_saw(&mut self, now: Now, credential: &str, sight: RelaySight) {
        self.on(0, |hub, _| hub.relay_saw(now, credential, sight));
    }

    /// A story, or those of a call.
    pub fn story(&self, asker: Asker<'_>, id: &str) -> Option<Box<RawValue>> {
        self.any().story(asker, id)
    }

    /// The stories behind one.
    pub fn list_stories(&self, after: Option<u64>) -> Box<RawValue> {
        self.any().list_stories(after)
    }

    /// What they hold.
    pub fn memory(&self) -> &Memory {
        self.any().memory()
    }

    /// The rooms behind one.
    pub fn list_rooms(&self, patterns: &[RoomPattern], after: Option<&str>) -> RoomList {
        self.any().list_rooms(patterns, after)
    }

    /// Makes a room where there is least.
    pub fn create_room(&mut self, now: Now, new: NewRoom) -> Result<RoomView, NewRoomRefused> {
        let least = usize::from(self.any().least_loaded().0);
        self.on(least, |hub, _| hub.create_room(now, new))
    }

    /// A room as it is.
    pub fn view_room(&self, now: Now, name: &RoomName) -> Option<RoomView> {
        let HubNumber(number) = self.any().hub_of_room(name)?;
        self.hubs[usize::from(number)].view_room(now, name)
    }

    /// Ends a room.
    pub fn close_room(&mut self, name: &RoomName) -> bool {
        let home = self.any().hub_of_room(name).unwrap_or_default();
        self.on(usize::from(home.0), |hub, out| hub.close_room(name, out))
    }

    /// Puts a member out.
    pub fn kick(&mut self, name: &RoomName, member: &str) -> bool {
        self.in_room(name, |hub, out| hub.kick(name, member, out))
    }

    /// Ends all sessions of an identity.
    pub fn revoke(&mut self, identity: &str) -> usize {
        let hubs = 0..self.hubs.len();
        hubs.map(|number| self.on(number, |hub, out| hub.revoke(identity, out))).sum()
    }

    fn in_room(
        &mut self,
        name: &RoomName,
        act: impl FnOnce(&mut Hub, &mut Outbox) -> bool,
    ) -> bool {
        let hub = self.any().hub_of_room(name);
        hub.is_some_and(|HubNumber(number)| self.on(usize::from(number), act))
    }

    /// For what any of them knows.
    fn any(&self) -> &Hub {
        &self.hubs[0]
    }

    fn home(&self, conn: ConnId) -> Option<usize> {
        self.homes.get(&conn).map(|home| usize::from(home.0))
    }

    /// Lets the hub act that has this connection.
    fn at<T>(&mut self, conn: ConnId, act: impl FnOnce(&mut Hub, &mut Outbox) -> T) -> Option<T> {
        let home = self.home(conn)?;
        Some(self.on(home, act))
    }

    fn on<T>(&mut self, number: usize, act: impl FnOnce(&mut Hub, &mut Outbox) -> T) -> T {
        let done = act(&mut self.hubs[number], &mut self.out);
        self.gather();
        done
    }

    /// Does what is to be done between hubs; the rest is ready.
    fn gather(&mut self) {
        while let Some(outgoing) = self.out.pop() {
            match outgoing {
                Outgoing::Move(conn, hub) => {
                    self.homes.insert(conn, hub);
                    self.moves += 1;
                }
                Outgoing::Receipt(receipt) => {
                    if let Some(HubNumber(number)) = self.any().hub_of_receipt(&receipt) {
                        self.hubs[usize::from(number)].deliver(receipt, &mut self.out);
                    }
                }
                other => self.ready.push_back(other),
            }
        }
    }
}
