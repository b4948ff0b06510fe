//! Who is on which hub, and how many there are on all of them together.
//!
//! Every number that is bounded over all hubs is checked and counted here in one step, so that two
//! hubs can't take the last place both, nor open the same room.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Instant;

use crate::beside::{Need, What};
use crate::bucket::Bucket;
use crate::deadlines::Deadlines;
use crate::ids::SessionId;
use crate::limits::Limits;
use crate::names::RoomName;
use crate::paces::Paces;
use crate::places::Places;
use crate::rejection::{FULL_RETRY_AFTER_S, Rejection};
use crate::reopening::EndedRooms;
use crate::session::{Session, SessionKey};
use crate::spread::Spread;
use crate::whole::HubNumber;

pub(crate) struct Register {
    sessions: BTreeMap<SessionKey, Seat>,
    keys: BTreeMap<SessionId, SessionKey>,
    /// So many keys were drawn.
    drawn: u64,
    /// The places that each identity's sessions have.
    identities: Places<Arc<str>>,
    /// The same of each network.
    networks: Places<IpAddr>,
    /// How fast each identity begins sessions.
    identity_paces: Paces<Arc<str>>,
    /// The same of each network.
    network_paces: Paces<IpAddr>,
    /// When each session without a connection ends.
    waiting: Deadlines<SessionKey>,
    rooms: BTreeMap<RoomName, Placed>,
    /// Rooms that nobody has joined yet.
    waiting_rooms: usize,
    members: usize,
    connections: usize,
    calls: usize,
    /// Rooms that do not come back with their members.
    pub(crate) ended: EndedRooms,
    /// Rooms and members of each hub.
    loads: Vec<usize>,
    /// When those are to come back for whom there is no place.
    refused_until: Spread,
}

#[derive(Clone, Copy)]
struct Seat {
    hub: HubNumber,
    /// While its line is down.
    ends_at: Option<Instant>,
}

/// A room, as much as everybody has to know.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) hub: HubNumber,
    pub(crate) members: usize,
}

/// A session that wants a place.
pub(crate) struct Newcomer<'a> {
    pub(crate) hub: HubNumber,
    pub(crate) key: SessionKey,
    pub(crate) id: &'a SessionId,
    pub(crate) identity: &'a Arc<str>,
    pub(crate) network: Option<IpAddr>,
    pub(crate) now: Instant,
}

/// What is left for the next ones when it has begun.
struct Left {
    of_identity: Bucket,
    of_network: Option<Bucket>,
}

/// Why it has none.
pub(crate) enum NoPlace {
    Refused(Rejection),
    /// What has to be dealt with first is on that hub.
    Elsewhere(Need),
    /// These have lost their clients, and have to go for it.
    Goes(Vec<SessionKey>),
}

/// Why a room can't be opened on a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// There is one.
    IsOn(HubNumber),
    /// There are as many as there may be.
    Full,
}

impl Register {
    pub(crate) fn new(hubs: u16) -> Self {
        Self {
            sessions: BTreeMap::new(),
            keys: BTreeMap::new(),
            drawn: 0,
            identities: Places::default(),
            networks: Places::default(),
            identity_paces: Paces::default(),
            network_paces: Paces::default(),
            waiting: Deadlines::default(),
            rooms: BTreeMap::new(),
            waiting_rooms: 0,
            members: 0,
            connections: 0,
            calls: 0,
            ended: EndedRooms::default(),
            loads: vec![0; usize::from(hubs)],
            refused_until: Spread::over(FULL_RETRY_AFTER_S, FULL_SPREAD_S),
        }
    }

    /// Counts one more connection, if there may be one.
    pub(crate) fn connect(&mut self, limits: &Limits) -> bool {
        take(&mut self.connections, limits.connections_max)
    }

    pub(crate) fn disconnect(&mut self) {
        self.connections -= 1;
    }

    /// Counts one more call, if there may be one.
    pub(crate) fn call(&mut self, limits: &Limits) -> bool {
        take(&mut self.calls, limits.calls_max)
    }

    pub(crate) fn end_call(&mut self) {
        self.calls -= 1;
    }

    /// After how many seconds somebody may come back for whom there was no place.
    pub(crate) fn retry_after_s(&mut self) -> u32 {
        self.refused_until.deal()
    }

    /// A key for a session to be.
    pub(crate) fn draw_key(&mut self) -> SessionKey {
        self.drawn += 1;
        SessionKey(self.drawn)
    }

