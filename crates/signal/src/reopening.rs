//! A room that is gone comes back with its members: after a restart of the server, and when all of
//! them were away for longer than sessions wait.
//!
//! ```text
//!   hello + resume   ──▶ a new session with the id of the former one, which proves:
//!   join + member    ──▶ this session was this member of this room, and that was a pair
//!                        of two with relays only            (ids.rs, terms.rs)
//!   no such room     ──▶ it is opened, as exactly that, also by who may open none
//!   there is one     ──▶ what it is it stays; but if the former one was for relays only, so is
//!                        this from now on
//! ```
//!
//! A room that a back end has ended stays ended: see [`EndedRooms`].

use std::collections::{BTreeSet, VecDeque};

use crate::hub::Hub;
use crate::ids::MemberId;
use crate::limits::ENDED_ROOMS_MAX;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::protocol::{Body, Join, ServerMessage};
use crate::rejection::Rejection;
use crate::session::Session;
use crate::terms::Terms;

/// The rooms that back ends have ended since the start, the newest ones, until they are made again.
#[derive(Default)]
pub(crate) struct EndedRooms {
    names: BTreeSet<RoomName>,
    /// In the order in which they ended.
    order: VecDeque<RoomName>,
}

impl EndedRooms {
    pub(crate) fn insert(&mut self, name: &RoomName) {
        if !self.names.insert(name.clone()) {
            return;
        }
        self.order.push_back(name.clone());
        if self.order.len() > ENDED_ROOMS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    /// It is made again.
    pub(crate) fn remove(&mut self, name: &RoomName) {
        if self.names.remove(name) {
            self.order.retain(|other| other != name);
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

impl Hub {
    /// What a room was when this session was the member of it that it names, if it has come back
    /// from a session that is over.
    pub(crate) fn terms_before(&self, session: &Session, join: &Join<'_>) -> Option<Terms> {
        let id = join.member.as_deref().filter(|_| session.has_come_back())?;
        let (_, terms) = self.ids.member_again(&session.id, &join.room, id)?;
        let is_ended = self.whole.register().ended.contains(&join.room);
        (!is_ended).then_some(terms)
    }

    /// What the room is when this `join` is done.
    pub(crate) fn terms_of(
        &self,
        join: &Join<'_>,
        before: Option<Terms>,
    ) -> Result<Terms, Rejection> {
        let limits = &self.settings.limits;
        let was_private = before.is_some_and(|before| before.relay_only);
        let (terms, is_private) = match (self.rooms.get(&*join.room), before) {
            (Some(room), _) => (room.terms(), was_private),
            (None, Some(before)) if join.kind.is_some_and(|kind| kind != before.kind) => {
                return Err(Rejection::OtherRoomKind);
            }
            (None, Some(before)) => (before.within(limits), self.names_relay_only(&join.room)),
            (None, None) => {
                let kind = join.kind.unwrap_or(self.settings.room_kind);
                (Terms::of(kind, limits), self.names_relay_only(&join.room))
            }
        };
        Ok(Terms { relay_only: terms.relay_only || is_private, ..terms })
    }

    /// From now on nobody in a room learns another one's address. Its members are told how it is,
    /// and what they have told of their NATs is forgotten.
    pub(crate) fn make_private(&mut self, name: &RoomName, out: &mut Outbox) {
        let Some(room) = self.rooms.get_mut(name).filter(|room| !room.relay_only) else {
            return;
        };
        room.relay_only = true;
        let members: Vec<MemberId> = room.members.keys().cloned().collect();
        room.members.values_mut().for_each(|member| member.nat = None);
        for id in &members {
            self.tell_mapping(name, id);
        }
        let Some(room) = self.rooms.get(name) else { return };
        for member in room.members.values() {
            let joined = room.joined(name.as_str(), member, &self.calls);
            let body = Body::of(&ServerMessage::Joined(joined));
            self.sessions.send(member.session, None, &body, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(number: usize) -> RoomName {
        RoomName::new(&number.to_string()).expect("a name")
    }

    #[test]
    fn the_newest_ends_are_remembered_until_the_room_is_made_again() {
        let mut ended = EndedRooms::default();
        (0..=ENDED_ROOMS_MAX).for_each(|number| ended.insert(&room(number)));
        ended.insert(&room(1));
        assert_eq!((ended.names.len(), ended.order.len()), (ENDED_ROOMS_MAX, ENDED_ROOMS_MAX));
        assert!(!ended.contains("0") && ended.contains("1"));
        ended.remove(&room(1));
        ended.remove(&room(0));
        assert!(!ended.contains("1"));
        assert_eq!(
            (ended.names.len(), ended.order.len()),
            (ENDED_ROOMS_MAX - 1, ENDED_ROOMS_MAX - 1)
        );
    }
}
