//! RFC 6062 §5: the listeners and connections of one worker.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use kopru_stun::attribute::ConnectionId;
use kopru_turn::Direction;
use kopru_turn::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};
use kopru_turn::relay_sockets::ConnectRefusal;

use super::listener::{self, BACKLOG, Listener};
use super::peer_connection::{PeerConnection, Stage};
use super::pipe::PIECE_MAX;
use crate::quota::DescriptorLease;
use crate::stats::Tally;
use crate::stream::StreamEnd;
use crate::stream::connection::DataConnection;
use crate::sys::epoll::{Epoll, Ready};

/// Two tables by slot, an index, and one timer for each connection that needs it.
pub(crate) struct PeerSockets {
    epoll: Arc<Epoll>,
    listeners: Vec<Option<Listener>>,
    vacant_listeners: Vec<u32>,
    connections: Vec<Option<PeerConnection>>,
    vacant: Vec<u32>,
    /// Slots that were vacated since the last look: what was reported of them is about others.
    vacated: Vec<u32>,
    by_id: HashMap<ConnectionId, u32>,
    timers: BTreeSet<(Instant, u32)>,
    ready: Ready,
    /// Which of `ready` has its turn, and how many peers it has had accepted.
    turn: usize,
    accepted: usize,
    /// What wants a turn although the set says nothing: it had more to give, or its time has come.
    resumed: Vec<u32>,
    unfinished: Vec<u32>,
    /// Who has connected and is not kept yet.
    at_the_door: Option<TcpStream>,
    spliced: Vec<(ConnectionId, FiveTuple)>,
    scratch: Box<[u8]>,
}

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Occurrence {
    /// A peer has connected. It is at the door until the next occurrence.
    Knock {
        /// The relayed transport address.
        at: RelayedAddr,
        /// The peer.
        from: PeerAddr,
    },
    /// A connection is made, or has failed and is closed.
    Connected(ConnectionId, Result<(), ConnectRefusal>),
    /// A bound connection may have something to carry.
    Ready(ConnectionId),
    /// A connection that nobody had come for broke, and is closed.
    Broke(ConnectionId),
}

impl PeerSockets {
    /// None yet; `epoll` reports them.
    pub(crate) fn new(epoll: Arc<Epoll>) -> Self {
        Self {
            epoll,
            listeners: Vec::new(),
            vacant_listeners: Vec::new(),
            connections: Vec::new(),
            vacant: Vec::new(),
            vacated: Vec::new(),
            by_id: HashMap::new(),
            timers: BTreeSet::new(),
            ready: Ready::new(),
            turn: 0,
            accepted: 0,
            resumed: Vec::new(),
            unfinished: Vec::new(),
            at_the_door: None,
            spliced: Vec::new(),
            scratch: Box::default(),
        }
    }

    /// Listens on `bound` for what peers connect to `at`.
    pub(crate) fn listen(&mut self, at: RelayedAddr, bound: SocketAddr) -> io::Result<u32> {
        let listener = Listener::open(at, bound)?;
        let slot = self.vacant_listeners.pop().unwrap_or(self.listeners.len() as u32);
        if slot as usize == self.listeners.len() {
            self.listeners.push(None);
        }
        if let Err(error) = self.epoll.add(listener.as_fd(), LISTENER | u64::from(slot)) {
            self.vacant_listeners.push(slot);
            return Err(error);
        }
        self.listeners[slot as usize] = Some(listener);
        Ok(slot)
    }

    /// Closes a listener.
    pub(crate) fn close_listener(&mut self, slot: u32) {
        if self.listeners.get_mut(slot as usize).and_then(Option::take).is_some() {
            self.vacant_listeners.push(slot);
        }
    }

