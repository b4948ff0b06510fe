//! One call: who is in it, how far each has come, and when it is over.
//!
//! ```text
//!   whoever is called                               whoever calls
//!
//!   inviting ──▶ ringing ──▶ accepted ◀──────────── (from the first moment on)
//!        │           │           │
//!        │           │           ▼
//!        │           │      connecting ──▶ connected ◀──▶ reconnecting
//!        ▼           ▼           ▼             ▼               │
//!       ended{reason} ◀────────────────────────────────────────┘
//! ```
//!
//! The call itself is as far as two of its members have come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::value::RawValue;

use crate::call_state::{CallState, EndReason};
use crate::ids::{CallId, MemberId};
use crate::names::RoomName;
use crate::protocol::{CallMember, CallView, Progress};
use crate::rejection::Rejection;

/// Whom a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// One person: of several devices the first to accept is the one.
    One,
    /// Everybody in the room who accepts.
    WholeRoom,
}

/// How long a call may wait for people and for networks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) ring: Duration,
    pub(crate) connect: Duration,
}

pub(crate) struct Call {
    pub(crate) id: CallId,
    pub(crate) room: RoomName,
    pub(crate) caller: MemberId,
    pub(crate) reach: Reach,
    /// What the caller says about it, as it came.
    data: Option<Box<RawValue>>,
    patience: Patience,
    /// Members of the room, so no more than it may have.
    parties: BTreeMap<MemberId, Party>,
    is_answered: bool,
    /// What speaks for it while nobody has accepted.
    said: Option<EndReason>,
    ended: Option<EndReason>,
}

/// One member's part in a call.
struct Party {
    state: CallState,
    /// Set when `state` is `Ended`.
    reason: Option<EndReason>,
    /// Its connection to the server is lost at the moment.
    is_away: bool,
    /// When its patience, or that of the others with it, is over.
    due_at: Option<Instant>,
    told: Told,
}

/// What a member knows of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    ThatItIs,
    ItsEnd,
}

impl Call {
    /// A call of `caller`, which has invited nobody yet.
    pub(crate) fn new(
        id: CallId,
        (room, caller): (RoomName, MemberId),
        reach: Reach,
        data: Option<Box<RawValue>>,
        patience: Patience,
    ) -> Self {
        let caller_party = Party::new(CallState::Accepted);
        let parties = BTreeMap::from([(caller.clone(), caller_party)]);
        let (is_answered, said, ended) = (false, None, None);
        Self { id, room, caller, reach, data, patience, parties, is_answered, said, ended }
    }

    /// Its bytes.
    pub(crate) fn weight(&self) -> usize {
        let data = self.data.as_ref().map_or(0, |data| data.get().len());
        let party = size_of::<MemberId>() + size_of::<Party>();
        size_of::<Self>() + data + self.parties.len() * party
    }

    pub(crate) fn invite(&mut self, now: Instant, member: MemberId, is_away: bool) {
        let due_at = Some(now + self.patience.ring);
        let party = Party { due_at, is_away, ..Party::new(CallState::Inviting) };
        self.parties.insert(member, party);
    }

    /// A member's device rings.
    pub(crate) fn ring(&mut self, member: &MemberId) -> Result<(), Rejection> {
        let party = self.live(member)?;
        if party.state != CallState::Inviting {
            return Err(Rejection::WrongCallState);
        }
        party.state = CallState::Ringing;
        Ok(())
    }

    /// A member takes the call. Where it is for one person, that settles it for the other devices.
    pub(crate) fn accept(&mut self, now: Instant, member: &MemberId) -> Result<(), Rejection> {
        if !self.live(member)?.is_waiting() {
            return Err(Rejection::WrongCallState);
        }
        self.enter(now, member.clone());
        Ok(())
    }

