//! The story of one connection between two members: who said what, what TURN saw, and how it
//! stands.

use std::sync::Arc;
use std::time::Instant;

use kopru_stun::time::Now;

use crate::announced::{announced, has_candidate, has_end, mentions_candidates};
use crate::evidence::{Evidence, Mapping, Minted, Ways};
use crate::ids::{CallId, MemberId, StoryId};
use crate::limits::{SETUP_MS_MAX, STALLED_AFTER};
use crate::memory::Share;
use crate::names::RoomName;
use crate::outbox::ConnectionRecord;
use crate::protocol::{CandidateType, DescriptionKind, IceState, Pair, Report};
use crate::relay_sight::RelaySight;
use crate::timeline::{Timeline, What};
use crate::verdict::{Case, Path, StoryState, Verdict, VerdictClass, judge};

/// A story's place in the table: higher means newer. No number is used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoryKey(pub(crate) u64);

pub(crate) struct Story {
    pub(crate) id: StoryId,
    pub(crate) room: RoomName,
    pub(crate) connection: Box<str>,
    pub(crate) call: Option<CallId>,
    /// The member with the smaller id, and the other.
    pub(crate) sides: [Side; 2],
    pub(crate) began: Now,
    pub(crate) timeline: Timeline,
    pub(crate) nothing_in_common: Vec<String>,
    /// By which ways relays are handed out.
    offered: Ways,
    has_offer: bool,
    /// When the first answer passed.
    answered_at: Option<Instant>,
    has_stalled: bool,
    connected_at: Option<Instant>,
    pub(crate) setup_ms: Option<u32>,
    pub(crate) path: Option<Path>,
    pub(crate) ended_at: Option<Instant>,
    /// What of it is in the numbers.
    counted: Counted,
    share: Share,
}

/// One of the two.
pub(crate) struct Side {
    pub(crate) member: MemberId,
    pub(crate) identity: Arc<str>,
    pub(crate) name: String,
    pub(crate) credential: Arc<str>,
    pub(crate) evidence: Evidence,
}

/// What is known of a connection before anything was said.
pub(crate) struct Beginning {
    pub(crate) id: StoryId,
    pub(crate) room: RoomName,
    pub(crate) connection: Box<str>,
    pub(crate) sides: [Side; 2],
    pub(crate) nothing_in_common: Vec<String>,
    pub(crate) offered: Ways,
    /// What the story takes is counted here.
    pub(crate) share: Share,
}

impl Story {
    pub(crate) fn new(now: Now, beginning: Beginning) -> Self {
        let Beginning { id, room, connection, sides, nothing_in_common, offered, share } =
            beginning;
        let mut timeline = Timeline::default();
        if !nothing_in_common.is_empty() {
            timeline.enter(now.instant, None, What::NothingInCommon(nothing_in_common.clone()));
        }
        Self {
            id,
            room,
            connection,
            call: None,
            sides,
            began: now,
            timeline,
            nothing_in_common,
            offered,
            has_offer: false,
            answered_at: None,
            has_stalled: false,
            connected_at: None,
            setup_ms: None,
            path: None,
            ended_at: None,
            counted: Counted::default(),
            share,
        }
    }

    /// Counts what it takes; after something was told.
    pub(crate) fn weigh(&mut self) {
        self.share.set(STORY_BYTES + self.timeline.bytes());
    }

    /// Which side this member is.
    pub(crate) fn side_of(&self, member: &MemberId) -> Option<usize> {
        self.sides.iter().position(|side| side.member == *member)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended_at.is_some()
    }

    /// Something happened to one of them.
    pub(crate) fn enter(&mut self, now: Instant, side: usize, what: What) {
        let evidence = &mut self.sides[side].evidence;
        match &what {
            What::Reconnecting => evidence.is_away = true,
            What::Back => evidence.is_away = false,
            What::Left(reason) => evidence.left = Some(*reason),
            _ => {}
        }
        self.timeline.enter(now, Some(side), what);
    }