    /// A place among all sessions, those of an identity and of a network. Nobody goes for somebody
    /// who is refused all the same.
    pub(crate) fn begin(
        &mut self,
        limits: &Limits,
        newcomer: &Newcomer<'_>,
    ) -> Result<(), NoPlace> {
        let Newcomer { hub, key, id, identity, network, now } = *newcomer;
        if let Some((_, hub)) = self.session_of(id) {
            return Err(NoPlace::Elsewhere(Need { hub, what: What::Session }));
        }
        let left = self.at_their_pace(limits, newcomer).map_err(NoPlace::Refused)?;
        let going = self.who_goes_for(limits, identity, network).map_err(NoPlace::Refused)?;
        let seats = going.iter().filter_map(|&key| Some((key, self.hub_of(key)?)));
        if let Some((key, hub)) = seats.into_iter().find(|(_, it)| *it != hub) {
            return Err(NoPlace::Elsewhere(Need { hub, what: What::PlaceOf(key) }));
        }
        if !going.is_empty() {
            return Err(NoPlace::Goes(going));
        }
        self.sessions.insert(key, Seat { hub, ends_at: None });
        self.keys.insert(id.clone(), key);
        self.identities.take(Arc::clone(identity), key);
        self.identity_paces.keep(Arc::clone(identity), now, left.of_identity);
        if let Some((network, left)) = network.zip(left.of_network) {
            self.networks.take(network, key);
            self.network_paces.keep(network, now, left);
        }
        Ok(())
    }

    /// Whether another session is not too soon, for its identity and for its network.
    fn at_their_pace(
        &mut self,
        limits: &Limits,
        &Newcomer { identity, network, now, .. }: &Newcomer<'_>,
    ) -> Result<Left, Rejection> {
        let of_identity = self.identity_paces.left(identity, now, limits.identity_sessions);
        let of_identity =
            of_identity.map_err(|retry_after_s| Rejection::TooManyNewSessions { retry_after_s })?;
        let of = |network: IpAddr| self.network_paces.left(&network, now, limits.network_sessions);
        let of_network = network.map(of).transpose();
        // Many come from one network: not all are to come back together.
        let of_network = of_network.map_err(|_| Rejection::TooManyNewSessions {
            retry_after_s: self.refused_until.deal(),
        })?;
        Ok(Left { of_identity, of_network })
    }

    /// Who has to go for another session, if anybody: of all, of the identity, of the network.
    fn who_goes_for(
        &self,
        limits: &Limits,
        identity: &Arc<str>,
        network: Option<IpAddr>,
    ) -> Result<Vec<SessionKey>, Rejection> {
        let mut going = Vec::new();
        if self.sessions.len() >= limits.connections_max {
            let (_, longest) = self.waiting.first().ok_or(Rejection::ServerFull)?;
            going.push(longest);
        }
        if self.identities.are_taken(identity, limits.sessions_per_identity_max) {
            let waiting = self.longest_waiting_of(self.identities.sessions(identity));
            going.push(waiting.ok_or(Rejection::TooManySessions)?);
        }
        let of_network = limits.sessions_per_network_max;
        if let Some(network) = network.filter(|it| self.networks.are_taken(it, of_network)) {
            let waiting = self.longest_waiting_of(self.networks.sessions(&network));
            going.push(waiting.ok_or(Rejection::TooManySessions)?);
        }
        Ok(going)
    }

    /// Of these sessions the one that has waited longest for its client.
    fn longest_waiting_of(&self, sessions: impl Iterator<Item = SessionKey>) -> Option<SessionKey> {
        let waiting = |key| Some((self.sessions.get(&key)?.ends_at?, key));
        sessions.filter_map(waiting).min().map(|(_, key)| key)
    }

    /// A session has lost its client, and waits for it so long.
    pub(crate) fn wait(&mut self, key: SessionKey, ends_at: Instant) {
        if let Some(seat) = self.sessions.get_mut(&key) {
            seat.ends_at = Some(ends_at);
            self.waiting.insert(ends_at, key);
        }
    }

    /// It waits no longer.
    pub(crate) fn wait_no_longer(&mut self, key: SessionKey) {
        let ends_at = self.sessions.get_mut(&key).and_then(|seat| seat.ends_at.take());
        if let Some(ends_at) = ends_at {
            self.waiting.remove(ends_at, key);
        }
    }

    /// A session counts in another network from now on, which may be beyond its number by those who
    /// moved there.
    pub(crate) fn relocate(
        &mut self,
        key: SessionKey,
        former: Option<IpAddr>,
        network: Option<IpAddr>,
    ) {
        if let Some(former) = former {
            self.networks.give_back(&former, key);
        }
        if let Some(network) = network {
            self.networks.take(network, key);
        }
    }

    pub(crate) fn end(&mut self, key: SessionKey, session: &Session) {
        self.wait_no_longer(key);
        self.sessions.remove(&key);
        self.keys.remove(&session.id);
        self.identities.give_back(&session.identity, key);
        if let Some(network) = session.network {
            self.networks.give_back(&network, key);
        }
    }

    /// The session of this id, and where it is.
    pub(crate) fn session_of(&self, id: &SessionId) -> Option<(SessionKey, HubNumber)> {
        let key = *self.keys.get(id)?;
        Some((key, self.hub_of(key)?))
    }

    pub(crate) fn hub_of(&self, key: SessionKey) -> Option<HubNumber> {
        self.sessions.get(&key).map(|seat| seat.hub)
    }

