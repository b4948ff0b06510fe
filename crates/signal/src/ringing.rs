//! What becomes of a call: answers to it, reports, deadlines, and members that come and go.

use kopru_stun::time::Now;

use crate::answered::Done;
use crate::call::{Call, Told};
use crate::call_state::EndReason;
use crate::hub::Hub;
use crate::ids::{CallId, MemberId};
use crate::names::RoomName;
use crate::outbox::Outbox;
use crate::protocol::{Body, CallStep, ServerMessage, Step};
use crate::rejection::Rejection;
use crate::session::SessionKey;

impl Hub {
    pub(crate) fn call_step(
        &mut self,
        now: Now,
        key: SessionKey,
        message: &CallStep<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let id = CallId::read(&message.call).ok_or(Rejection::NoSuchCall)?;
        let call = self.calls.get(id).ok_or(Rejection::NoSuchCall)?;
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        let membership = session.membership(call.room.as_str());
        let own = membership.map_err(|_| Rejection::NoSuchCall)?.1.clone();
        if message.step == Step::Accept {
            self.may_enter_call(key)?;
        }
        self.change_call(id, None, out, |call| {
            match message.step {
                Step::Ringing => call.ring(&own)?,
                Step::Accept => call.accept(now.instant, &own)?,
                Step::Reject { reason } => call.reject(&own, reason.into())?,
                Step::HangUp { reason } => call.hang_up(&own, reason.into())?,
                Step::Report { state } => return call.report(&own, state),
            }
            Ok(true)
        })?;
        Ok(Done::Ok { version: None })
    }

    /// Whether a session may be in one more call.
    pub(crate) fn may_enter_call(&self, key: SessionKey) -> Result<(), Rejection> {
        let session = self.sessions.get(key).ok_or(Rejection::HelloFirst)?;
        let inside = session.rooms.iter().map(|(name, own)| {
            let calls = self.rooms.get(name).into_iter().flat_map(|room| &room.calls);
            let calls = calls.filter_map(|&id| self.calls.get(id));
            calls.filter(|call| call.has_inside(own)).count()
        });
        if inside.sum::<usize>() >= self.settings.limits.calls_per_session_max {
            return Err(Rejection::TooManyCalls);
        }
        Ok(())
    }

    /// A member comes into a call that is there already; the answer to its message tells it how
    /// that stands.
    pub(crate) fn enter_call(
        &mut self,
        now: Now,
        id: CallId,
        own: &MemberId,
        out: &mut Outbox,
    ) -> Result<(), Rejection> {
        self.change_call(id, Some(own), out, |call| {
            if call.has_inside(own) {
                return Err(Rejection::WrongCallState);
            }
            call.enter(now.instant, own.clone());
            Ok(true)
        })
    }

    pub(crate) fn end_call(&mut self, id: CallId, reason: EndReason, out: &mut Outbox) {
        self.alter_call(id, out, |call| {
            call.end(reason);
            true
        });
    }

    /// Nobody waits any longer.
    pub(crate) fn call_due(&mut self, now: Now, id: CallId, out: &mut Outbox) {
        self.alter_call(id, out, |call| {
            call.expire(now.instant);
            true
        });
    }

    /// A member is about to leave its room.
    pub(crate) fn leave_calls(&mut self, room: &RoomName, member: &MemberId, out: &mut Outbox) {
        for id in self.calls_of(room) {
            self.alter_call(id, out, |call| call.leave(member));
        }
    }

    /// A member's connection is lost, or back.
    pub(crate) fn tell_calls_reconnecting(
        &mut self,
        room: &RoomName,
        member: &MemberId,
        reconnecting: bool,
        out: &mut Outbox,
    ) {
        for id in self.calls_of(room) {
            self.alter_call(id, out, |call| call.set_away(member, reconnecting));
        }
    }

    fn calls_of(&self, room: &RoomName) -> Vec<CallId> {
        self.rooms.get(room).map_or_else(Vec::new, |room| room.calls.iter().copied().collect())
    }

    fn alter_call(&mut self, id: CallId, out: &mut Outbox, alter: impl FnOnce(&mut Call) -> bool) {
        let changed = self.calls.get_mut(id).is_some_and(alter);
        if changed {
            self.tell_call(id, None, out);
        }
    }

    /// Makes a change that says itself whether it was one, or why it can't be; and tells everybody
    /// concerned but `asker`, who is answered.
    pub(crate) fn change_call(
        &mut self,
        id: CallId,
        asker: Option<&MemberId>,
        out: &mut Outbox,
        change: impl FnOnce(&mut Call) -> Result<bool, Rejection>,
    ) -> Result<(), Rejection> {
        if change(self.calls.get_mut(id).ok_or(Rejection::NoSuchCall)?)? {
            self.tell_call(id, asker, out);
        }
        Ok(())
    }

    /// Tells how a call stands after a change, and forgets it if it is over.
    fn tell_call(&mut self, id: CallId, asker: Option<&MemberId>, out: &mut Outbox) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let Some(room) = self.rooms.get_mut(&call.room) else { return };
        let body = |with_data| Body::of(&ServerMessage::Call(call.view(with_data)));
        let (first, further) = (body(true), body(false));
        let whom = call.tell_all();
        for (member, told) in whom.iter().filter(|(member, _)| Some(member) != asker) {
            let Some(receiver) = room.members.get(member) else { continue };
            let has_data = *told == Told::Nothing && *member != call.caller;
            let body = if has_data { &first } else { &further };
            self.sessions.send(receiver.session, None, body, out);
        }
        let Some(reason) = call.ended() else { return self.calls.schedule(id) };
        *self.counts.calls_ended.entry(reason.as_str()).or_default() += 1;
        room.calls.remove(&id);
        if self.calls.remove(id).is_some() {
            self.whole.register().end_call();
        }
    }
}
