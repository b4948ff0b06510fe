//! What a frame needs of another hub, and how it is dealt with beside that one.
//!
//! ```text
//!   handle(frame) ──▶ Done
//!        │
//!        └──▶ Needs(hub) ── whoever owns both ──▶ handle_beside(the other, frame) ──▶ Done
//!                                                     │  ▲
//!                                                     └──┘ Needs(a third one), at times
//! ```
//!
//! | what | why | then |
//! |---|---|---|
//! | a room | somebody joins it | the smaller component moves, see `component.rs` |
//! | room for a room | somebody who is in none opens one | the session moves where there is least |
//! | a session | somebody takes it up | the connection moves to it |
//! | a place | a session is begun where all are taken | a session without a client ends there |
//!
//! Nothing was changed before that but what the frame acknowledges, and the rate that it counts in.

use kopru_stun::time::Now;

use crate::component::{Smaller, Walk, smaller};
use crate::hub::{Handled, Hub, Origin, Take};
use crate::outbox::{ConnId, Outbox};
use crate::protocol::{ClientMessage, Join, Request};
use crate::rejection::Rejection;
use crate::session::SessionKey;
use crate::whole::HubNumber;

/// What a frame needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The hub that has it.
    pub hub: HubNumber,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The room of a `join`, or room for it.
    Room,
    /// The session that a `hello` takes up.
    Session,
    /// The place of this session.
    PlaceOf(SessionKey),
}

impl Hub {
    /// Deals with a frame for which [`handle`](Self::handle), or this, has said that `other` is
    /// needed. It may have changed since what is where; then another one may be.
    pub fn handle_beside(
        &mut self,
        (other, need): (&mut Self, Need),
        (now, conn): (Now, ConnId),
        text: &str,
        out: &mut Outbox,
    ) -> Handled {
        other.stories.tick(now);
        match need.what {
            What::Session => self.move_stranger(other, conn, out),
            What::PlaceOf(session) => other.give_up(session, out),
            What::Room => {
                let Ok(request) = Request::parse(text, &self.settings.limits) else {
                    return Handled::Done;
                };
                if let ClientMessage::Join(join) = &request.message
                    && let Err(rejection) = self.meet(other, (now, conn), join, out)
                {
                    let origin = Origin { now, conn, id: request.id.as_deref() };
                    self.refuse(origin, rejection, out);
                    return Handled::Done;
                }
            }
        }
        let hub = if self.connections.contains_key(&conn) { self } else { other };
        hub.take((now, conn), text, Take::Again, out)
    }

    /// Deals with a frame for which another hub was needed, when it may need none any more: its
    /// connection was moved meanwhile.
    pub fn handle_again(
        &mut self,
        (now, conn): (Now, ConnId),
        text: &str,
        out: &mut Outbox,
    ) -> Handled {
        self.take((now, conn), text, Take::Again, out)
    }

    /// Brings who joins and the room together, on either hub.
    fn meet(
        &mut self,
        other: &mut Self,
        (now, conn): (Now, ConnId),
        join: &Join<'_>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let key = self.connections.get(&conn).and_then(|connection| connection.session());
        let Some(key) = key else { return Ok(()) };
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let Some((name, _)) = other.rooms.get_key_value(&*join.room) else {
            let is_nowhere = self.whole.register().room(&join.room).is_none();
            if is_nowhere && !self.is_in_rooms(key) {
                let alone = Walk::from_session(self, key).found;
                self.move_to(other, alone, out);
            }
            return Ok(());
        };
        // Nobody moves for somebody who is refused all the same.
        other.who_yields(now.instant, &session.identity, join)?;
        let [own, theirs] = [Walk::from_session(self, key), Walk::from_room(other, name.clone())];
        match smaller(own, theirs) {
            Smaller::First(component) => self.move_to(other, component, out),
            Smaller::Second(component) => other.move_to(self, component, out),
        }
        Ok(())
    }
}
