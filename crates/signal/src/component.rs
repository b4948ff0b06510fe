//! Rooms sharded over hubs: everything that is connected is on one of them.
//!
//! ```text
//!   sessions   s1   s2   s3     s4   s5        s6        s7 (greeted, in no room yet)
//!                ╲ ╱  ╲ ╱         ╲ ╱          │
//!   rooms        lab  hall      kitchen      attic     cellar (waits for somebody)
//!               └────────┘      └─────┘      └───┘     └────┘
//!   components   on hub 0       on hub 1     hub 1     hub 0
//! ```
//!
//! Sessions and the rooms that they are in make **components**. One is always whole on one hub, so
//! whatever a message needs is there, and a hub needs nobody else's word to pass it on.
//!
//! Only a `join` can connect two of them. If they are on two hubs, the smaller one moves to the
//! larger one's: as a value, with everything that is remembered of it, so that no client notices.
//! Both are walked in turns until one of them is whole, which costs twice the smaller one; and as a
//! component that moves becomes at least twice as large, a session moves but a few times while it
//! grows. Nothing is taken apart when a room is left: what begins next begins where there is least.
//!
//! What outlasts a room is of no component. Stories are common to all hubs; and a receipt for
//! somebody who has left is the one thing that a hub gives to another: see
//! [`Outgoing::Receipt`](crate::Outgoing::Receipt).

use std::collections::BTreeSet;

use crate::calls::Entry;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::names::RoomName;
use crate::outbox::{ConnId, Outbox};
use crate::room::Room;
use crate::session::{Line, Session, SessionKey};

/// What is connected, by name.
#[derive(Default)]
pub(crate) struct Component {
    sessions: BTreeSet<SessionKey>,
    rooms: BTreeSet<RoomName>,
}

/// The same with all that belongs to it, on its way from one hub to another.
#[derive(Default)]
pub(crate) struct Baggage {
    sessions: Vec<(SessionKey, Box<Session>)>,
    connections: Vec<(ConnId, Box<Connection>)>,
    rooms: Vec<(RoomName, Room)>,
    calls: Vec<Entry>,
}

/// A look at a component that goes on step by step.
pub(crate) struct Walk<'a> {
    hub: &'a Hub,
    pub(crate) found: Component,
    /// What was found, and not looked at yet.
    next: Vec<Place>,
}

enum Place {
    Session(SessionKey),
    Room(RoomName),
}

/// Which of two components is the smaller one, and what is in it.
pub(crate) enum Smaller {
    First(Component),
    Second(Component),
}

impl<'a> Walk<'a> {
    pub(crate) fn from_session(hub: &'a Hub, key: SessionKey) -> Self {
        let found = Component { sessions: BTreeSet::from([key]), ..Component::default() };
        Self { hub, found, next: vec![Place::Session(key)] }
    }

    pub(crate) fn from_room(hub: &'a Hub, name: RoomName) -> Self {
        let found = Component { rooms: BTreeSet::from([name.clone()]), ..Component::default() };
        Self { hub, found, next: vec![Place::Room(name)] }
    }

    /// Looks at one session or room more. `false` when there is none.
    fn step(&mut self) -> bool {
        match self.next.pop() {
            None => return false,
            Some(Place::Session(key)) => {
                let rooms = self.hub.sessions.get(key).into_iter().flat_map(|it| &it.rooms);
                for (name, _) in rooms {
                    if self.found.rooms.insert(name.clone()) {
                        self.next.push(Place::Room(name.clone()));
                    }
                }
            }
            Some(Place::Room(name)) => {
                let members = self.hub.rooms.get(&name).into_iter().flat_map(|it| &it.members);
                for member in members.map(|(_, member)| member) {
                    if self.found.sessions.insert(member.session) {
                        self.next.push(Place::Session(member.session));
                    }
                }
            }
        }
        true
    }
}

/// Walks both, a step each in turn, until one is whole.
pub(crate) fn smaller(mut first: Walk<'_>, mut second: Walk<'_>) -> Smaller {
    loop {
        if !first.step() {
            return Smaller::First(first.found);
        }
        if !second.step() {
            return Smaller::Second(second.found);
        }
    }
}

impl Hub {
    /// Moves a component to another hub.
    pub(crate) fn move_to(&mut self, other: &mut Self, component: Component, out: &mut Outbox) {
        let baggage = self.take_out(component);
        other.take_in(baggage, out);
    }

    /// Moves a connection without a session.
    pub(crate) fn move_stranger(&mut self, other: &mut Self, conn: ConnId, out: &mut Outbox) {
        let connections = self.take_connection(conn).into_iter().collect();
        other.take_in(Baggage { connections, ..Baggage::default() }, out);
    }

    fn take_out(&mut self, Component { sessions, rooms }: Component) -> Baggage {
        let mut baggage = Baggage::default();
        for key in sessions {
            let Some(session) = self.sessions.remove(key) else { continue };
            match session.line {
                Line::Up(conn) => baggage.connections.extend(self.take_connection(conn)),
                Line::Down { ends_at, .. } => self.waiting.remove(ends_at, key),
            }
            baggage.sessions.push((key, session));
        }
        for name in rooms {
            let Some(room) = self.rooms.remove(&name) else { continue };
            if let Some(ends_at) = room.ends_at {
                self.waiting_rooms.remove(ends_at, name.clone());
            }
            self.members -= room.members.len();
            baggage.calls.extend(room.calls.iter().filter_map(|&id| self.calls.remove(id)));
            baggage.rooms.push((name, room));
        }
        baggage
    }

    fn take_connection(&mut self, conn: ConnId) -> Option<(ConnId, Box<Connection>)> {
        let connection = self.connections.remove(&conn)?;
        self.deadlines.remove(connection.due_at, conn);
        Some((conn, connection))
    }

    fn take_in(&mut self, baggage: Baggage, out: &mut Outbox) {
        let Baggage { sessions, connections, rooms, calls } = baggage;
        let keys = sessions.iter().map(|(key, _)| *key);
        let names = rooms.iter().map(|(name, _)| name);
        self.whole.register().moved(self.number, keys, names);
        for (conn, connection) in connections {
            self.deadlines.insert(connection.due_at, conn);
            self.connections.insert(conn, connection);
            out.moved(conn, self.number);
        }
        for (key, session) in sessions {
            if let Line::Down { ends_at, .. } = session.line {
                self.waiting.insert(ends_at, key);
            }
            self.sessions.insert(key, session);
        }
        for (name, room) in rooms {
            if let Some(ends_at) = room.ends_at {
                self.waiting_rooms.insert(ends_at, name.clone());
            }
            self.members += room.members.len();
            self.rooms.insert(name, room);
        }
        calls.into_iter().for_each(|call| self.calls.take_in(call));
    }
}
