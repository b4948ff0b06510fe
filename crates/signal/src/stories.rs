//! The stories of connections that there are, and for a while of those that are over.
//!
//! All hubs of a server have one [`Table`] of them, so that whoever asks any of them is told of
//! all. A hub tells a story without it: it has a [`StoryRef`] beside the negotiation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use kopru_stun::time::Now;

use crate::deadlines::Deadlines;
use crate::ids::{CallId, MemberId, StoryId};
use crate::limits::{LISTED_STORIES_MAX, Limits, SIGHTED_STORIES_MAX};
use crate::memory::Pressure;
use crate::outbox::ConnectionRecord;
use crate::story::{News, Story, StoryKey};
use crate::timeline::What;
use crate::whole::{HubNumber, Whole, lock};

/// The way to a story, for as long as it is remembered.
#[derive(Clone)]
pub(crate) struct StoryRef {
    key: StoryKey,
    story: Weak<Mutex<Story>>,
}

impl StoryRef {
    /// Looks at it, or changes it; `None` when it is forgotten.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Story) -> T) -> Option<T> {
        let story = self.story.upgrade()?;
        let mut story = lock(&story);
        Some(look(&mut story))
    }
}

/// All stories, as one hub sees them.
pub(crate) struct Stories {
    whole: Whole,
    hub: HubNumber,
    /// The time of what is being dealt with.
    now: Option<Now>,
    /// When the next that this hub has ended is forgotten. May be too early, as one may be
    /// displaced by another hub, never too late.
    forgets_at: Option<Instant>,
}

impl Stories {
    pub(crate) fn new(whole: Whole, hub: HubNumber) -> Self {
        Self { whole, hub, now: None, forgets_at: None }
    }

    /// From now on it is this late.
    pub(crate) fn tick(&mut self, now: Now) {
        self.now = Some(now);
    }

    /// How late it is; `None` before anything has happened.
    pub(crate) fn now(&self) -> Option<Now> {
        self.now
    }

    /// The newest story of two members that is `wanted`.
    pub(crate) fn newest_of_pair(
        &self,
        [one, other]: [&MemberId; 2],
        wanted: impl Fn(&Story) -> bool,
    ) -> Option<StoryRef> {
        self.whole.stories().newest_of_pair(&in_order(one, other), wanted)
    }

    /// Takes a story in, for which others may have to go.
    pub(crate) fn insert(&mut self, limits: &Limits, story: Story) -> StoryRef {
        let is_ample = self.whole.memory().pressure() == Pressure::Ample;
        self.whole.stories().insert(limits, is_ample, story)
    }

    /// A connection is one of a call.
    pub(crate) fn attach(&mut self, story: &StoryRef, call: CallId) {
        let is_new = story.with(|story| story.call.is_none().then(|| story.call = Some(call)));
        if is_new.flatten().is_some() {
            self.whole.stories().attach(story.key, call);
        }
    }

    /// Lets `tell` tell more of a story, as of the side of `member`.
    pub(crate) fn tell(
        &mut self,
        story: &StoryRef,
        member: &MemberId,
        tell: impl FnOnce(&mut Story, Instant, usize),
    ) {
        let Some(now) = self.now else { return };
        story.with(|story| {
            if let Some(side) = story.side_of(member) {
                tell(story, now.instant, side);
                story.weigh();
            }
        });
    }

    /// What a member said, or had said, is superseded.
    pub(crate) fn supersede(&mut self, story: Option<&StoryRef>, member: &MemberId) {
        if let Some(story) = story {
            self.tell(story, member, |story, now, side| story.enter(now, side, What::Superseded));
        }
    }

    /// A connection is over: its story is, and is kept for its time. `None` if it was before, or is
    /// not known.
    pub(crate) fn end(
        &mut self,
        limits: &Limits,
        story: &StoryRef,
    ) -> Option<(ConnectionRecord, News)> {
        let now = self.now?.instant;
        let record = story.with(|story| {
            (!story.is_over()).then(|| {
                story.ended_at = Some(now);
                (story.record(), story.news())
            })
        });
        let record = record.flatten()?;
        let forget_at = now + limits.story_age_max;
        self.whole.stories().end(story.key, (self.hub, forget_at));
        self.forgets_at = Some(self.forgets_at.map_or(forget_at, |at| at.min(forget_at)));
        Some(record)
    }

    pub(crate) fn first_due(&self) -> Option<Instant> {
        self.forgets_at
    }

    /// Forgets those that this hub has ended, and whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.forgets_at.is_some_and(|at| at <= now) {
            self.forgets_at = self.whole.stories().expire(now, self.hub);
        }
    }
}