    /// Whether a connection has this id.
    pub(crate) fn has(&self, id: ConnectionId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Begins to connect.
    pub(crate) fn connect(
        &mut self,
        id: ConnectionId,
        from: SocketAddr,
        to: SocketAddr,
        descriptor: DescriptorLease,
    ) -> Result<(), ConnectRefusal> {
        let socket = listener::connect(from, to).map_err(refusal)?;
        self.add(PeerConnection::new(id, socket, false, descriptor))
    }

    /// Keeps who is at the door.
    pub(crate) fn keep(
        &mut self,
        id: ConnectionId,
        descriptor: DescriptorLease,
    ) -> Result<(), ConnectRefusal> {
        let socket = self.at_the_door.take().ok_or(ConnectRefusal::Failed)?;
        self.add(PeerConnection::new(id, socket, true, descriptor))
    }

    fn add(&mut self, mut connection: PeerConnection) -> Result<(), ConnectRefusal> {
        let slot = self.vacant.pop().unwrap_or(self.connections.len() as u32);
        if connection.watch(&self.epoll, PEER | u64::from(slot)).is_err() {
            self.vacant.push(slot);
            return Err(ConnectRefusal::Capacity);
        }
        self.by_id.insert(connection.id, slot);
        if slot as usize >= self.connections.len() {
            self.connections.resize_with(slot as usize + 1, || None);
        }
        self.connections[slot as usize] = Some(connection);
        Ok(())
    }

    /// Notes that a client has come for a connection; its own is handed in when it has its answer.
    pub(crate) fn splice(&mut self, id: ConnectionId, client: &FiveTuple) {
        self.spliced.push((id, *client));
    }

    /// Who has come since the last call.
    pub(crate) fn spliced(&mut self) -> Option<(ConnectionId, FiveTuple)> {
        self.spliced.pop()
    }

    /// Binds a client's connection to the peer's; how many bytes of the client came with it.
    pub(crate) fn bind(
        &mut self,
        id: ConnectionId,
        client: DataConnection,
        tally: &mut Tally,
    ) -> usize {
        let transport = client.transport;
        let Some(slot) = self.by_id.get(&id).copied() else {
            // Its allocation has ended within this batch.
            tally.end_stream(StreamEnd::DataConnection);
            return 0;
        };
        let Some(connection) = self.at(slot) else { return 0 };
        let len = connection.bind(client, CLIENT | u64::from(slot), Instant::now());
        *tally.open_streams(transport) += 1;
        self.unfinished.push(slot);
        len
    }

    /// Closes a connection, and the client's that is bound to it.
    pub(crate) fn disconnect(&mut self, id: ConnectionId, tally: &mut Tally) {
        if let Some(slot) = self.by_id.get(&id).copied() {
            self.close(slot, tally);
        }
    }

    /// When there is something to do although nothing is reported.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let now = (!self.unfinished.is_empty()).then(Instant::now);
        now.or_else(|| self.timers.first().map(|timer| timer.0))
    }

    /// Looks what has happened since the last look.
    pub(crate) fn look(&mut self, now: Instant) {
        self.vacant.append(&mut self.vacated);
        self.resumed.append(&mut self.unfinished);
        while let Some(&(at, slot)) = self.timers.first().filter(|timer| timer.0 <= now) {
            self.timers.remove(&(at, slot));
            if let Some(connection) = self.at(slot) {
                connection.timer_at = None;
                self.resumed.push(slot);
            }
        }
        // Where no allocation relays TCP, that costs nothing.
        if self.vacant_listeners.len() < self.listeners.len() {
            self.epoll.look(&mut self.ready).expect("the epoll set is valid");
            (self.turn, self.accepted) = (0, 0);
        }
    }

    /// The next of what the last look saw.
    pub(crate) fn next(&mut self, tally: &mut Tally) -> Option<Occurrence> {
        // Who was not kept is closed.
        self.at_the_door = None;
        while let Some(token) = self.ready.token(self.turn) {
            let slot = token as u32;
            if token & KIND == LISTENER
                && self.accepted < BACKLOG
                && let Some(knock) = self.knock(slot)
            {
                self.accepted += 1;
                return Some(knock);
            }
            (self.turn, self.accepted) = (self.turn + 1, 0);
            if token & KIND != LISTENER
                && let Some(occurrence) = self.occurrence(slot, tally)
            {
                return Some(occurrence);
            }
        }
        while let Some(slot) = self.resumed.pop() {
            if let Some(connection) = self.at(slot) {
                return Some(Occurrence::Ready(connection.id));
            }
        }
        None
    }

