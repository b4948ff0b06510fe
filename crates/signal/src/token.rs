//! `token`: a running session gets another token, and with it other claims.

use crate::answered::Done;
use crate::hub::{Asked, Hub};
use crate::leave::LeaveReason;
use crate::outbox::Outbox;
use crate::rejection::Rejection;
use crate::session::SessionKey;

impl Hub {
    /// Puts the claims of a new token in place of the former ones. What that means comes before the
    /// answer: rooms that are not allowed any more, a NAT that is not told any more, and ICE
    /// servers as the new token has them.
    pub(crate) fn refresh(
        &mut self,
        asked: Asked<'_>,
        out: &mut Outbox,
    ) -> Result<Done, Rejection> {
        let session = self.sessions.get_mut(asked.session).ok_or(Rejection::HelloFirst)?;
        let conn = session.conn().ok_or(Rejection::HelloFirst)?;
        let connection = self.connections.get_mut(&conn).ok_or(Rejection::HelloFirst)?;
        let verdict = connection.verdict.take().map(|verdict| *verdict);
        let claims = verdict.unwrap_or(Err(Rejection::Unauthorized))?;
        if claims.is_expired(asked.now.unix) {
            return Err(Rejection::TokenExpired);
        }
        if claims.subject != session.claims.subject {
            return Err(Rejection::AnotherIdentity);
        }
        let token_ttl_s = claims.ttl_s(asked.now.unix);
        session.allow(claims);
        self.leave_what_is_not_allowed(asked.session, out);
        self.hide_nat(asked.session, out);
        self.push_ice_servers(asked.now, asked.session, None, out);
        self.schedule(conn);
        Ok(Done::Refreshed { token_ttl_s })
    }

    /// Takes a session out of the rooms that its token does not allow, or not any more.
    pub(crate) fn leave_what_is_not_allowed(&mut self, key: SessionKey, out: &mut Outbox) {
        let Some(session) = self.sessions.get(key) else { return };
        let names = session.rooms.iter().map(|(name, _)| name);
        let lost: Vec<_> =
            names.filter(|name| !session.claims.allows(name.as_str())).cloned().collect();
        for name in lost {
            self.put_out(key, &name, LeaveReason::NotAllowed, out);
        }
    }
}