    /// A member comes in, whether or not it was invited.
    pub(crate) fn enter(&mut self, now: Instant, member: MemberId) {
        let due_at = Some(now + self.patience.connect);
        if !self.is_answered
            && let Some(caller) = self.parties.get_mut(&self.caller)
        {
            caller.due_at = due_at;
        }
        self.is_answered = true;
        let party = self.parties.entry(member).or_insert_with(|| Party::new(CallState::Ended));
        if !party.is_live() {
            // Whoever went out and comes in again knows as little as a newcomer.
            *party = Party::new(CallState::Accepted);
        }
        party.state = CallState::Accepted;
        party.due_at = due_at;
        if self.reach == Reach::One {
            let waiting = self.parties.values_mut().filter(|party| party.is_waiting());
            waiting.for_each(|party| party.end(EndReason::AnsweredElsewhere));
        }
    }

    /// A member says no.
    pub(crate) fn reject(&mut self, member: &MemberId, reason: EndReason) -> Result<(), Rejection> {
        let party = self.live(member)?;
        if !party.is_waiting() {
            return Err(Rejection::WrongCallState);
        }
        party.end(reason);
        self.conclude(reason);
        Ok(())
    }

    /// A member wants no more of it: what that means depends on how far it has come.
    pub(crate) fn hang_up(
        &mut self,
        member: &MemberId,
        reason: EndReason,
    ) -> Result<(), Rejection> {
        let is_answered = self.is_answered;
        let party = self.live(member)?;
        let reason = match (party.is_waiting(), is_answered) {
            (true, _) => EndReason::Rejected,
            // Of those who are not waiting the caller is the only one.
            (false, false) => EndReason::Cancelled,
            (false, true) => reason,
        };
        party.end(reason);
        self.conclude(reason);
        Ok(())
    }

    /// A member says how its connections are getting on. Whether anything changed.
    pub(crate) fn report(
        &mut self,
        member: &MemberId,
        progress: Progress,
    ) -> Result<bool, Rejection> {
        use CallState::{Accepted, Connected, Connecting, Reconnecting};
        let is_answered = self.is_answered;
        let party = self.live(member)?;
        let next = match (party.state, progress) {
            _ if !is_answered => return Err(Rejection::WrongCallState),
            (Accepted | Connecting, Progress::Connecting) => Connecting,
            (Accepted | Connecting | Reconnecting | Connected, Progress::Connected) => Connected,
            (Reconnecting | Connected, Progress::Reconnecting) => Reconnecting,
            _ => return Err(Rejection::WrongCallState),
        };
        if next >= Reconnecting {
            party.due_at = None;
        }
        Ok(std::mem::replace(&mut party.state, next) != next)
    }

    /// A member's connection to the server is lost, or back. Whether that shows.
    pub(crate) fn set_away(&mut self, member: &MemberId, is_away: bool) -> bool {
        let Ok(party) = self.live(member) else { return false };
        let before = party.shown();
        party.is_away = is_away;
        party.shown() != before
    }

    /// A member leaves the room. Whether the call was not over for it.
    pub(crate) fn leave(&mut self, member: &MemberId) -> bool {
        let Ok(party) = self.live(member) else {
            self.parties.remove(member);
            return false;
        };
        party.end(EndReason::Left);
        self.conclude(EndReason::Left);
        true
    }

    /// Nobody waits any longer for those who are due.
    pub(crate) fn expire(&mut self, now: Instant) {
        let is_due = |party: &&mut Party| party.due_at.is_some_and(|at| at <= now);
        let mut last = None;
        for party in self.parties.values_mut().filter(|party| party.is_live()).filter(is_due) {
            let reason = if party.is_waiting() { EndReason::Timeout } else { EndReason::Failed };
            party.end(reason);
            last = last.max(Some(reason));
        }
        if let Some(last) = last {
            self.conclude(last);
        }
    }

    /// It is over for everybody.
    pub(crate) fn end(&mut self, reason: EndReason) {
        let live = self.parties.values_mut().filter(|party| party.is_live());
        live.for_each(|party| party.end(reason));
        self.ended = Some(reason);
    }

