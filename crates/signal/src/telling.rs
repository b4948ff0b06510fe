//! `report` and `why`, and the same stories for whoever asks over HTTP.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::hub::{Asked, Hub};
use crate::ids::{CallId, Ids, MemberId, StoryId};
use crate::outbox::Outbox;
use crate::protocol::{
    Answer, Body, CallStories, Report, ServerMessage, StoryList, StoryTold, StoryView, Why,
};
use crate::recording::Between;
use crate::redaction::Reader;
use crate::rejection::Rejection;
use crate::story::{Story, StoryKey};
use crate::whole::lock;

/// Who asks for stories over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker<'a> {
    /// Who has an API key: everything is told.
    Operator,
    /// Who has a token of this identity: what it took part in, without addresses of others.
    Identity(&'a str),
}

impl Hub {
    pub(crate) fn report(
        &mut self,
        asked: Asked<'_>,
        report: &Report<'_>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let own = self.own_member(asked.session, &report.room)?;
        let other = self.other(&own, &report.room, &report.to)?;
        let between = Between::new(&report.room, [&own, &other], &report.connection);
        self.tell_report(&between, report, out);
        let ok = Body::of(&ServerMessage::Ok(Answer::default()));
        self.sessions.send(asked.session, Some(asked.id), &ok, out);
        Ok(())
    }

    pub(crate) fn why(
        &mut self,
        asked: Asked<'_>,
        why: &Why<'_>,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        let own = self.own_member(asked.session, &why.room)?;
        let other = self.other(&own, &why.room, &why.to)?;
        let known = self.find_story(&why.room, [&own, &other], why.connection.as_deref());
        let known = known.and_then(|story| {
            story.with(|story| reader(story, &own).map(|reader| told(story.view(reader))))
        });
        let body = match known.transpose()? {
            Some(body) => body,
            None => {
                // Nothing has passed between them: what there is to say is said, and not kept.
                let connection = why.connection.as_deref().unwrap_or_default();
                let between = Between::new(&why.room, [&own, &other], connection);
                let story = self.begin_story(&between).ok_or(Rejection::NoSuchMember)?;
                told(StoryView { id: None, ..story.view(reader(&story, &own)?) })
            }
        };
        self.sessions.send(asked.session, Some(asked.id), &body, out);
        Ok(())
    }

    /// The story with the id `t_…`, or those of the call with the id `call_…`, as JSON. `None`:
    /// there is none, or none for this asker.
    #[must_use]
    pub fn story(&self, asker: Asker<'_>, id: &str) -> Option<Box<RawValue>> {
        if let Some(call) = CallId::read(id) {
            let stories = self.whole.stories().of_call(call);
            let stories: Vec<_> = stories.iter().map(|story| lock(story)).collect();
            let connections: Vec<StoryView<'_>> =
                stories.iter().filter_map(|story| Some(story.view(asker.reads(story)?))).collect();
            let found = !connections.is_empty();
            return found.then(|| json(&CallStories { call: id, connections }));
        }
        let story = self.whole.stories().by_id(&StoryId::read(id)?)?;
        let story = lock(&story);
        Some(json(&story.view(asker.reads(&story)?)))
    }

    /// The next stories behind `after`, which is the `next` of the page before, as JSON: newest
    /// first, without timelines.
    #[must_use]
    pub fn list_stories(&self, after: Option<u64>) -> Box<RawValue> {
        let (mut page, has_more) = self.whole.stories().page(after.map(StoryKey));
        let last = page.last().map(|(key, _)| *key);
        let next = last.filter(|_| has_more).map(|StoryKey(key)| key.to_string());
        // Whoever locks several does so from the oldest on.
        page.reverse();
        let stories: Vec<_> = page.iter().map(|(_, story)| lock(story)).collect();
        let calls = stories.iter().rev().map(|story| story.summary()).collect();
        json(&StoryList { calls, next })
    }

    /// Another member of the room, or one that was there and has a story with `own`.
    fn other(&self, own: &MemberId, room: &str, to: &str) -> Result<MemberId, Rejection> {
        if own.as_str() == to {
            return Err(Rejection::BadField("to"));
        }
        let member = self.rooms.get(room).and_then(|room| room.members.get_key_value(to));
        if let Some((id, _)) = member {
            return Ok(id.clone());
        }
        let gone = Ids::member_on_trust(to).ok_or(Rejection::NoSuchMember)?;
        let story = self.find_story(room, [own, &gone], None);
        story.map(|_| gone).ok_or(Rejection::NoSuchMember)
    }
}

impl Asker<'_> {
    fn reads(self, story: &Story) -> Option<Reader> {
        match self {
            Self::Operator => Some(Reader::Operator),
            Self::Identity(identity) => {
                let side = story.sides.iter().position(|side| *side.identity == *identity);
                side.map(Reader::Side)
            }
        }
    }
}

fn reader(story: &Story, own: &MemberId) -> Result<Reader, Rejection> {
    story.side_of(own).map(Reader::Side).ok_or(Rejection::NoSuchMember)
}

fn told(story: StoryView<'_>) -> Body {
    Body::of(&ServerMessage::Story(StoryTold { story }))
}

fn json(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("these types have a JSON form")
}
