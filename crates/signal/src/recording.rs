//! Where stories begin, go on and end, beside the path: nothing here changes what is passed on.

use crate::evidence::{Evidence, Mapping, Ways};
use crate::hub::Hub;
use crate::ids::MemberId;
use crate::leave::LeaveReason;
use crate::member::Member;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::protocol::{DescriptionKind, IceState, Json, Report};
use crate::room::Room;
use crate::stories::StoryRef;
use crate::story::{Beginning, News, Side, Story};
use crate::timeline::What;

/// A connection: in which room, from whom to whom, and which of theirs.
pub(crate) struct Between<'a> {
    room: &'a str,
    pub(crate) from: &'a MemberId,
    to: &'a MemberId,
    connection: &'a str,
}

impl<'a> Between<'a> {
    pub(crate) fn new(room: &'a str, [from, to]: [&'a MemberId; 2], connection: &'a str) -> Self {
        Self { room, from, to, connection }
    }
}

/// Where a connection's story is told, and that of one which was forgotten for it.
pub(crate) struct Told {
    pub(crate) story: Option<StoryRef>,
    pub(crate) displaced: Option<StoryRef>,
}

impl Hub {
    pub(crate) fn tell_description(
        &mut self,
        between: &Between<'_>,
        told: Told,
        (kind, description): (DescriptionKind, Json<'_>),
        out: &mut Outbox,
    ) {
        // Whoever offers again in a connection that is over begins it anew.
        let is_over = |story: &StoryRef| story.with(|story| story.is_over()) != Some(false);
        let anew = kind == DescriptionKind::Offer;
        let told = Told { story: told.story.filter(|story| !(anew && is_over(story))), ..told };
        let Some(story) = self.story_of(between, told, out) else { return };
        if kind != DescriptionKind::Rollback {
            self.attach_call(between, &story);
        }
        self.stories.tell(&story, between.from, |story, now, side| {
            story.describe(now, side, (kind, description.get()));
        });
    }

    pub(crate) fn tell_candidate(
        &mut self,
        between: &Between<'_>,
        told: Told,
        candidate: Json<'_>,
        out: &mut Outbox,
    ) {
        let Some(story) = self.story_of(between, told, out) else { return };
        self.stories.tell(&story, between.from, |story, now, side| {
            story.propose(now, side, candidate.get());
        });
    }

    /// A client has said how a connection of these two is getting on, who may be one now.
    pub(crate) fn tell_report(
        &mut self,
        between: &Between<'_>,
        report: &Report<'_>,
        out: &mut Outbox,
    ) {
        let pair = [between.from, between.to];
        let known = self.find_story(between.room, pair, Some(between.connection));
        // What is closed, and was not known, is none that begins.
        let begins = known.is_none() && report.state != IceState::Closed;
        let begun = if begins { self.begin_by_report(between, out) } else { None };
        let Some(told) = known.or(begun) else { return };
        self.attach_call(between, &told);
        let (mut connected, mut news) = (None, News::default());
        self.stories.tell(&told, between.from, |story, now, side| {
            let is_first = story.report(now, side, report);
            connected = is_first.then_some(story.setup_ms).flatten();
            news = story.news();
        });
        self.counts.hear(news);
        if let Some(setup_ms) = connected {
            self.counts.setup_ms.observe(setup_ms);
        }
        if report.state == IceState::Closed {
            self.end_story(&told, out);
        }
    }

    /// A client reports on a connection before anything has passed in it.
    fn begin_by_report(&mut self, between: &Between<'_>, out: &mut Outbox) -> Option<StoryRef> {
        self.rooms.get(between.room)?.members.get(between.to)?;
        let room = self.rooms.get_mut(between.room)?;
        let (from, to) = (between.from, between.to);
        let (place, displaced) = room.negotiations.at(from, to, between.connection);
        let displaced = displaced.and_then(|it| it.release(&room.members, &mut self.sessions, out));
        let told = Told { story: place.story.clone(), displaced };
        self.story_of(between, told, out)
    }

    /// The newest story of two members, in this room, of this connection if one is named.
    pub(crate) fn find_story(
        &self,
        room: &str,
        pair: [&MemberId; 2],
        connection: Option<&str>,
    ) -> Option<StoryRef> {
        self.stories.newest_of_pair(pair, |story| {
            story.room.as_str() == room
                && connection.is_none_or(|connection| *story.connection == *connection)
        })
    }

    /// A member's connection to this server is lost, or back.
    pub(crate) fn tell_away(&mut self, room: &RoomName, member: &MemberId, is_away: bool) {
        let Some(room) = self.rooms.get(room) else { return };
        for told in room.negotiations.stories_of(member) {
            let what = if is_away { What::Reconnecting } else { What::Back };
            self.stories.tell(&told, member, |story, now, side| story.enter(now, side, what));
        }
    }

    /// A member has told something else of its NAT, or nothing any more.
    pub(crate) fn tell_mapping(&mut self, room: &RoomName, member: &MemberId) {
        let Some(room) = self.rooms.get(room) else { return };
        let nat = room.members.get(member).and_then(|member| member.nat.as_deref());
        let mapping = Mapping::told(nat);
        for told in room.negotiations.stories_of(member) {
            let tell = |story: &mut Story, _, side: usize| story.map(side, mapping);
            self.stories.tell(&told, member, tell);
        }
    }

    /// A member leaves its room, and with that its connections are over.
    pub(crate) fn tell_departure(
        &mut self,
        room: &RoomName,
        member: &MemberId,
        reason: LeaveReason,
        out: &mut Outbox,
    ) {
        let Some(room) = self.rooms.get(room) else { return };
        for told in room.negotiations.stories_of(member) {
            let left = What::Left(reason);
            self.stories.tell(&told, member, |story, now, side| story.enter(now, side, left));
            self.end_story(&told, out);
        }
    }

    /// The story of a connection, which begins if it was not told yet.
    fn story_of(
        &mut self,
        between: &Between<'_>,
        told: Told,
        out: &mut Outbox,
    ) -> Option<StoryRef> {
        if let Some(displaced) = told.displaced {
            self.end_story(&displaced, out);
        }
        if told.story.is_some() {
            return told.story;
        }
        if self.settings.limits.stories_max == 0 {
            return None;
        }
        let story = self.begin_story(between)?;
        let begun = self.stories.insert(&self.settings.limits, story);
        let room = self.rooms.get_mut(between.room)?;
        let (place, _) = room.negotiations.at(between.from, between.to, between.connection);
        *place.story = Some(begun.clone());
        Some(begun)
    }

    /// A story with what is known before anything is said.
    pub(crate) fn begin_story(&mut self, between: &Between<'_>) -> Option<Story> {
        let now = self.stories.now()?;
        let (name, room) = self.rooms.get_key_value(between.room)?;
        let [low, high] = pair_of(room, between)?;
        let beginning = Beginning {
            id: self.ids.story(),
            room: name.clone(),
            connection: between.connection.into(),
            sides: [self.side(low)?, self.side(high)?],
            nothing_in_common: low.in_common(high).empty_kinds(),
            offered: self.offered(),
            share: self.memory.share(0),
        };
        let joined = [low.joined_at, high.joined_at];
        let mut story = Story::new(now, beginning);
        for (side, at) in joined.into_iter().enumerate() {
            story.enter(at, side, What::Joined);
        }
        for side in 0..story.sides.len() {
            let credential = story.sides[side].credential.clone();
            let watches = self.whole.watches();
            let minted = watches.minted(&credential);
            for (at, sight) in watches.recent(now.instant, &credential) {
                story.see(at, side, (sight, minted));
            }
        }
        Some(story)
    }

    fn side(&self, member: &Member) -> Option<Side> {
        let session = self.sessions.get(member.session)?;
        let may_relay = self.ice_for(session.claims.relay).ttl_s().is_some();
        let mut evidence = Evidence::of(may_relay, member.reconnecting);
        evidence.mapping = Mapping::told(member.nat.as_deref());
        Some(Side {
            member: member.id.clone(),
            identity: member.identity.clone(),
            name: member.name.clone(),
            credential: session.credential_id.clone(),
            evidence,
        })
    }

    fn offered(&self) -> Ways {
        let ice = &self.settings.ice;
        let others = ice.others.iter().flat_map(|server| &server.urls);
        Ways::of(ice.stun_urls.iter().chain(&ice.turn_urls).chain(others).map(String::as_str))
    }

    /// If the two are in a call, the connection is one of it.
    fn attach_call(&mut self, between: &Between<'_>, story: &StoryRef) {
        let Some(room) = self.rooms.get(between.room) else { return };
        let mut calls = room.calls.iter().filter_map(|&id| self.calls.get(id));
        let common = calls.find(|call| {
            [between.from, between.to].into_iter().all(|member| call.has_inside(member))
        });
        if let Some(call) = common {
            self.stories.attach(story, call.id);
        }
    }

    /// A connection is over.
    fn end_story(&mut self, story: &StoryRef, out: &mut Outbox) {
        let ended = self.stories.end(&self.settings.limits, story);
        let Some((record, news)) = ended else { return };
        self.counts.hear(news);
        out.record(record);
    }
}

/// The member with the smaller id, and the other.
fn pair_of<'a>(room: &'a Room, between: &Between<'_>) -> Option<[&'a Member; 2]> {
    let (from, to) = (room.members.get(between.from)?, room.members.get(between.to)?);
    Some(if from.id < to.id { [from, to] } else { [to, from] })
}
