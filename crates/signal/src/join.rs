//! `join`: a session enters a room and becomes a member of it.

use crate::answered::Done;
use crate::connection::Connection;
use crate::hub::{Hub, Origin};
use crate::limits::Limits;
use crate::member::Member;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::presence::{Announcement, Change};
use crate::protocol::Join;
use crate::rejection::Rejection;

impl Hub {
    pub(crate) fn join(
        &mut self,
        origin: Origin<'_>,
        join: &Join<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        self.may_join(origin, &join.room)?;
        self.has_place(&join.room)?;
        let name = match self.rooms.get_key_value(&*join.room) {
            Some((name, _)) => name.clone(),
            None => RoomName::from_canonical(&join.room),
        };
        let session = self
            .connections
            .get_mut(&origin.conn)
            .and_then(Connection::session)
            .ok_or(Rejection::HelloFirst)?;
        let id = self.ids.member();
        session.rooms.push((name.clone(), id.clone()));
        let member = Member {
            id: id.clone(),
            conn: origin.conn,
            identity: session.identity.clone(),
            name: join.name.clone(),
            meta: join.meta.to_owned(),
            rollback: session.rollback,
        };
        let room = self.rooms.entry(name.clone()).or_default();
        room.insert(member);
        self.members += 1;
        if let Some(member) = room.members.get(&id) {
            Announcement { name: name.as_str(), room, member, change: Change::Joined }
                .tell(&mut self.connections, out);
        }
        Ok(Done::Joined { room: name, member: id })
    }

    fn may_join(&mut self, origin: Origin<'_>, room: &str) -> Result<(), Rejection> {
        let rooms_max = self.settings.limits.rooms_per_session_max;
        let session = self.session_mut(origin.conn).ok_or(Rejection::HelloFirst)?;
        if !session.claims.allows(room) {
            return Err(Rejection::RoomNotAllowed);
        }
        if session.claims.is_expired(origin.now.unix) {
            return Err(Rejection::TokenExpired);
        }
        if session.membership(room).is_ok() {
            return Err(Rejection::AlreadyJoined);
        }
        if session.rooms.len() >= rooms_max {
            return Err(Rejection::TooManyRooms);
        }
        Ok(())
    }

    fn has_place(&self, room: &str) -> Result<(), Rejection> {
        let Limits { members_per_room_max, rooms_max, members_max, .. } = self.settings.limits;
        let is_full = match self.rooms.get(room) {
            Some(room) if room.members.len() >= members_per_room_max => {
                return Err(Rejection::RoomFull);
            }
            Some(_) => false,
            None => self.rooms.len() >= rooms_max,
        };
        if is_full || self.members >= members_max {
            return Err(Rejection::ServerFull);
        }
        Ok(())
    }
}
