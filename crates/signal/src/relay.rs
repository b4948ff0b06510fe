//! Descriptions, candidates and messages from one member to another. What is in them is not read,
//! except where only relays may be used.

use std::collections::BTreeMap;

use crate::answered::Done;
use crate::claims::Relay;
use crate::hub::{Asked, Hub};
use crate::ids::MemberId;
use crate::member::Member;
use crate::negotiation::{Displaced, Held};
use crate::outbox::Outbox;
use crate::protocol::{
    Body, Candidate, Description, DescriptionKind, Frame as _, Json, Message, RelayedCandidate,
    RelayedDescription, RelayedMessage, ServerMessage,
};
use crate::recording::{Between, Told};
use crate::rejection::Rejection;
use crate::relay_only;
use crate::replay::Wanted;
use crate::session::{Line, SessionKey};
use crate::sessions::{Fate, Sessions};
use crate::stories::StoryRef;

impl Hub {
    pub(crate) fn relay_description(
        &mut self,
        asked: Asked<'_>,
        message: &Description<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let route = self.route(asked.session, &message.room, &message.to)?;
        let Route { from, to, session, is_relay_only } = route;
        let stripped = match is_relay_only {
            true => Some(relay_only::description(message.description)?),
            false => None,
        };
        let passed = stripped.as_deref().map_or(message.description, Json::checked);
        let room = self.rooms.get_mut(&*message.room).ok_or(Rejection::NotInRoom)?;
        let (place, displaced) = room.negotiations.at(&from, &to, &message.connection);
        let displaced = displaced.and_then(|it| it.release(&room.members, &mut self.sessions, out));
        let told = Told { story: place.story.clone(), displaced };
        let side = place.describe(message.kind, message.negotiation);
        let side = side.inspect_err(|_| self.stories.supersede(told.story.as_ref(), &from))?;
        let is_offer = message.kind == DescriptionKind::Offer;
        let useless = if is_offer { side.supersede_held() } else { Vec::new() };
        let relayed = ServerMessage::Description(RelayedDescription {
            room: &message.room,
            from: from.as_str(),
            connection: &message.connection,
            negotiation: message.negotiation,
            description: passed,
        });
        let former = side.last_offer().filter(|_| is_offer);
        let wanted = asked.wanted(message.receipt);
        if let Some(seq) = self.sessions.send_wanted(session, &relayed, wanted, out) {
            side.described(message.kind, seq);
        }
        if let Some(former) = former
            && self.supersede(session, former, out)
        {
            self.stories.supersede(told.story.as_ref(), &from);
        }
        self.sessions.tell(useless, Fate::Superseded, out);
        self.counts.descriptions += 1;
        let between = Between::new(&message.room, [&from, &to], &message.connection);
        self.tell_description(&between, told, (message.kind, passed), out);
        Ok(self.sent(session))
    }

    pub(crate) fn relay_candidate(
        &mut self,
        asked: Asked<'_>,
        message: &Candidate<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let route = self.route(asked.session, &message.room, &message.to)?;
        let Route { from, to, session, is_relay_only } = route;
        let stripped = match is_relay_only {
            true => Some(relay_only::candidate(message.candidate)?),
            false => None,
        };
        let passed = stripped.as_deref().map_or(message.candidate, Json::checked);
        let room = self.rooms.get_mut(&*message.room).ok_or(Rejection::NotInRoom)?;
        let receiver = self.sessions.get(session).ok_or(Rejection::NoSuchMember)?;
        let (holds, acked) = (receiver.capabilities.hold_candidates, receiver.replay.acked());
        let held_bytes = if holds { room.negotiations.held_bytes(&to) } else { 0 };
        let (place, displaced) = room.negotiations.at(&from, &to, &message.connection);
        let held_bytes = held_bytes
            .saturating_sub(displaced.as_ref().map_or(0, |displaced| displaced.held_bytes(&to)));
        let displaced = displaced.and_then(|it| it.release(&room.members, &mut self.sessions, out));
        let told = Told { story: place.story.clone(), displaced };
        let side = place.propose(message.negotiation)?;
        let relayed = ServerMessage::Candidate(RelayedCandidate {
            room: &message.room,
            from: from.as_str(),
            connection: &message.connection,
            negotiation: message.negotiation,
            candidate: passed,
        });
        let wanted = asked.wanted(message.receipt);
        if holds && side.is_ahead_of(acked) {
            let body = Body::of(&relayed);
            let share = self.memory.share(size_of::<Held>() + body.len());
            let held = Held { body, wanted, _share: share };
            if let Err(Held { body, wanted, .. }) = side.hold(held, held_bytes) {
                self.sessions.send_wanted(session, &body, wanted, out);
            }
        } else {
            self.sessions.send_wanted(session, &relayed, wanted, out);
        }
        self.counts.candidates += 1;
        let between = Between::new(&message.room, [&from, &to], &message.connection);
        self.tell_candidate(&between, told, passed, out);
        Ok(self.sent(session))
    }

