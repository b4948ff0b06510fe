//! Telling a room who came, changed and went.

use crate::leave::LeaveReason;
use crate::member::Member;
use crate::outbox::Outbox;
use crate::protocol::{Body, MemberChange, ServerMessage};
use crate::room::Room;
use crate::sessions::Sessions;

#[derive(Clone, Copy)]
pub(crate) enum Change {
    Joined,
    Updated,
    Left(LeaveReason),
}

/// One change of a room, after it was made.
pub(crate) struct Announcement<'a> {
    pub(crate) name: &'a str,
    pub(crate) room: &'a Room,
    /// Who changed; no longer in the room if it left.
    pub(crate) member: &'a Member,
    pub(crate) change: Change,
}

impl Announcement<'_> {
    /// Tells everybody in the room but the member itself.
    pub(crate) fn tell(&self, sessions: &mut Sessions, out: &mut Outbox) {
        for receiver in self.room.others(&self.member.id) {
            self.tell_one(receiver, sessions, out);
        }
    }

    /// Tells how the member sees the others who tell of their NATs: each prediction is about both.
    pub(crate) fn tell_back(&self, sessions: &mut Sessions, out: &mut Outbox) {
        for member in self.room.others(&self.member.id).filter(|other| other.nat.is_some()) {
            Announcement { member, ..*self }.tell_one(self.member, sessions, out);
        }
    }

    fn tell_one(&self, receiver: &Member, sessions: &mut Sessions, out: &mut Outbox) {
        let body = Body::of(&self.to(receiver));
        sessions.send(receiver.session, None, &body, out);
    }

    fn to(&self, receiver: &Member) -> ServerMessage<'_> {
        let change = |reason| MemberChange {
            room: self.name,
            member: self.member.seen_by(receiver),
            version: self.room.version,
            reason,
        };
        match self.change {
            Change::Joined => ServerMessage::MemberJoined(change(None)),
            Change::Updated => ServerMessage::MemberUpdated(change(None)),
            Change::Left(reason) => ServerMessage::MemberLeft(change(Some(reason))),
        }
    }
}