    /// A description has passed.
    pub(crate) fn describe(
        &mut self,
        now: Instant,
        side: usize,
        (kind, json): (DescriptionKind, &str),
    ) {
        let what = match kind {
            DescriptionKind::Offer => What::Offer,
            DescriptionKind::Answer => What::Answer,
            DescriptionKind::Rollback => What::Rollback,
        };
        match kind {
            DescriptionKind::Offer => {
                let waited = self.answered_at.map(|at| now.saturating_duration_since(at));
                self.has_stalled |= waited.is_some_and(|waited| waited >= STALLED_AFTER);
                self.has_offer = true;
            }
            DescriptionKind::Answer => _ = self.answered_at.get_or_insert(now),
            DescriptionKind::Rollback => {}
        }
        self.timeline.enter(now, Some(side), what);
        if !mentions_candidates(json) {
            return;
        }
        self.announce(now, side, json);
        if has_end(json) {
            self.timeline.enter(now, Some(side), What::EndOfCandidates);
        }
    }

    /// A candidate has passed, or the word that there are no more.
    pub(crate) fn propose(&mut self, now: Instant, side: usize, json: &str) {
        if self.announce(now, side, json) == 0 && !has_candidate(json) {
            self.timeline.enter(now, Some(side), What::EndOfCandidates);
        }
    }

    /// How many candidates are in a JSON text; the first of each type is entered.
    fn announce(&mut self, now: Instant, side: usize, json: &str) -> usize {
        let mut count = 0;
        for candidate in announced(json) {
            count += 1;
            if self.sides[side].evidence.announce(candidate) {
                self.timeline.enter(now, Some(side), What::Candidate(candidate));
            }
        }
        count
    }

    /// TURN saw this for the credential of one side.
    pub(crate) fn see(
        &mut self,
        at: Instant,
        side: usize,
        (sight, minted): (RelaySight, Option<Minted>),
    ) {
        self.sides[side].evidence.see(at, sight, minted);
        self.timeline.enter(at, Some(side), What::Turn(sight));
    }

    /// What one side knows of its NAT.
    pub(crate) fn map(&mut self, side: usize, mapping: Option<Mapping>) {
        self.sides[side].evidence.mapping = mapping;
    }

    /// What a client reports. Whether the two are connected for the first time.
    pub(crate) fn report(&mut self, now: Instant, side: usize, report: &Report<'_>) -> bool {
        let is_over = self.is_over();
        let evidence = &mut self.sides[side].evidence;
        if let Some(gathered) = report.candidates {
            evidence.gather(gathered);
        }
        for error in &report.errors {
            evidence.fail_to_gather(error);
            self.timeline.enter(now, Some(side), What::Error(error.clone()));
        }
        let former = evidence.enter(report.state, is_over);
        if former != Some(report.state) {
            self.timeline.enter(now, Some(side), What::Ice(report.state));
        }
        if let Some(pair) = report.pair {
            self.choose(now, side, pair);
        }
        let is_connected = matches!(report.state, IceState::Connected | IceState::Completed);
        if !is_connected {
            return false;
        }
        self.sides.iter_mut().for_each(|side| side.evidence.connect());
        let is_first = self.connected_at.is_none();
        if is_first {
            self.connected_at = Some(now);
            let took = now.saturating_duration_since(self.began.instant).as_millis();
            let measured = u32::try_from(took).unwrap_or(u32::MAX).min(SETUP_MS_MAX);
            self.setup_ms = Some(report.setup_ms.unwrap_or(measured));
        }
        is_first
    }

    /// A client tells which pair is used. Relayed is what either end calls so.
    fn choose(&mut self, now: Instant, side: usize, pair: Pair) {
        let ends = [pair.local, pair.remote];
        let is_relayed = ends.iter().any(|end| end.kind == CandidateType::Relay);
        self.path = match self.path {
            // The other's word, which this one does not take back: it may see less.
            Some(Path::Relayed) if self.pair_is_of(1 - side) => Some(Path::Relayed),
            _ if is_relayed => Some(Path::Relayed),
            _ => Some(Path::Direct),
        };
        self.sides[side].evidence.pair = Some(pair);
        self.timeline.enter(now, Some(side), What::Pair(pair));
    }