    pub(crate) fn relay_message(
        &mut self,
        asked: Asked<'_>,
        message: &Message<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let (room, data) = (&*message.room, message.data);
        if let Some(to) = &message.to {
            let route = self.route(asked.session, &message.room, to)?;
            let wanted = asked.wanted(message.receipt);
            let from = route.from.as_str();
            let relayed = ServerMessage::Message(RelayedMessage { room, from, data });
            self.sessions.send_wanted(route.session, &relayed, wanted, out);
            self.counts.messages += 1;
            return Ok(self.sent(route.session));
        }
        let member = self.own_member(asked.session, room)?;
        let from = member.as_str();
        let body = Body::of(&ServerMessage::Message(RelayedMessage { room, from, data }));
        let room = self.rooms.get(room).ok_or(Rejection::NotInRoom)?;
        for receiver in room.others(&member) {
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

    /// An offer that has not arrived while a newer one is there is no use to anybody. Whether there
    /// was such a one.
    fn supersede(&mut self, receiver: SessionKey, seq: u64, out: &mut Outbox) -> bool {
        let Some(session) = self.sessions.get_mut(receiver) else { return false };
        let Line::Down { .. } = session.line else { return false };
        let instead = ServerMessage::Superseded {}.frame(Some(seq), None);
        let wanted = session.replay.replace(seq, instead);
        self.sessions.tell(wanted.into_iter().collect(), Fate::Superseded, out);
        true
    }

    /// Whether nobody may learn from this session, in this room, where it is.
    pub(crate) fn is_relay_only(&self, key: SessionKey, room: &str) -> bool {
        let of_token =
            self.sessions.get(key).is_some_and(|session| session.claims.relay == Relay::Only);
        of_token || self.rooms.get(room).is_some_and(|room| room.relay_only)
    }

    fn sent(&self, to: SessionKey) -> Done {
        let is_up = self.sessions.get(to).is_some_and(|session| session.conn().is_some());
        Done::Sent { held: !is_up }
    }

    fn route(&self, key: SessionKey, room: &str, to: &str) -> Result<Route, Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        let (_, from) = session.membership(room)?;
        if from.as_str() == to {
            return Err(Rejection::BadField("to"));
        }
        let room = self.rooms.get(room).ok_or(Rejection::NoSuchMember)?;
        let receiver = room.members.get(to).ok_or(Rejection::NoSuchMember)?;
        Ok(Route {
            from: from.clone(),
            to: receiver.id.clone(),
            session: receiver.session,
            is_relay_only: session.claims.relay == Relay::Only || room.relay_only,
        })
    }

    pub(crate) fn own_member(&self, key: SessionKey, room: &str) -> Result<MemberId, Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        session.membership(room).map(|(_, member)| member.clone())
    }
}

impl Displaced {
    /// Bytes of what was held back in it for a member.
    fn held_bytes(&self, member: &MemberId) -> usize {
        let own = self.held.iter().filter(|(to, _)| to == member);
        own.map(|(_, held)| held.body.len()).sum()
    }

    /// What was held back in it goes out at once. Its story.
    pub(crate) fn release(
        self,
        members: &BTreeMap<MemberId, Member>,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) -> Option<StoryRef> {
        for (to, Held { body, wanted, .. }) in self.held {
            let Some(receiver) = members.get(&to) else { continue };
            sessions.send_wanted(receiver.session, &body, wanted, out);
        }
        self.story
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
    /// Whether the other one may not learn where the first one is.
    is_relay_only: bool,
}
