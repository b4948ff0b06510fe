//! Descriptions, candidates and messages from one member to another, unread.

use crate::answered::Done;
use crate::hub::Hub;
use crate::ids::MemberId;
use crate::outbox::Outbox;
use crate::protocol::{
    Body, Candidate, Description, Message, RelayedCandidate, RelayedDescription, RelayedMessage,
    ServerMessage,
};
use crate::rejection::Rejection;
use crate::session::SessionKey;

impl Hub {
    pub(crate) fn relay_description(
        &mut self,
        key: SessionKey,
        message: &Description<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let route = self.route(key, &message.room, &message.to)?;
        let relayed = ServerMessage::Description(RelayedDescription {
            room: &message.room,
            from: route.from.as_str(),
            connection: &message.connection,
            negotiation: message.negotiation,
            description: message.description,
        });
        self.sessions.send(route.to, None, &Body::of(&relayed), out);
        self.counts.descriptions += 1;
        Ok(DELIVERED)
    }

    pub(crate) fn relay_candidate(
        &mut self,
        key: SessionKey,
        message: &Candidate<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let route = self.route(key, &message.room, &message.to)?;
        let relayed = ServerMessage::Candidate(RelayedCandidate {
            room: &message.room,
            from: route.from.as_str(),
            connection: &message.connection,
            candidate: message.candidate,
        });
        self.sessions.send(route.to, None, &Body::of(&relayed), out);
        self.counts.candidates += 1;
        Ok(DELIVERED)
    }

    pub(crate) fn relay_message(
        &mut self,
        key: SessionKey,
        message: &Message<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let body_from = |from: &MemberId| {
            Body::of(&ServerMessage::Message(RelayedMessage {
                room: &message.room,
                from: from.as_str(),
                data: message.data,
            }))
        };
        if let Some(to) = &message.to {
            let route = self.route(key, &message.room, to)?;
            self.sessions.send(route.to, None, &body_from(&route.from), out);
            self.counts.messages += 1;
            return Ok(DELIVERED);
        }
        let from = self.own_member(key, &message.room)?;
        let room = self.rooms.get(&*message.room).ok_or(Rejection::NotInRoom)?;
        let body = body_from(&from);
        for receiver in room.others(&from) {
            self.sessions.send(receiver.session, None, &body, out);
            self.counts.messages += 1;
        }
        Ok(DELIVERED)
    }

    fn route(&self, key: SessionKey, room: &str, to: &str) -> Result<Route, Rejection> {
        let from = self.own_member(key, room)?;
        if from.as_str() == to {
            return Err(Rejection::BadField("to"));
        }
        let receiver = self.rooms.get(room).and_then(|room| room.members.get(to));
        let to = receiver.ok_or(Rejection::NoSuchMember)?.session;
        Ok(Route { from, to })
    }

    fn own_member(&self, key: SessionKey, room: &str) -> Result<MemberId, Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        session.membership(room).map(|(_, member)| member.clone())
    }
}

/// From a member of a room to another one's session.
struct Route {
    from: MemberId,
    to: SessionKey,
}

const DELIVERED: Done = Done::Ok { version: None };
