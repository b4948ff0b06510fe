//! One room: its members, and how often it has changed.

use std::collections::BTreeMap;

use crate::ids::MemberId;
use crate::member::Member;
use crate::negotiation::Negotiations;
use crate::protocol::{Joined, MemberView};

/// Exists while it has members.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) members: BTreeMap<MemberId, Member>,
    /// Counts its changes.
    pub(crate) version: u64,
    /// Nobody in it may learn another one's address.
    pub(crate) relay_only: bool,
    /// The connections between its members.
    pub(crate) negotiations: Negotiations,
}

impl Room {
    pub(crate) fn insert(&mut self, member: Member) {
        self.members.insert(member.id.clone(), member);
        self.version += 1;
    }

    pub(crate) fn remove(&mut self, member: &MemberId) -> Option<Member> {
        let gone = self.members.remove(member)?;
        self.negotiations.forget(member);
        self.version += 1;
        Some(gone)
    }

    /// Everybody but `member`.
    pub(crate) fn others<'a>(&'a self, member: &'a MemberId) -> impl Iterator<Item = &'a Member> {
        self.members.values().filter(move |other| other.id != *member)
    }

    /// The answer to `member`'s join.
    pub(crate) fn joined<'a>(&'a self, name: &'a str, member: &'a Member) -> Joined<'a> {
        let members: Vec<MemberView<'_>> =
            self.others(&member.id).map(|other| other.seen_by(member)).collect();
        Joined {
            room: name,
            member: member.id.as_str(),
            members,
            version: self.version,
            ice_transport_policy: self.relay_only.then_some("relay"),
        }
    }
}
