//! A second device of somebody in a room where the first one is.

use std::time::{Duration, Instant};

use crate::hub::Hub;
use crate::protocol::Join;
use crate::rejection::Rejection;
use crate::session::{Line, SessionKey};

/// What happens when somebody joins a room in which another session of the same identity is.
///
/// One that is **away** yields in any case where nothing else would let the new one in: it has lost
/// its connection, or said nothing for longer than a client may. So nobody waits for itself after
/// a page was loaded again, and two who are there never take turns.
///
/// Identities that the server makes for each session never meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameIdentity {
    /// Both are members. Where the room is full, the new one takes the place of one that is away.
    #[default]
    Several,
    /// The former one is put out, and told.
    Replace,
    /// The new one is refused, unless the former one is away: then that is put out.
    Reject,
}

impl Hub {
    /// Whose places in a room on this hub somebody of `identity` takes who joins it now. Nothing
    /// was changed yet; what refuses it but for the numbers that all hubs have in common, refuses
    /// it here.
    pub(crate) fn who_yields(
        &self,
        now: Instant,
        identity: &str,
        join: &Join<'_>,
    ) -> Result<Vec<SessionKey>, Rejection> {
        let Some(room) = self.rooms.get(&*join.room) else { return Ok(Vec::new()) };
        if join.kind.is_some_and(|kind| kind != room.kind) {
            return Err(Rejection::OtherRoomKind);
        }
        let is_full = room.members.len() >= room.capacity;
        let own = room.members.values().filter(|member| &*member.identity == identity);
        let own = own.map(|member| member.session);
        let yielding: Vec<SessionKey> = match self.settings.same_identity {
            SameIdentity::Several if is_full => {
                let away = own.filter_map(|key| Some((self.absence(now, key)?, key)));
                away.max().map(|(_, key)| key).into_iter().collect()
            }
            SameIdentity::Several => Vec::new(),
            SameIdentity::Replace => own.collect(),
            SameIdentity::Reject => {
                let away = own.map(|key| self.absence(now, key).map(|_| key));
                away.collect::<Option<_>>().ok_or(Rejection::IdentityInRoom)?
            }
        };
        if is_full && yielding.is_empty() {
            return Err(Rejection::RoomFull);
        }
        Ok(yielding)
    }

    /// How much a session is away: one without a connection more than one that is silent, and then
    /// for how long. `None`: its client is there, as far as can be known.
    fn absence(&self, now: Instant, key: SessionKey) -> Option<Absence> {
        let limits = &self.settings.limits;
        match self.sessions.get(key)?.line {
            Line::Down { ends_at, .. } => {
                let left = ends_at.saturating_duration_since(now);
                Some(Absence::Lost { since: limits.grace.saturating_sub(left) })
            }
            Line::Up(conn) => {
                let heard_at = self.connections.get(&conn)?.heard_at;
                let since = now.saturating_duration_since(heard_at);
                (since > limits.heartbeat).then_some(Absence::Silent { since })
            }
        }
    }
}

/// The later, the more it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Absence {
    Silent { since: Duration },
    Lost { since: Duration },
}
