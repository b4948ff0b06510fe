//! RFC 6062 §5.2, §5.3: peer data connections, from the moment on that one is wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use kopru_stun::attribute::ConnectionId;

use crate::auth::Protection;
use crate::five_tuple::{FiveTuple, PeerAddr, RelayedAddr};
use crate::hashing::KeyedHash;
use crate::limits::Limits;
use crate::permission::Full;
use crate::reply::Reply;

/// A connection between a relayed transport address and a peer.
#[derive(Debug)]
pub(crate) struct PeerConnection {
    /// Names its allocation.
    pub(crate) relayed: RelayedAddr,
    pub(crate) peer: PeerAddr,
    pub(crate) stage: Stage,
}

/// How far it has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// There will be one, or else the request is refused.
    Connecting(Box<Connecting>),
    /// There is one, and nobody has come for it.
    Pending,
    /// A client data connection is bound to it.
    Bound,
}

/// The request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connecting {
    pub(crate) client: FiveTuple,
    pub(crate) reply: Reply,
    pub(crate) protection: Protection,
}

/// The connections of one server: one owner, one index, and a timer for each that waits.
///
/// ```text
/// by_peer (relayed, peer) ──▶ id ──▶ PeerConnection
///                             ▲
///                          timers
/// ```
pub(crate) struct PeerConnections {
    by_id: HashMap<ConnectionId, (PeerConnection, Option<Instant>), KeyedHash>,
    /// In this order those of one allocation stand together.
    by_peer: BTreeMap<(RelayedAddr, PeerAddr), ConnectionId>,
    timers: BTreeSet<(Instant, ConnectionId)>,
}

impl PeerConnections {
    pub(crate) fn new(hash: KeyedHash) -> Self {
        let by_id = HashMap::with_hasher(hash);
        Self { by_id, by_peer: BTreeMap::new(), timers: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The connection of this id.
    pub(crate) fn get(&self, id: ConnectionId) -> Option<&PeerConnection> {
        self.by_id.get(&id).map(|(connection, _)| connection)
    }

    /// Whether there is one with this peer.
    pub(crate) fn has(&self, relayed: RelayedAddr, peer: PeerAddr) -> bool {
        self.by_peer.contains_key(&(relayed, peer))
    }

    /// One of those of an allocation, if it has any.
    pub(crate) fn first_of(&self, relayed: RelayedAddr) -> Option<ConnectionId> {
        self.of(relayed).next()
    }

    fn of(&self, relayed: RelayedAddr) -> impl Iterator<Item = ConnectionId> + '_ {
        let from = (relayed, PeerAddr(LEAST));
        let own = self.by_peer.range(from..).take_while(move |(key, _)| key.0 == relayed);
        own.map(|(_, id)| *id)
    }

    /// Whether one more fits into the limits.
    pub(crate) fn check_room(&self, relayed: RelayedAddr, limits: &Limits) -> Result<(), Full> {
        let is_bound = |id| self.get(id).is_some_and(|it| matches!(it.stage, Stage::Bound));
        let (all, unbound) =
            (self.of(relayed).count(), self.of(relayed).filter(|id| !is_bound(*id)));
        let full = self.len() >= limits.peer_connections
            || all >= limits.peer_connections_per_allocation
            || unbound.count() >= limits.unbound_connections_per_allocation;
        if full { Err(Full) } else { Ok(()) }
    }

    /// Adds one that may stay until `until` as it is. Its id is in no use, and neither is its peer.
    pub(crate) fn insert(&mut self, id: ConnectionId, connection: PeerConnection, until: Instant) {
        let former = self.by_peer.insert((connection.relayed, connection.peer), id);
        debug_assert_eq!(former, None, "one connection to a peer");
        let former = self.by_id.insert(id, (connection, Some(until)));
        debug_assert!(former.is_none(), "an id is in use twice");
        self.timers.insert((until, id));
    }

    /// Moves one on to this stage, where it may stay until `until`.
    pub(crate) fn advance(&mut self, id: ConnectionId, stage: Stage, until: Option<Instant>) {
        let Some((connection, timer)) = self.by_id.get_mut(&id) else { return };
        connection.stage = stage;
        if let Some(former) = std::mem::replace(timer, until) {
            self.timers.remove(&(former, id));
        }
        self.timers.extend(until.map(|until| (until, id)));
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<PeerConnection> {
        let (connection, timer) = self.by_id.remove(&id)?;
        self.by_peer.remove(&(connection.relayed, connection.peer));
        if let Some(timer) = timer {
            self.timers.remove(&(timer, id));
        }
        Some(connection)
    }

    /// One that has waited long enough.
    pub(crate) fn due(&self, now: Instant) -> Option<ConnectionId> {
        self.timers.first().filter(|timer| timer.0 <= now).map(|timer| timer.1)
    }

    /// When [`due`](Self::due) is worth asking.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|timer| timer.0)
    }
}

/// Before every other address.
const LEAST: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
