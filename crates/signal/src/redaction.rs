//! Who may read what of a story. A member reads its own addresses and texts, and nobody else's; the
//! operator's back end reads all.

use std::time::{Duration, Instant};

use crate::announced::Announced;
use crate::ids::CallId;
use crate::protocol::{
    CandidateView, Detail, EntryView, ErrorView, GatheringError, Pair, PairEnd, PairView,
    StoryMember, StoryView, TurnView, VerdictView,
};
use crate::relay_sight::RelaySight;
use crate::story::{Side, Story};
use crate::timeline::{Entry, What};

/// For whom a story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Who may know everything.
    Operator,
    /// One of the two.
    Side(usize),
}

impl Reader {
    /// Whether it may know what belongs to this side alone.
    fn owns(self, side: Option<usize>) -> bool {
        match self {
            Self::Operator => true,
            Self::Side(own) => side == Some(own),
        }
    }
}

impl Story {
    /// The whole of it, as `reader` may know it.
    pub(crate) fn view(&self, reader: Reader) -> StoryView<'_> {
        let entries = self.timeline.entries();
        let timeline = entries.map(|entry| self.entry(entry, reader)).collect();
        StoryView { timeline: Some(timeline), ..self.summary() }
    }

    /// It without its timeline: nothing that is not for everybody.
    pub(crate) fn summary(&self) -> StoryView<'_> {
        let verdict = self.verdict();
        StoryView {
            id: Some(self.id.to_text()),
            room: self.room.as_str(),
            call: self.call.map(CallId::to_text),
            connection: &self.connection,
            members: self.sides.each_ref().map(Side::view),
            state: self.state(),
            path: self.path,
            setup_ms: self.setup_ms,
            began_unix_ms: self.began.unix.saturating_mul(1000),
            lasted_ms: self.ended_at.map(|at| self.ms(at)),
            dropped: self.timeline.dropped(),
            timeline: None,
            verdict: VerdictView {
                class: verdict.class,
                whose: verdict.whose.map(|side| self.sides[side].member.as_str()),
                sure: verdict.sure,
                cause: verdict.cause,
                cure: verdict.cure,
            },
        }
    }

    fn entry<'a>(&'a self, entry: &'a Entry, reader: Reader) -> EntryView<'a> {
        EntryView {
            at_ms: self.ms(entry.at),
            who: entry.who.map(|side| self.sides[side].member.as_str()),
            what: entry.what.as_str(),
            times: (entry.times > 1).then_some(entry.times),
            detail: detail(&entry.what, reader.owns(entry.who), reader == Reader::Operator),
        }
    }

    /// Milliseconds from the beginning.
    fn ms(&self, at: Instant) -> i64 {
        let began = self.began.instant;
        let ms = |duration: Duration| i64::try_from(duration.as_millis());
        let since = ms(at.saturating_duration_since(began)).unwrap_or(i64::MAX);
        let before = ms(began.saturating_duration_since(at)).unwrap_or(i64::MAX);
        since - before
    }
}

impl Side {
    fn view(&self) -> StoryMember<'_> {
        StoryMember {
            member: self.member.as_str(),
            name: &self.name,
            ice: self.evidence.ice,
            candidates: self.evidence.gathered,
        }
    }
}

/// What is said about an entry to somebody whose own it is, or who may know everything.
fn detail(what: &What, is_own: bool, is_operator: bool) -> Option<Detail<'_>> {
    Some(match what {
        What::NothingInCommon(kinds) => Detail::Kinds(kinds),
        What::Candidate(candidate) => Detail::Candidate(announced(*candidate, is_own)),
        What::Ice(state) => Detail::State(*state),
        What::Pair(Pair { local, remote }) => {
            Detail::Pair(PairView { local: end(*local, is_own), remote: end(*remote, is_operator) })
        }
        What::Error(GatheringError { url, code, text }) => Detail::Error(ErrorView {
            url: is_own.then_some(url),
            code: *code,
            text: is_own.then_some(text),
        }),
        What::Turn(sight) => Detail::Turn(turn(*sight, is_operator)),
        What::Left(reason) => Detail::Reason(*reason),
        What::Joined
        | What::Offer
        | What::Answer
        | What::Rollback
        | What::Superseded
        | What::EndOfCandidates
        | What::Reconnecting
        | What::Back => return None,
    })
}

fn announced(candidate: Announced, with_address: bool) -> CandidateView {
    let address = candidate.address.filter(|_| with_address);
    CandidateView {
        kind: candidate.kind,
        protocol: Some(candidate.protocol),
        relay_protocol: None,
        address: address.map(|address| address.ip()),
        port: address.map(|address| address.port()),
    }
}

fn end(end: PairEnd, with_address: bool) -> CandidateView {
    CandidateView {
        kind: end.kind,
        protocol: end.protocol,
        relay_protocol: end.relay_protocol,
        address: end.address.filter(|_| with_address),
        port: end.port.filter(|_| with_address),
    }
}

/// A peer's address is the other's, or one beyond both.
fn turn(sight: RelaySight, with_peer: bool) -> TurnView {
    match sight {
        RelaySight::Allocated { transport, relayed_private } => TurnView::Allocated {
            allocated: transport,
            relayed_private: relayed_private.then_some(true),
        },
        RelaySight::Refused { code, why } => TurnView::Refused { refused: code, why: why.as_str() },
        RelaySight::PeerRefused { peer, code } => {
            TurnView::PeerRefused { peer_refused: code, peer: with_peer.then_some(peer) }
        }
        RelaySight::Ended { reason, transport, to_peers_bytes, to_client_bytes } => {
            TurnView::Ended { ended: reason, transport, to_peers_bytes, to_client_bytes }
        }
    }
}
