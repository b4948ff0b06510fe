//! `call`: a member calls another one, all devices of somebody, or the whole room.

use std::time::Duration;

use kopru_stun::time::Now;

use crate::answered::Done;
use crate::call::{Call, Patience, Reach};
use crate::call_state::EndReason;
use crate::hub::Hub;
use crate::ids::{CallId, MemberId};
use crate::member::Member;
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::protocol::{Callee, NewCall};
use crate::rejection::Rejection;
use crate::room::Room;
use crate::session::SessionKey;

impl Hub {
    pub(crate) fn call(
        &mut self,
        now: Now,
        key: SessionKey,
        new: &NewCall<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        let (name, own) = session.membership(&new.room)?.clone();
        let room = self.rooms.get(&name).ok_or(Rejection::NotInRoom)?;
        let callees = callees(room, &own, &new.callee)?;
        self.may_enter_call(key)?;
        let call = match self.plan(room, &own, callees, &new.callee) {
            Plan::Enter(call) => {
                self.enter_call(now, call, &own, out)?;
                call
            }
            Plan::Replace { call, callee } => {
                self.end_call(call, EndReason::Glare, out);
                let call = self.new_call((name, own.clone()), new)?;
                self.change_call(call, Some(&own), out, |begun| {
                    begun.invite(now.instant, callee.id.clone(), callee.is_away);
                    begun.accept(now.instant, &callee.id).map(|()| true)
                })?;
                call
            }
            Plan::Begin(callees) => {
                let call = self.new_call((name, own.clone()), new)?;
                self.change_call(call, Some(&own), out, |begun| {
                    for Called { id, is_away } in callees {
                        begun.invite(now.instant, id, is_away);
                    }
                    Ok(true)
                })?;
                call
            }
        };
        Ok(Done::Calling { call, member: own })
    }

    /// What comes of a call of `own`.
    fn plan(&self, room: &Room, own: &MemberId, callees: Vec<Called>, callee: &Callee<'_>) -> Plan {
        let mut calls = room.calls.iter().filter_map(|&id| self.calls.get(id));
        if let Callee::WholeRoom = callee {
            let meeting = calls.find(|call| call.reach == Reach::WholeRoom);
            return meeting.map_or(Plan::Begin(callees), |call| Plan::Enter(call.id));
        }
        let crossing = calls.find_map(|call| {
            let crosses = call.reach == Reach::One && call.is_waiting_for(own);
            let index = callees.iter().position(|callee| callee.id == call.caller)?;
            crosses.then_some((call.id, index))
        });
        let Some((call, index)) = crossing else { return Plan::Begin(callees) };
        let mut callees = callees;
        let callee = callees.swap_remove(index);
        let member = |id: &MemberId| room.members.get(id);
        let gives_way = match (member(own), member(&callee.id)) {
            (Some(own), Some(caller)) => own.is_polite_towards(caller),
            _ => false,
        };
        if gives_way { Plan::Enter(call) } else { Plan::Replace { call, callee } }
    }

    fn new_call(
        &mut self,
        (name, caller): (RoomName, MemberId),
        new: &NewCall<'_>,
    ) -> Result<CallId, Rejection> {
        let limits = &self.settings.limits;
        let room = self.rooms.get_mut(&name).ok_or(Rejection::NotInRoom)?;
        if room.calls.len() >= limits.calls_per_room_max {
            return Err(Rejection::TooManyCalls);
        }
        if !self.whole.register().call(limits) {
            return Err(Rejection::ServerFull);
        }
        let ring = new.timeout_s.map_or(limits.ring_timeout, Duration::from_secs);
        let patience = Patience { ring, connect: limits.connect_timeout };
        let reach = match new.callee {
            Callee::WholeRoom => Reach::WholeRoom,
            Callee::Member(_) | Callee::Identity(_) => Reach::One,
        };
        let id = self.ids.call();
        room.calls.insert(id);
        let data = new.data.map(ToOwned::to_owned);
        self.calls.insert(Call::new(id, (name, caller), reach, data, patience));
        Ok(id)
    }
}

/// Somebody who is called.
struct Called {
    id: MemberId,
    is_away: bool,
}

/// What comes of a call.
enum Plan {
    /// A new one, that rings there.
    Begin(Vec<Called>),
    /// The one there is already: the room's, or that of somebody who called first and gives way
    /// less readily.
    Enter(CallId),
    /// A new one, in place of that of `callee`, who called first and gives way: it is accepted.
    Replace { call: CallId, callee: Called },
}

/// Everybody who is called, at least one.
fn callees(room: &Room, own: &MemberId, callee: &Callee<'_>) -> Result<Vec<Called>, Rejection> {
    let called = |member: &Member| Called { id: member.id.clone(), is_away: member.reconnecting };
    let called: Vec<Called> = match callee {
        Callee::Member(to) if own.as_str() == to => return Err(Rejection::BadField("to")),
        Callee::Member(to) => room.members.get(&**to).map(called).into_iter().collect(),
        Callee::Identity(identity) => {
            let devices = room.others(own).filter(|other| *other.identity == **identity);
            devices.map(called).collect()
        }
        Callee::WholeRoom => room.others(own).map(called).collect(),
    };
    if called.is_empty() { Err(Rejection::NoSuchMember) } else { Ok(called) }
}
