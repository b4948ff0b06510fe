//! `join`: a session enters a room and becomes a member of it.

use kopru_stun::time::Now;

use crate::answered::Done;
use crate::claims::Relay;
use crate::hub::Hub;
use crate::ids::{Ids, MemberId};
use crate::limits::Limits;
use crate::member::Member;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::presence::{Announcement, Change};
use crate::protocol::{Join, empty_object};
use crate::rejection::Rejection;
use crate::room::Room;
use crate::session::SessionKey;

impl Hub {
    pub(crate) fn join(
        &mut self,
        now: Now,
        key: SessionKey,
        join: &Join<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        self.may_join(now, key, &join.room)?;
        self.settle_identity(key, &join.room, out)?;
        self.has_place(join)?;
        let name = match self.rooms.get_key_value(&*join.room) {
            Some((name, _)) => name.clone(),
            None => RoomName::from_canonical(&join.room),
        };
        let session = self.sessions.get_mut(key).ok_or(Rejection::HelloFirst)?;
        let former = join.member.as_deref().and_then(|id| match session.claims.subject {
            Some(_) => self.ids.member_again(&session.id, &join.room, id),
            // Where nobody has to show a token, nobody can prove to be anybody.
            None => Ids::member_on_trust(id),
        });
        let former = former.filter(|id| !is_taken(self.rooms.get(&name), id));
        let id = former.unwrap_or_else(|| self.ids.member(&session.id, &join.room));
        // Most are in one room, and need no room for four.
        session.rooms.reserve_exact(1);
        session.rooms.push((name.clone(), id.clone()));
        let mut member = Member {
            id: id.clone(),
            session: key,
            identity: session.identity.clone(),
            name: join.name.clone(),
            meta: (join.meta.get() != empty_object().get()).then(|| join.meta.to_owned()),
            capabilities: session.capabilities,
            media: join.media.clone(),
            nat: join.nat.filter(|_| session.claims.relay != Relay::Only).map(Box::new),
            joined_at: now.instant,
            reconnecting: false,
            share: self.memory.share(0),
        };
        member.weigh();
        let kind = join.kind.unwrap_or(self.settings.room_kind);
        let capacity = kind.capacity(&self.settings.limits);
        let relay_only = self.names_relay_only(&name);
        let memory = &self.memory;
        let new = || Room { relay_only, ..Room::new(kind, capacity, memory) };
        let room = self.rooms.entry(name.clone()).or_insert_with(new);
        if let Some(ends_at) = room.ends_at.take() {
            self.waiting_rooms.remove(ends_at, name.clone());
        }
        room.insert(member);
        self.members += 1;
        if let Some(member) = room.members.get(&id) {
            Announcement { name: name.as_str(), room, member, change: Change::Joined }
                .tell(&mut self.sessions, out);
        }
        Ok(Done::Joined { room: name, member: id })
    }

    fn may_join(&self, now: Now, key: SessionKey, room: &str) -> Result<(), Rejection> {
        let rooms_max = self.settings.limits.rooms_per_session_max;
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        if !session.claims.allows(room) {
            return Err(Rejection::RoomNotAllowed);
        }
        if session.claims.is_expired(now.unix) {
            return Err(Rejection::TokenExpired);
        }
        if session.membership(room).is_ok() {
            return Err(Rejection::AlreadyJoined);
        }
        let may_create = session.claims.create.unwrap_or(self.settings.create_rooms);
        if !may_create && !self.rooms.contains_key(room) {
            return Err(Rejection::NoSuchRoom);
        }
        if session.rooms.len() >= rooms_max {
            return Err(Rejection::TooManyRooms);
        }
        Ok(())
    }

    fn has_place(&self, join: &Join<'_>) -> Result<(), Rejection> {
        let Limits { rooms_max, members_max, .. } = self.settings.limits;
        let is_full = match self.rooms.get(&*join.room) {
            Some(room) if join.kind.is_some_and(|kind| kind != room.kind) => {
                return Err(Rejection::OtherRoomKind);
            }
            Some(room) if room.members.len() >= room.capacity => return Err(Rejection::RoomFull),
            Some(_) => false,
            None => self.rooms.len() >= rooms_max,
        };
        if is_full || self.members >= members_max {
            return Err(Rejection::ServerFull);
        }
        Ok(())
    }
}

fn is_taken(room: Option<&Room>, member: &MemberId) -> bool {
    room.is_some_and(|room| room.members.contains_key(member))
}
