//! All stories of a hub: those of connections that there are, and for a while of those that are
//! over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use kopru_stun::time::Now;

use crate::deadlines::Deadlines;
use crate::ids::{CallId, MemberId, StoryId};
use crate::limits::{Limits, SIGHTED_STORIES_MAX};
use crate::memory::Pressure;
use crate::story::{Story, StoryKey};
use crate::timeline::What;

#[derive(Default)]
pub(crate) struct Stories {
    table: BTreeMap<StoryKey, Story>,
    keys: BTreeMap<StoryId, StoryKey>,
    by_credential: BTreeMap<Arc<str>, BTreeSet<StoryKey>>,
    /// By the member with the smaller id, and the other. Oldest first.
    by_pair: BTreeMap<(MemberId, MemberId), Vec<StoryKey>>,
    by_call: BTreeMap<CallId, Vec<StoryKey>>,
    /// When each that is over is forgotten.
    over: Deadlines<StoryKey>,
    /// The time of what is being dealt with.
    now: Option<Now>,
    /// So many keys were drawn.
    drawn: u64,
    /// Those that had to go before their time.
    pub(crate) displaced: u64,
}

impl Stories {
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn get(&self, key: StoryKey) -> Option<&Story> {
        self.table.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: StoryKey) -> Option<&mut Story> {
        self.table.get_mut(&key)
    }

    pub(crate) fn key_of(&self, id: &StoryId) -> Option<StoryKey> {
        self.keys.get(id).copied()
    }

    /// Those before `before`, newest first.
    pub(crate) fn newest_first(
        &self,
        before: Option<StoryKey>,
    ) -> impl Iterator<Item = (StoryKey, &Story)> {
        let end = before.unwrap_or(StoryKey(u64::MAX));
        self.table.range(..end).rev().map(|(key, story)| (*key, story))
    }

    /// Those of the connections of a call, oldest first.
    pub(crate) fn of_call(&self, call: CallId) -> impl Iterator<Item = &Story> {
        let keys = self.by_call.get(&call).into_iter().flatten();
        keys.filter_map(|key| self.table.get(key))
    }

    /// A connection is one of a call.
    pub(crate) fn attach(&mut self, key: StoryKey, call: CallId) {
        if let Some(story) = self.table.get_mut(&key)
            && story.call.is_none()
        {
            story.call = Some(call);
            self.by_call.entry(call).or_default().push(key);
        }
    }

    /// Those of two members, newest first.
    pub(crate) fn of_pair(
        &self,
        one: &MemberId,
        other: &MemberId,
    ) -> impl Iterator<Item = StoryKey> {
        let keys = self.by_pair.get(&in_order(one, other)).into_iter().flatten();
        keys.rev().copied()
    }

    /// Those of a credential, the newest first, and not too many.
    pub(crate) fn of_credential(&self, credential: &str) -> Vec<StoryKey> {
        let keys = self.by_credential.get(credential).into_iter().flatten();
        keys.rev().take(SIGHTED_STORIES_MAX).copied().collect()
    }

    /// Takes a story in, for which others may have to go.
    pub(crate) fn insert(
        &mut self,
        limits: &Limits,
        pressure: Pressure,
        mut story: Story,
    ) -> StoryKey {
        story.weigh();
        for side in &story.sides {
            let keys = self.by_credential.get(&side.credential);
            let oldest = keys.filter(|keys| keys.len() >= limits.stories_per_identity_max);
            if let Some(&oldest) = oldest.and_then(|keys| keys.first()) {
                self.displace(oldest);
            }
        }
        let over = self.over.first().map(|(_, key)| key);
        if pressure > Pressure::Ample {
            // What is over makes room first.
            over.into_iter().for_each(|key| self.displace(key));
        } else if self.table.len() >= limits.stories_max {
            let oldest = self.table.first_key_value().map(|(key, _)| *key);
            over.or(oldest).into_iter().for_each(|key| self.displace(key));
        }
        self.drawn += 1;
        let key = StoryKey(self.drawn);
        let [low, high] = &story.sides;
        for side in [low, high] {
            self.by_credential.entry(Arc::clone(&side.credential)).or_default().insert(key);
        }
        let pair = in_order(&low.member, &high.member);
        self.by_pair.entry(pair).or_default().push(key);
        self.keys.insert(story.id, key);
        self.table.insert(key, story);
        key
    }

    /// From now on it is this late.
    pub(crate) fn tick(&mut self, now: Now) {
        self.now = Some(now);
    }

    /// How late it is; `None` before anything has happened.
    pub(crate) fn now(&self) -> Option<Now> {
        self.now
    }

    /// Lets `tell` tell more of a story, as of the side of `member`.
    pub(crate) fn tell(
        &mut self,
        key: StoryKey,
        member: &MemberId,
        tell: impl FnOnce(&mut Story, Instant, usize),
    ) {
        let (Some(now), Some(story)) = (self.now, self.table.get_mut(&key)) else { return };
        if let Some(side) = story.side_of(member) {
            tell(story, now.instant, side);
            story.weigh();
        }
    }

    /// What a member said, or had said, is superseded.
    pub(crate) fn supersede(&mut self, key: Option<StoryKey>, member: &MemberId) {
        if let Some(key) = key {
            self.tell(key, member, |story, now, side| story.enter(now, side, What::Superseded));
        }
    }

    /// A connection is over: its story is, and is kept for its time. `None` if it was before, or is
    /// not known.
    pub(crate) fn end(&mut self, limits: &Limits, key: StoryKey) -> Option<&Story> {
        let now = self.now?.instant;
        let story = self.table.get_mut(&key).filter(|story| !story.is_over())?;
        let forget_at = now + limits.story_age_max;
        (story.ended_at, story.forget_at) = (Some(now), Some(forget_at));
        self.over.insert(forget_at, key);
        Some(story)
    }

    pub(crate) fn first_due(&self) -> Option<Instant> {
        self.over.first().map(|(at, _)| at)
    }

    /// Forgets those whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(key) = self.over.pop_due(now) {
            self.remove(key);
        }
    }

    fn displace(&mut self, key: StoryKey) {
        self.displaced += 1;
        self.remove(key);
    }

    fn remove(&mut self, key: StoryKey) {
        let Some(story) = self.table.remove(&key) else { return };
        if let Some(at) = story.forget_at {
            self.over.remove(at, key);
        }
        self.keys.remove(&story.id);
        let [low, high] = &story.sides;
        for side in [low, high] {
            if let Some(keys) = self.by_credential.get_mut(&side.credential) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.by_credential.remove(&side.credential);
                }
            }
        }
        without(&mut self.by_pair, &in_order(&low.member, &high.member), key);
        if let Some(call) = story.call {
            without(&mut self.by_call, &call, key);
        }
    }
}

fn without<K: Ord>(index: &mut BTreeMap<K, Vec<StoryKey>>, under: &K, key: StoryKey) {
    if let Some(keys) = index.get_mut(under) {
        keys.retain(|known| *known != key);
        if keys.is_empty() {
            index.remove(under);
        }
    }
}

/// The smaller id first.
pub(crate) fn in_order(one: &MemberId, other: &MemberId) -> (MemberId, MemberId) {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    (low.clone(), high.clone())
}
