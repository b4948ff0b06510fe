//! `update`: a member changes what others see of it.

use crate::answered::Done;
use crate::claims::Relay;
use crate::hub::Hub;
use crate::outbox::Outbox;
use crate::presence::{Announcement, Change};
use crate::protocol::Update;
use crate::rejection::Rejection;
use crate::session::SessionKey;

impl Hub {
    pub(crate) fn update(
        &mut self,
        key: SessionKey,
        update: &Update<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        let (name, id) = session.membership(&update.room)?.clone();
        let may_tell = !self.is_relay_only(key, &update.room);
        let room = self.rooms.get_mut(&name).ok_or(Rejection::NotInRoom)?;
        let member = room.members.get_mut(&id).ok_or(Rejection::NotInRoom)?;
        if let Some(name) = &update.name {
            member.name.clone_from(name);
        }
        if let Some(meta) = update.meta {
            member.meta = Some(meta.to_owned());
        }
        let nat_before = member.nat.clone();
        if let Some(nat) = update.nat {
            member.nat = nat.filter(|_| may_tell).map(Box::new);
        }
        member.weigh();
        room.version += 1;
        let version = Some(room.version);
        if let Some(member) = room.members.get(&id) {
            let change = Change::Updated;
            let news = Announcement { name: name.as_str(), room, member, change };
            news.tell(&mut self.sessions, out);
            if member.nat != nat_before {
                news.tell_back(&mut self.sessions, out);
            }
        }
        self.tell_mapping(&name, &id);
        Ok(Done::Ok { version })
    }

    /// Takes back what a session has told of its NAT, if its token says so by now.
    pub(crate) fn hide_nat(&mut self, key: SessionKey, out: &mut Outbox) {
        let Some(session) = self.sessions.get(key) else { return };
        if session.claims.relay != Relay::Only {
            return;
        }
        for (name, id) in session.rooms.clone() {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            let Some(member) = room.members.get_mut(&id) else { continue };
            if member.nat.take().is_none() {
                continue;
            }
            // No change of the version: the member itself has asked for none, and could not count
            // it.
            if let Some(member) = room.members.get(&id) {
                let change = Change::Updated;
                let news = Announcement { name: name.as_str(), room, member, change };
                news.tell(&mut self.sessions, out);
                news.tell_back(&mut self.sessions, out);
            }
            self.tell_mapping(&name, &id);
        }
    }
}