/// The stories of all hubs.
pub(crate) struct Table {
    table: BTreeMap<StoryKey, Entry>,
    keys: BTreeMap<StoryId, StoryKey>,
    by_credential: BTreeMap<Arc<str>, BTreeSet<StoryKey>>,
    /// By the member with the smaller id, and the other. Oldest first.
    by_pair: BTreeMap<(MemberId, MemberId), Vec<StoryKey>>,
    by_call: BTreeMap<CallId, Vec<StoryKey>>,
    /// When each that is over is forgotten, by the hub that has ended it.
    over: Vec<Deadlines<StoryKey>>,
    /// So many keys were drawn.
    drawn: u64,
    /// Those that had to go before their time.
    pub(crate) displaced: u64,
}

type SharedStory = Arc<Mutex<Story>>;

struct Entry {
    story: SharedStory,
    /// Once it is over: who has ended it, and when it is forgotten.
    over: Option<(HubNumber, Instant)>,
}

impl Table {
    /// None yet. So many hubs will have some.
    pub(crate) fn new(hubs: u16) -> Self {
        Self {
            table: BTreeMap::new(),
            keys: BTreeMap::new(),
            by_credential: BTreeMap::new(),
            by_pair: BTreeMap::new(),
            by_call: BTreeMap::new(),
            over: (0..hubs).map(|_| Deadlines::default()).collect(),
            drawn: 0,
            displaced: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn by_id(&self, id: &StoryId) -> Option<SharedStory> {
        Some(Arc::clone(&self.table.get(self.keys.get(id)?)?.story))
    }

    /// The next before `before`, newest first, and whether there are more.
    pub(crate) fn page(&self, before: Option<StoryKey>) -> (Vec<(StoryKey, SharedStory)>, bool) {
        let end = before.unwrap_or(StoryKey(u64::MAX));
        let mut rest = self.table.range(..end).rev();
        let page = rest.by_ref().take(LISTED_STORIES_MAX);
        let page = page.map(|(key, entry)| (*key, Arc::clone(&entry.story))).collect();
        (page, rest.next().is_some())
    }

    /// Those of the connections of a call, oldest first.
    pub(crate) fn of_call(&self, call: CallId) -> Vec<SharedStory> {
        let keys = self.by_call.get(&call).into_iter().flatten();
        keys.filter_map(|key| Some(Arc::clone(&self.table.get(key)?.story))).collect()
    }

    /// Those of a credential, the newest first, and not too many.
    pub(crate) fn of_credential(&self, credential: &str) -> Vec<StoryRef> {
        let keys = self.by_credential.get(credential).into_iter().flatten();
        keys.rev().take(SIGHTED_STORIES_MAX).filter_map(|&key| self.story(key)).collect()
    }

    fn newest_of_pair(
        &self,
        pair: &(MemberId, MemberId),
        wanted: impl Fn(&Story) -> bool,
    ) -> Option<StoryRef> {
        let keys = self.by_pair.get(pair).into_iter().flatten();
        let mut stories = keys.rev().filter_map(|&key| self.story(key));
        stories.find(|story| story.with(|story| wanted(story)) == Some(true))
    }

    fn story(&self, key: StoryKey) -> Option<StoryRef> {
        let entry = self.table.get(&key)?;
        Some(StoryRef { key, story: Arc::downgrade(&entry.story) })
    }

    fn insert(&mut self, limits: &Limits, is_ample: bool, mut story: Story) -> StoryRef {
        story.weigh();
        for side in &story.sides {
            let keys = self.by_credential.get(&side.credential);
            let oldest = keys.filter(|keys| keys.len() >= limits.stories_per_identity_max);
            if let Some(&oldest) = oldest.and_then(|keys| keys.first()) {
                self.displace(oldest);
            }
        }
        let over = self.over.iter().filter_map(Deadlines::first).min().map(|(_, key)| key);
        if !is_ample {
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
        let story = Arc::new(Mutex::new(story));
        let told = StoryRef { key, story: Arc::downgrade(&story) };
        self.table.insert(key, Entry { story, over: None });
        told
    }

    fn attach(&mut self, key: StoryKey, call: CallId) {
        if self.table.contains_key(&key) {
            self.by_call.entry(call).or_default().push(key);
        }
    }

    fn end(&mut self, key: StoryKey, (hub, forget_at): (HubNumber, Instant)) {
        if let Some(entry) = self.table.get_mut(&key) {
            entry.over = Some((hub, forget_at));
            self.over[usize::from(hub.0)].insert(forget_at, key);
        }
    }

    /// Forgets what is due of a hub, and says when it has to do so next.
    fn expire(&mut self, now: Instant, hub: HubNumber) -> Option<Instant> {
        let hub = usize::from(hub.0);
        while let Some(key) = self.over[hub].pop_due(now) {
            self.remove(key);
        }
        self.over[hub].first().map(|(at, _)| at)
    }

    fn displace(&mut self, key: StoryKey) {
        self.displaced += 1;
        self.remove(key);
    }

    fn remove(&mut self, key: StoryKey) {
        let Some(Entry { story, over }) = self.table.remove(&key) else { return };
        if let Some((hub, at)) = over {
            self.over[usize::from(hub.0)].remove(at, key);
        }
        let story = lock(&story);
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