    /// The next peer that has connected.
    fn knock(&mut self, slot: u32) -> Option<Occurrence> {
        let listener = self.listeners.get(slot as usize)?.as_ref()?;
        let (socket, from) = listener.accept().ok()?;
        let at = listener.at;
        self.at_the_door = Some(socket);
        Some(Occurrence::Knock { at, from: PeerAddr(from) })
    }

    fn occurrence(&mut self, slot: u32, tally: &mut Tally) -> Option<Occurrence> {
        let connection = self.connections.get_mut(slot as usize)?.as_mut()?;
        let id = connection.id;
        match connection.stage {
            Stage::Bound(_) => Some(Occurrence::Ready(id)),
            Stage::Pending => {
                self.close(slot, tally);
                Some(Occurrence::Broke(id))
            }
            Stage::Connecting => {
                let outcome = connection.outcome()?.map_err(|_| ConnectRefusal::Failed);
                connection.stage = Stage::Pending;
                let watched = connection.watch(&self.epoll, PEER | u64::from(slot));
                let outcome = outcome.and(watched.map_err(|_| ConnectRefusal::Failed));
                if outcome.is_err() {
                    self.close(slot, tally);
                }
                Some(Occurrence::Connected(id, outcome))
            }
        }
    }

    /// Carries a piece of a bound connection; how long it was. `until`: when it may read again, if
    /// not now.
    ///
    /// # Errors
    /// It is broken, and closed.
    pub(crate) fn carry(
        &mut self,
        now: Instant,
        (id, direction): (ConnectionId, Direction),
        until: Option<Instant>,
        tally: &mut Tally,
    ) -> io::Result<Option<usize>> {
        if self.scratch.is_empty() {
            self.scratch = vec![0; PIECE_MAX].into_boxed_slice();
        }
        let Some(slot) = self.by_id.get(&id).copied() else { return Ok(None) };
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else {
            return Ok(None);
        };
        let carried = connection.carry(now, direction, until, &mut self.scratch);
        if carried.is_err() {
            connection.abort();
            self.close(slot, tally);
        }
        carried
    }

    /// Lets a bound connection rest until there is something to carry. `false`: it is over, and
    /// closed.
    pub(crate) fn rest(
        &mut self,
        now: Instant,
        id: ConnectionId,
        has_more: bool,
        tally: &mut Tally,
    ) -> bool {
        let Some(slot) = self.by_id.get(&id).copied() else { return true };
        let Some(Some(connection)) = self.connections.get_mut(slot as usize) else { return true };
        if connection.is_over(now) || connection.settle(&self.epoll).is_err() {
            self.close(slot, tally);
            return false;
        }
        let deadline = connection.deadline();
        if connection.timer_at != deadline {
            let former = std::mem::replace(&mut connection.timer_at, deadline);
            former.map(|former| self.timers.remove(&(former, slot)));
            self.timers.extend(deadline.map(|deadline| (deadline, slot)));
        }
        if has_more {
            self.unfinished.push(slot);
        }
        true
    }

    fn at(&mut self, slot: u32) -> Option<&mut PeerConnection> {
        self.connections.get_mut(slot as usize)?.as_mut()
    }

    /// Closing the descriptors takes them out of the epoll set.
    fn close(&mut self, slot: u32, tally: &mut Tally) {
        let Some(connection) = self.connections.get_mut(slot as usize).and_then(Option::take)
        else {
            return;
        };
        self.by_id.remove(&connection.id);
        if let Some(timer) = connection.timer_at {
            self.timers.remove(&(timer, slot));
        }
        self.vacated.push(slot);
        if let Stage::Bound(bound) = &connection.stage {
            *tally.open_streams(bound.transport) -= 1;
            tally.end_stream(StreamEnd::DataConnection);
        }
    }
}

/// Whether it is for us to have more room, or for the peer to be there.
fn refusal(error: io::Error) -> ConnectRefusal {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            ConnectRefusal::Capacity
        }
        _ => ConnectRefusal::Failed,
    }
}

/// What a token of the set stands for; its lower half is the slot.
const KIND: u64 = 3 << 32;
const LISTENER: u64 = 1 << 32;
const PEER: u64 = 2 << 32;
const CLIENT: u64 = 3 << 32;

#[cfg(test)]
mod tests;