    pub(crate) fn sessions_of(&self, identity: &str) -> Vec<SessionKey> {
        self.identities.sessions(identity).collect()
    }

    /// How many have a session.
    pub(crate) fn identities(&self) -> usize {
        self.identities.len()
    }

    /// The room of this name.
    pub(crate) fn room(&self, name: &str) -> Option<Placed> {
        self.rooms.get(name).copied()
    }

    /// The rooms behind `after`, in the order of their names.
    pub(crate) fn rooms_after(
        &self,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&RoomName, Placed)> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rooms = self.rooms.range::<str, _>((begin, Bound::Unbounded));
        rooms.map(|(name, placed)| (name, *placed))
    }

    /// Counts one more member in a room, which is opened on `hub` if there is none. So many of its
    /// members are `yielding` to this one: they depart next, and the room does not end with them.
    ///
    /// # Errors
    /// When there are as many as there may be, or when the room is on another hub.
    pub(crate) fn enter(
        &mut self,
        limits: &Limits,
        (name, hub): (&RoomName, HubNumber),
        yielding: usize,
    ) -> Result<(), NoRoom> {
        let known = self.rooms.get(name);
        if let Some(placed) = known.filter(|placed| placed.hub != hub) {
            return Err(NoRoom::IsOn(placed.hub));
        }
        let has_room = known.is_some() || self.rooms.len() < limits.rooms_max;
        if !has_room || self.members - yielding >= limits.members_max {
            return Err(NoRoom::Full);
        }
        self.members += 1;
        match self.rooms.get_mut(name) {
            Some(placed) => {
                self.waiting_rooms -= usize::from(placed.members == 0);
                placed.members += 1;
            }
            None => self.place(name, Placed { hub, members: 1 }),
        }
        *self.load(hub) += 1;
        Ok(())
    }

    /// Counts a room that waits for its first member.
    ///
    /// # Errors
    /// When there is one of this name, or as many as there may be.
    pub(crate) fn open(
        &mut self,
        limits: &Limits,
        (name, hub): (&RoomName, HubNumber),
    ) -> Result<(), NoRoom> {
        if let Some(placed) = self.rooms.get(name) {
            return Err(NoRoom::IsOn(placed.hub));
        }
        let is_full = self.rooms.len() >= limits.rooms_max;
        if is_full || self.waiting_rooms >= limits.waiting_rooms_max {
            return Err(NoRoom::Full);
        }
        self.waiting_rooms += 1;
        self.place(name, Placed { hub, members: 0 });
        Ok(())
    }

    fn place(&mut self, name: &RoomName, placed: Placed) {
        self.rooms.insert(name.clone(), placed);
        *self.load(placed.hub) += 1;
    }

    /// A member has left. `false` when nobody is to stay: then the room has to be closed.
    pub(crate) fn depart(&mut self, name: &RoomName) -> bool {
        let placed = self.rooms.get_mut(name).filter(|placed| placed.members > 1);
        let Some(placed) = placed else { return false };
        placed.members -= 1;
        self.members -= 1;
        let hub = placed.hub;
        *self.load(hub) -= 1;
        true
    }

    /// A room has ended, with all who are in it.
    pub(crate) fn close(&mut self, name: &RoomName) {
        let Some(Placed { hub, members }) = self.rooms.remove(name) else { return };
        // Where all have left the room has gone with the last of them: without any it has waited.
        self.waiting_rooms -= usize::from(members == 0);
        self.members -= members;
        *self.load(hub) -= members + 1;
    }

    /// Sessions and rooms have moved to `hub`.
    pub(crate) fn moved<'a>(
        &mut self,
        hub: HubNumber,
        sessions: impl Iterator<Item = SessionKey>,
        rooms: impl Iterator<Item = &'a RoomName>,
    ) {
        for key in sessions {
            if let Some(seat) = self.sessions.get_mut(&key) {
                seat.hub = hub;
            }
        }
        for name in rooms {
            let Some(placed) = self.rooms.get_mut(name) else { continue };
            let (former, weight) = (std::mem::replace(&mut placed.hub, hub), placed.members + 1);
            *self.load(former) -= weight;
            *self.load(hub) += weight;
        }
    }

    /// The hub on which there is least: `own`, unless another one has less.
    pub(crate) fn least_loaded(&self, own: HubNumber) -> HubNumber {
        let loads = (0..).map(HubNumber).zip(&self.loads);
        let least = loads.min_by_key(|(hub, load)| (**load, *hub != own));
        least.map_or(own, |(hub, _)| hub)
    }

    fn load(&mut self, hub: HubNumber) -> &mut usize {
        &mut self.loads[usize::from(hub.0)]
    }
}

fn take(count: &mut usize, max: usize) -> bool {
    let may = *count < max;
    *count += usize::from(may);
    may
}

/// Over how many seconds those are spread for whom there is no place.
const FULL_SPREAD_S: u32 = 20;

#[cfg(test)]
mod tests;
