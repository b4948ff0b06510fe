//! `leave`, and every other way out of a room.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answered::Done;
use crate::hub::Hub;
use crate::ids::MemberId;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::presence::{Announcement, Change};
use crate::protocol::{Body, PutOut, ServerMessage};
use crate::rejection::Rejection;
use crate::room::Room;
use crate::session::SessionKey;
use crate::sessions::Fate;

/// Why a member left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeaveReason {
    /// It said so.
    Left,
    /// Its connection was lost, and it did not come back.
    Disconnected,
    /// Nothing was heard of it for too long, and it did not come back.
    TimedOut,
    /// The same identity joined in another session.
    Replaced,
    /// A new token does not allow the room.
    NotAllowed,
    /// A back end put it out.
    Kicked,
    /// A back end closed the room.
    RoomClosed,
    /// A back end ended all sessions of its identity.
    Revoked,
}

impl Hub {
    pub(crate) fn leave(
        &mut self,
        key: SessionKey,
        room: &str,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let session = self.sessions.get_mut(key).ok_or(Rejection::HelloFirst)?;
        let (name, member) = session.membership(room)?.clone();
        // Not by the member id: on trust, a client may have the same one in two rooms.
        session.rooms.retain(|(other, _)| *other != name);
        self.depart(&name, &member, LeaveReason::Left, out);
        Ok(Done::Ok { version: None })
    }

    /// Takes a session out of a room that it has not left by itself, and tells it.
    pub(crate) fn put_out(
        &mut self,
        key: SessionKey,
        name: &RoomName,
        reason: LeaveReason,
        out: &mut Outbox,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(place) = session.rooms.iter().position(|(room, _)| room == name) else { return };
        let (_, member) = session.rooms.remove(place);
        self.depart(name, &member, reason, out);
        let (room, member) = (name.as_str(), member.as_str());
        self.tell_put_out(key, PutOut { room, member, reason }, out);
    }

    pub(crate) fn tell_put_out(&mut self, key: SessionKey, what: PutOut<'_>, out: &mut Outbox) {
        self.sessions.send(key, None, &Body::of(&ServerMessage::Left(what)), out);
    }

    /// Takes a room away.
    pub(crate) fn end_room(&mut self, name: &RoomName) -> Option<Room> {
        let room = self.rooms.remove(name)?;
        if let Some(ends_at) = room.ends_at {
            self.waiting_rooms.remove(ends_at, name.clone());
        }
        self.whole.register().close(name);
        Some(room)
    }

    /// Takes a member out of its room, and the room away if it was the last.
    pub(crate) fn depart(
        &mut self,
        name: &RoomName,
        member: &MemberId,
        reason: LeaveReason,
        out: &mut Outbox,
    ) {
        self.tell_departure(name, member, reason, out);
        self.leave_calls(name, member, out);
        let Some(room) = self.rooms.get_mut(name) else { return };
        let Some((member, unsaid)) = room.remove(member) else { return };
        self.members -= 1;
        self.sessions.tell(unsaid, Fate::Expired, out);
        // Who takes the last one's place is counted there already.
        if !self.whole.register().depart(name) {
            self.end_room(name);
            return;
        }
        let Some(room) = self.rooms.get_mut(name) else { return };
        let change = Change::Left(reason);
        Announcement { name: name.as_str(), room, member: &member, change }
            .tell(&mut self.sessions, out);
    }
}