    /// Whether this side has told that the pair is relayed.
    fn pair_is_of(&self, side: usize) -> bool {
        let pair = self.sides[side].evidence.pair;
        pair.is_some_and(|pair| {
            [pair.local, pair.remote].iter().any(|end| end.kind == CandidateType::Relay)
        })
    }

    pub(crate) fn state(&self) -> StoryState {
        if self.is_over() {
            return StoryState::Ended;
        }
        let is = |wanted: &[IceState]| {
            let mut states = self.sides.iter().filter_map(|side| side.evidence.ice);
            states.any(|state| wanted.contains(&state))
        };
        if is(&[IceState::Failed]) {
            return StoryState::Failed;
        }
        if self.connected_at.is_none() {
            return StoryState::Connecting;
        }
        if is(&[IceState::Disconnected, IceState::Checking]) {
            return StoryState::Reconnecting;
        }
        StoryState::Connected
    }

    pub(crate) fn verdict(&self) -> Verdict {
        let [low, high] = &self.sides;
        judge(&Case {
            state: self.state(),
            path: self.path,
            was_connected: self.connected_at.is_some(),
            has_offer: self.has_offer,
            has_answer: self.answered_at.is_some(),
            has_stalled: self.has_stalled && self.connected_at.is_none(),
            nothing_in_common: &self.nothing_in_common,
            sides: [&low.evidence, &high.evidence],
            names: [low.called(), high.called()],
            offered: self.offered,
        })
    }

    /// What the numbers are to say of it that they don't say yet: how the attempt came out, when
    /// the two are connected for the first time, both have failed, or it is over; and by which path
    /// they are connected, when one of them has told it, or it is over.
    pub(crate) fn news(&mut self) -> News {
        let Counted { attempt, path } = self.counted;
        let mut news = News::default();
        let is_connected = self.connected_at.is_some();
        let have_failed = self.sides.iter().all(|side| side.evidence.ice == Some(IceState::Failed));
        if !attempt && (is_connected || have_failed || self.is_over()) {
            let class = if is_connected { CONNECTED } else { self.verdict().class.as_str() };
            news.attempt = Some(class);
        }
        if !path && is_connected && (self.path.is_some() || self.is_over()) {
            news.path = Some(self.path_as_far_as_known());
        }
        self.counted.attempt |= news.attempt.is_some();
        self.counted.path |= news.path.is_some();
        news
    }

    /// Where no client has told its pair: if neither had a relay, as TURN and their candidates have
    /// it, they are connected without one.
    fn path_as_far_as_known(&self) -> &'static str {
        match self.path {
            Some(path) => path.as_str(),
            None if self.sides.iter().any(|side| side.evidence.has_relay()) => "unknown",
            None => Path::Direct.as_str(),
        }
    }

    /// What is written down of it when it is over.
    pub(crate) fn record(&self) -> ConnectionRecord {
        let end = self.ended_at.unwrap_or(self.began.instant);
        ConnectionRecord {
            story: self.id.to_text(),
            class: self.outcome(),
            path: self.path.map(Path::as_str),
            setup_ms: self.setup_ms,
            age: end.saturating_duration_since(self.began.instant),
        }
    }

    /// What became of the attempt to connect them: of one that succeeded, how.
    fn outcome(&self) -> VerdictClass {
        match (self.connected_at, self.path) {
            (Some(_), Some(Path::Relayed)) => VerdictClass::ConnectedRelayed,
            (Some(_), _) => VerdictClass::ConnectedDirect,
            (None, _) => self.verdict().class,
        }
    }
}

impl Side {
    /// What people know it by.
    fn called(&self) -> &str {
        if self.name.is_empty() { &self.identity } else { &self.name }
    }
}

/// What the numbers have of a story: each once.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    attempt: bool,
    path: bool,
}

/// What they are to have from now on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct News {
    /// How the attempt came out.
    pub(crate) attempt: Option<&'static str>,
    /// Which path was found.
    pub(crate) path: Option<&'static str>,
}

/// How an attempt came out that succeeded.
const CONNECTED: &str = "connected";
/// Itself, and what leads to it.
const STORY_BYTES: usize = size_of::<Story>() + 512;
