//! A second device of somebody in a room where the first one is.

use crate::hub::Hub;
use crate::leave::LeaveReason;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::rejection::Rejection;
use crate::session::SessionKey;

/// What happens when somebody joins a room in which another session of the same identity is.
///
/// Identities that the server makes for each session never meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameIdentity {
    /// Both are members.
    #[default]
    Several,
    /// The former one is put out, and told.
    Replace,
    /// The new one is refused, unless the former one has lost its connection: then that is put
    /// out, so that a page that was loaded again does not wait for itself.
    Reject,
}

impl Hub {
    /// Makes room for `key` beside, or in place of, the others of its identity.
    pub(crate) fn settle_identity(
        &mut self,
        key: SessionKey,
        room: &str,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let policy = self.settings.same_identity;
        let (Some(session), Some((name, room))) =
            (self.sessions.get(key), self.rooms.get_key_value(room))
        else {
            return Ok(());
        };
        if policy == SameIdentity::Several {
            return Ok(());
        }
        let own = || room.members.values().filter(|member| member.identity == session.identity);
        if policy == SameIdentity::Reject && own().any(|member| !member.reconnecting) {
            return Err(Rejection::IdentityInRoom);
        }
        let (name, former): (RoomName, Vec<SessionKey>) =
            (name.clone(), own().map(|member| member.session).collect());
        for session in former {
            self.put_out(session, &name, LeaveReason::Replaced, out);
        }
        Ok(())
    }
}
