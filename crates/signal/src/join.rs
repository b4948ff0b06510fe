//! `join`: a session enters a room and becomes a member of it.

use kopru_stun::time::Now;

use crate::answered::Done;
use crate::beside::{Need, What};
use crate::claims::Relay;
use crate::hub::{Asked, Hub, Take};
use crate::ids::{Ids, MemberId};
use crate::leave::LeaveReason;
use crate::member::Member;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::presence::{Announcement, Change};
use crate::protocol::{Join, empty_object};
use crate::register::NoRoom;
use crate::rejection::{Rejection, Setback};
use crate::room::Room;
use crate::session::SessionKey;
use crate::whole::HubNumber;

impl Hub {
    pub(crate) fn join(
        &mut self,
        now: Now,
        key: SessionKey,
        join: &Join<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Setback> {
        self.may_join(now, key, join)?;
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        let yielding = self.who_yields(now.instant, &session.identity, join)?;
        let terms = self.terms_of(join, self.terms_before(session, join))?;
        let name = match self.rooms.get_key_value(&*join.room) {
            Some((name, _)) => name.clone(),
            None => RoomName::from_canonical(&join.room),
        };
        self.take_place_in(&name, yielding.len())?;
        // Only now, since nothing refuses this any more; and the room has its next member already.
        for former in yielding {
            self.put_out(former, &name, LeaveReason::Replaced, out);
        }
        if terms.relay_only {
            self.make_private(&name, out);
        }
        let session = self.sessions.get_mut(key).ok_or(Rejection::HelloFirst)?;
        let former = join.member.as_deref().and_then(|id| match session.claims.subject {
            Some(_) => self.ids.member_again(&session.id, &join.room, id).map(|(id, _)| id),
            // Where nobody has to show a token, nobody can prove to be anybody.
            None => Ids::member_on_trust(id),
        });
        let former = former.filter(|id| !is_taken(self.rooms.get(&name), id));
        let id = former.unwrap_or_else(|| self.ids.member(&session.id, &join.room, terms));
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
        let memory = &self.memory;
        let room = self.rooms.entry(name.clone()).or_insert_with(|| Room::new(terms, memory));
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

    fn may_join(&self, now: Now, key: SessionKey, join: &Join<'_>) -> Result<(), Rejection> {
        let room = &*join.room;
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
        let is_there = self.whole.register().room(room).is_some();
        if !is_there && !may_create && self.terms_before(session, join).is_none() {
            return Err(Rejection::NoSuchRoom);
        }
        if session.rooms.len() >= rooms_max {
            return Err(Rejection::TooManyRooms);
        }
        Ok(())
    }

    /// Whether the room is on this hub, or may be opened here. A session that is in no room yet
    /// opens its first one where there is least.
    pub(crate) fn is_at_hand(
        &self,
        asked: Asked<'_>,
        join: &Join<'_>,
        take: Take,
    ) -> Result<(), Setback> {
        if self.rooms.contains_key(&*join.room) {
            return Ok(());
        }
        self.may_join(asked.now, asked.session, join)?;
        let register = self.whole.register();
        let hub = match register.room(&join.room) {
            Some(placed) => placed.hub,
            None if take == Take::First && !self.is_in_rooms(asked.session) => {
                register.least_loaded(self.number)
            }
            None => self.number,
        };
        if hub == self.number { Ok(()) } else { Err(room_on(hub)) }
    }

    /// A place in a room, which is opened if there is none of this name; so many are about to leave
    /// it.
    fn take_place_in(&mut self, name: &RoomName, yielding: usize) -> Result<(), Setback> {
        let limits = &self.settings.limits;
        let entered = self.whole.register().enter(limits, (name, self.number), yielding);
        entered.map_err(|no_room| match no_room {
            // Opened there in this moment.
            NoRoom::IsOn(hub) => room_on(hub),
            NoRoom::Full => Rejection::ServerFull.into(),
        })
    }

    pub(crate) fn is_in_rooms(&self, key: SessionKey) -> bool {
        self.sessions.get(key).is_some_and(|session| !session.rooms.is_empty())
    }
}

fn room_on(hub: HubNumber) -> Setback {
    Setback::Needs(Need { hub, what: What::Room })
}

fn is_taken(room: Option<&Room>, member: &MemberId) -> bool {
    room.is_some_and(|room| room.members.contains_key(member))
}
