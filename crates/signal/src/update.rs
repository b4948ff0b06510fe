//! `update`: a member changes what others see of it.

use crate::answered::Done;
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
        let room = self.rooms.get_mut(&name).ok_or(Rejection::NotInRoom)?;
        let member = room.members.get_mut(&id).ok_or(Rejection::NotInRoom)?;
        if let Some(name) = &update.name {
            member.name.clone_from(name);
        }
        if let Some(meta) = update.meta {
            member.meta = meta.to_owned();
        }
        member.weigh();
        room.version += 1;
        let version = Some(room.version);
        if let Some(member) = room.members.get(&id) {
            Announcement { name: name.as_str(), room, member, change: Change::Updated }
                .tell(&mut self.sessions, out);
        }
        Ok(Done::Ok { version })
    }
}
