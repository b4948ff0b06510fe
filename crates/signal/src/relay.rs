//! Descriptions, candidates and messages from one member to another. What is in them is not read,
//! except where only relays may be used.

use crate::answered::Done;
use crate::claims::Relay;
use crate::hub::{Asked, Hub};
use crate::ids::MemberId;
use crate::negotiation::Held;
use crate::outbox::Outbox;
use crate::protocol::{
    Body, Candidate, Description, DescriptionKind, Message, RelayedCandidate, RelayedDescription,
    RelayedMessage, ServerMessage,
};
use crate::rejection::Rejection;
use crate::relay_only;
use crate::replay::Wanted;
use crate::session::{Line, SessionKey};
use crate::sessions::Fate;

impl Hub {
    pub(crate) fn relay_description(
        &mut self,
        asked: Asked<'_>,
        message: &Description<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let Route { from, to, session } = self.route(asked.session, &message.room, &message.to)?;
        let stripped = match self.is_relay_only(asked.session, &message.room) {
            true => Some(relay_only::description(message.description)?),
            false => None,
        };
        let room = self.rooms.get_mut(&*message.room).ok_or(Rejection::NotInRoom)?;
        let what = (message.kind, message.negotiation);
        let side = room.negotiations.describe(&from, &to, &message.connection, what)?;
        let body = Body::of(&ServerMessage::Description(RelayedDescription {
            room: &message.room,
            from: from.as_str(),
            connection: &message.connection,
            negotiation: message.negotiation,
            description: stripped.as_deref().unwrap_or(message.description),
        }));
        let former = side.last_offer().filter(|_| message.kind == DescriptionKind::Offer);
        let wanted = asked.wanted(message.receipt);
        if let Some(seq) = self.sessions.send_wanted(session, &body, wanted, out) {
            side.described(message.kind, seq);
        }
        if let Some(former) = former {
            self.supersede(session, former, out);
        }
        self.counts.descriptions += 1;
        Ok(self.sent(session))
    }

    pub(crate) fn relay_candidate(
        &mut self,
        asked: Asked<'_>,
        message: &Candidate<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let Route { from, to, session } = self.route(asked.session, &message.room, &message.to)?;
        let stripped = match self.is_relay_only(asked.session, &message.room) {
            true => Some(relay_only::candidate(message.candidate)?),
            false => None,
        };
        let room = self.rooms.get_mut(&*message.room).ok_or(Rejection::NotInRoom)?;
        let number = message.negotiation;
        let side = room.negotiations.propose(&from, &to, &message.connection, number)?;
        let body = Body::of(&ServerMessage::Candidate(RelayedCandidate {
            room: &message.room,
            from: from.as_str(),
            connection: &message.connection,
            negotiation: message.negotiation,
            candidate: stripped.as_deref().unwrap_or(message.candidate),
        }));
        let share = self.memory.share(size_of::<Held>() + body.len());
        let mut held = Some(Held { body, wanted: asked.wanted(message.receipt), _share: share });
        let receiver = self.sessions.get(session).ok_or(Rejection::NoSuchMember)?;
        if receiver.capabilities.hold_candidates && side.is_ahead_of(receiver.replay.acked()) {
            held = held.and_then(|held| side.hold(held).err());
        }
        if let Some(Held { body, wanted, .. }) = held {
            self.sessions.send_wanted(session, &body, wanted, out);
        }
        self.counts.candidates += 1;
        Ok(self.sent(session))
    }

    pub(crate) fn relay_message(
        &mut self,
        asked: Asked<'_>,
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
            let route = self.route(asked.session, &message.room, to)?;
            let wanted = asked.wanted(message.receipt);
            let body = body_from(&route.from);
            self.sessions.send_wanted(route.session, &body, wanted, out);
            self.counts.messages += 1;
            return Ok(self.sent(route.session));
        }
        let from = self.own_member(asked.session, &message.room)?;
        let room = self.rooms.get(&*message.room).ok_or(Rejection::NotInRoom)?;
        let body = body_from(&from);
        for receiver in room.others(&from) {
            self.sessions.send(receiver.session, None, &body, out);
            self.counts.messages += 1;
        }
        Ok(Done::Sent { held: false })
    }

    /// A session has received everything up to `ack`.
    pub(crate) fn acknowledge(&mut self, key: SessionKey, ack: u64, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let arrived = session.replay.acknowledge(ack);
        let holds = session.capabilities.hold_candidates;
        self.sessions.tell(arrived, Fate::Delivered, out);
        if holds {
            self.release_candidates(key, out);
        }
    }

    /// Sends the candidates that have waited for a description which is acknowledged by now.
    pub(crate) fn release_candidates(&mut self, key: SessionKey, out: &mut Outbox) {
        let Some(session) = self.sessions.get(key) else { return };
        let acked = session.replay.acked();
        for (name, member) in session.rooms.clone() {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            for Held { body, wanted, .. } in room.negotiations.release(&member, acked) {
                self.sessions.send_wanted(key, &body, wanted, out);
            }
        }
    }

    /// An offer that has not arrived while a newer one is there is no use to anybody.
    fn supersede(&mut self, receiver: SessionKey, seq: u64, out: &mut Outbox) {
        let Some(session) = self.sessions.get_mut(receiver) else { return };
        if let Line::Down { .. } = session.line {
            let instead = Body::of(&ServerMessage::Superseded {}).frame(Some(seq), None);
            let wanted = session.replay.replace(seq, instead);
            self.sessions.tell(wanted.into_iter().collect(), Fate::Superseded, out);
        }
    }

    /// Whether nobody may learn from this session, in this room, where it is.
    fn is_relay_only(&self, key: SessionKey, room: &str) -> bool {
        let of_token =
            self.sessions.get(key).is_some_and(|session| session.claims.relay == Relay::Only);
        of_token || self.rooms.get(room).is_some_and(|room| room.relay_only)
    }

    fn sent(&self, to: SessionKey) -> Done {
        let is_up = self.sessions.get(to).is_some_and(|session| session.conn().is_some());
        Done::Sent { held: !is_up }
    }

    fn route(&self, key: SessionKey, room: &str, to: &str) -> Result<Route, Rejection> {
        let from = self.own_member(key, room)?;
        if from.as_str() == to {
            return Err(Rejection::BadField("to"));
        }
        let receiver = self.rooms.get(room).and_then(|room| room.members.get(to));
        let receiver = receiver.ok_or(Rejection::NoSuchMember)?;
        Ok(Route { from, to: receiver.id.clone(), session: receiver.session })
    }

    fn own_member(&self, key: SessionKey, room: &str) -> Result<MemberId, Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        session.membership(room).map(|(_, member)| member.clone())
    }
}

impl Asked<'_> {
    /// Whom to tell what became of this message, if that was asked for.
    fn wanted(&self, receipt: bool) -> Option<Wanted> {
        receipt.then(|| Wanted { by: self.session, id: self.id.into() })
    }
}

/// From a member of a room to another one, and that one's session.
struct Route {
    from: MemberId,
    to: MemberId,
    session: SessionKey,
}
