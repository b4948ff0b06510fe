//! `leave`, and every other way out of a room.

use crate::answered::Done;
use crate::hub::Hub;
use crate::ids::MemberId;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::presence::{Announcement, Change};
use crate::rejection::Rejection;
use crate::session::SessionKey;

/// Why a member left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaveReason {
    /// It said so.
    Left,
    /// Its connection was lost, and it did not come back.
    Disconnected,
    /// Nothing was heard of it for too long, and it did not come back.
    TimedOut,
}

impl LeaveReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed_out",
        }
    }
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
        session.rooms.retain(|(_, other)| *other != member);
        self.depart(&name, &member, LeaveReason::Left, out);
        Ok(Done::Ok { version: None })
    }

    /// Takes a member out of its room, and the room away if it was the last.
    pub(crate) fn depart(
        &mut self,
        name: &RoomName,
        member: &MemberId,
        reason: LeaveReason,
        out: &mut Outbox,
    ) {
        self.leave_calls(name, member, out);
        let Some(room) = self.rooms.get_mut(name) else { return };
        let Some(member) = room.remove(member) else { return };
        self.members -= 1;
        if room.members.is_empty() {
            self.rooms.remove(name);
            return;
        }
        let change = Change::Left(reason);
        Announcement { name: name.as_str(), room, member: &member, change }
            .tell(&mut self.sessions, out);
    }
}
