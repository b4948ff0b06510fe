//! One room: its members, and how often it has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::calls::Calls;
use crate::ids::{CallId, MemberId};
use crate::member::Member;
use crate::memory::{Memory, Share};
use crate::negotiation::Negotiations;
use crate::protocol::{CallView, Joined, MemberView};
use crate::replay::Wanted;
use crate::room_kind::RoomKind;
use crate::terms::Terms;

/// Exists while it has members, and until `ends_at` before that.
pub(crate) struct Room {
    pub(crate) kind: RoomKind,
    /// How many members it may have.
    pub(crate) capacity: usize,
    pub(crate) members: BTreeMap<MemberId, Member>,
    /// Counts its changes.
    pub(crate) version: u64,
    /// Nobody in it may learn another one's address.
    pub(crate) relay_only: bool,
    /// When it ends if nobody has joined it. `None` from the first member on.
    pub(crate) ends_at: Option<Instant>,
    /// The connections between its members.
    pub(crate) negotiations: Negotiations,
    /// The calls between its members.
    pub(crate) calls: BTreeSet<CallId>,
    /// What it takes, but for what is in it.
    pub(crate) _share: Share,
}

impl Room {
    /// An empty one.
    pub(crate) fn new(terms: Terms, memory: &Memory) -> Self {
        let Terms { kind, capacity, relay_only } = terms;
        Self {
            kind,
            capacity,
            members: BTreeMap::new(),
            version: 0,
            relay_only,
            ends_at: None,
            negotiations: Negotiations::new(memory.clone()),
            calls: BTreeSet::new(),
            _share: memory.share(ROOM_BYTES),
        }
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms { kind: self.kind, capacity: self.capacity, relay_only: self.relay_only }
    }

    pub(crate) fn insert(&mut self, mut member: Member) {
        member.nat = member.nat.filter(|_| !self.relay_only);
        self.members.insert(member.id.clone(), member);
        self.version += 1;
    }

    /// Takes a member away, and who wanted to know of candidates that wait for it, or of its own.
    pub(crate) fn remove(&mut self, member: &MemberId) -> Option<(Member, Vec<Wanted>)> {
        let gone = self.members.remove(member)?;
        let unsaid = self.negotiations.forget(member);
        self.version += 1;
        Some((gone, unsaid))
    }

    /// Everybody but `member`.
    pub(crate) fn others<'a>(&'a self, member: &'a MemberId) -> impl Iterator<Item = &'a Member> {
        self.members.values().filter(move |other| other.id != *member)
    }

    /// The answer to `member`'s join.
    pub(crate) fn joined<'a>(
        &'a self,
        name: &'a str,
        member: &'a Member,
        calls: &'a Calls,
    ) -> Joined<'a> {
        let members: Vec<MemberView<'_>> =
            self.others(&member.id).map(|other| other.seen_by(member)).collect();
        let calls = self.calls.iter().filter_map(|&id| calls.get(id));
        let calls = calls.filter(|call| call.concerns(&member.id));
        let calls: Vec<CallView<'_>> =
            calls.map(|call| call.view(call.caller != member.id)).collect();
        Joined {
            room: name,
            kind: self.kind,
            capacity: self.capacity,
            member: member.id.as_str(),
            members,
            version: self.version,
            calls,
            ice_transport_policy: self.relay_only.then_some("relay"),
        }
    }
}

/// A room in the tables of a hub, with its name.
const ROOM_BYTES: usize = 512;
