//! What a back end does to those who are there: puts a member out, closes a room, ends all sessions
//! of an identity. Whoever owns the hub ends the allocations, which it knows nothing of.

use crate::hub::Hub;
use crate::ids::MemberId;
use crate::leave::LeaveReason;
use crate::names::RoomName;
use crate::outbox::{CloseReason, Outbox};
use crate::protocol::PutOut;
use crate::session::{Line, SessionKey};
use crate::sessions::Fate;

impl Hub {
    /// Puts a member out of its room. `false` when there is no such room or member on this hub.
    pub fn kick(&mut self, room: &RoomName, member: &str, out: &mut Outbox) -> bool {
        let member = self.rooms.get(room).and_then(|room| room.members.get(member));
        let Some(session) = member.map(|member| member.session) else { return false };
        self.put_out(session, room, LeaveReason::Kicked, out);
        true
    }

    /// Ends a room: each of its members is told that it is out of it. `false` when there is none on
    /// this hub. Where there is none on any, members that are away don't open it again.
    pub fn close_room(&mut self, name: &RoomName, out: &mut Outbox) -> bool {
        self.whole.register().ended.insert(name);
        let Some(room) = self.rooms.get(name) else { return false };
        let members: Vec<(MemberId, SessionKey)> =
            room.members.values().map(|member| (member.id.clone(), member.session)).collect();
        let reason = LeaveReason::RoomClosed;
        for (member, _) in &members {
            self.tell_departure(name, member, reason, out);
            self.leave_calls(name, member, out);
        }
        let Some(mut room) = self.end_room(name) else { return false };
        for (member, _) in &members {
            self.sessions.tell(room.negotiations.forget(member), Fate::Expired, out);
        }
        self.members -= members.len();
        // Nobody is told that the others left: there is nothing left to be in.
        for (member, session) in members {
            if let Some(session) = self.sessions.get_mut(session) {
                session.rooms.retain(|(room, _)| room != name);
            }
            let (room, member) = (name.as_str(), member.as_str());
            self.tell_put_out(session, PutOut { room, member, reason }, out);
        }
        true
    }

    /// Ends all sessions of an identity that are on this hub, and says how many there were.
    pub fn revoke(&mut self, identity: &str, out: &mut Outbox) -> usize {
        let mut sessions = self.whole.register().sessions_of(identity);
        sessions.retain(|&key| self.sessions.get(key).is_some());
        for &key in &sessions {
            match self.sessions.get(key).map(|session| session.line) {
                Some(Line::Up(conn)) => {
                    self.end(conn, LeaveReason::Revoked, out);
                    self.close(conn, CloseReason::Revoked, out);
                }
                Some(Line::Down { ends_at, .. }) => {
                    self.waiting.remove(ends_at, key);
                    self.end_session(key, LeaveReason::Revoked, out);
                }
                None => {}
            }
        }
        sessions.len()
    }
}