    /// Ends the call if too few are left, of whom the last went for `last`.
    fn conclude(&mut self, last: EndReason) {
        let said = self.said.map_or(last, |said| said.min(last));
        self.said = Some(said);
        let live = self.parties.values().filter(|party| party.is_live());
        let (live, inside) = live.fold((0, 0), |(live, inside), party| {
            (live + 1, inside + usize::from(!party.is_waiting()))
        });
        if live >= 2 && inside >= 1 {
            return;
        }
        let has_given_up = self.parties.get(&self.caller).is_none_or(|caller| !caller.is_live());
        if self.is_answered || has_given_up {
            return self.end(last);
        }
        self.end(said);
    }

    pub(crate) fn ended(&self) -> Option<EndReason> {
        self.ended
    }

    /// Whether `member` is called and has not said anything yet.
    pub(crate) fn is_waiting_for(&self, member: &MemberId) -> bool {
        self.parties.get(member).is_some_and(Party::is_waiting)
    }

    /// Whether it is not over for `member`.
    pub(crate) fn concerns(&self, member: &MemberId) -> bool {
        self.parties.get(member).is_some_and(Party::is_live)
    }

    /// Whether `member` is in it: it called, or has accepted.
    pub(crate) fn has_inside(&self, member: &MemberId) -> bool {
        self.parties.get(member).is_some_and(|party| party.is_live() && !party.is_waiting())
    }

    /// How far two of its members have come.
    pub(crate) fn state(&self) -> CallState {
        if self.ended.is_some() {
            return CallState::Ended;
        }
        let live = self.parties.values().filter(|party| party.is_live());
        let mut states: Vec<CallState> = live.map(Party::shown).collect();
        states.sort_unstable();
        states.iter().rev().nth(1).copied().unwrap_or(CallState::Ended)
    }

    pub(crate) fn due_at(&self) -> Option<Instant> {
        self.parties.values().filter_map(|party| party.due_at).min()
    }

    /// Those who have not been told its end, and what they have been told; from now on they know
    /// how it stands, and who has left is forgotten.
    pub(crate) fn tell_all(&mut self) -> Vec<(MemberId, Told)> {
        let mut whom = Vec::new();
        for (member, party) in &mut self.parties {
            if party.told != Told::ItsEnd {
                whom.push((member.clone(), party.told));
                party.told = if party.is_live() { Told::ThatItIs } else { Told::ItsEnd };
            }
        }
        self.parties.retain(|_, party| party.reason != Some(EndReason::Left));
        whom
    }

    /// As it stands; with what the caller says about it, or without.
    pub(crate) fn view(&self, with_data: bool) -> CallView<'_> {
        CallView {
            call: self.id.to_text(),
            room: self.room.as_str(),
            caller: self.caller.as_str(),
            whole_room: (self.reach == Reach::WholeRoom).then_some(true),
            state: self.state(),
            reason: self.ended,
            members: self.parties.iter().map(|(id, party)| party.view(id)).collect(),
            data: self.data.as_deref().filter(|_| with_data),
        }
    }

    /// The part of a member for whom it is not over.
    fn live(&mut self, member: &MemberId) -> Result<&mut Party, Rejection> {
        let party = self.parties.get_mut(member).filter(|party| party.is_live());
        party.ok_or(Rejection::NoSuchCall)
    }
}

impl Party {
    fn new(state: CallState) -> Self {
        Self { state, reason: None, is_away: false, due_at: None, told: Told::Nothing }
    }

    fn is_live(&self) -> bool {
        self.state != CallState::Ended
    }

    fn is_waiting(&self) -> bool {
        self.state < CallState::Accepted
    }

    fn end(&mut self, reason: EndReason) {
        self.state = CallState::Ended;
        self.reason = Some(reason);
        self.due_at = None;
    }

    fn view<'a>(&self, id: &'a MemberId) -> CallMember<'a> {
        CallMember { member: id.as_str(), state: self.shown(), reason: self.reason }
    }

    /// Its state as the others see it.
    fn shown(&self) -> CallState {
        match self.state {
            CallState::Accepted | CallState::Connecting | CallState::Connected if self.is_away => {
                CallState::Reconnecting
            }
            state => state,
        }
    }
}
