//! RFC 8656 §8.2: Receiving a Refresh Request

use std::time::{Duration, Instant};

use kopru_stun::attribute::{Lifetime, RequestedAddressFamily};

use crate::Server;
use crate::allocate::desired_lifetime;
use crate::auth::Authenticated;
use crate::event::{EndReason, Event};
use crate::five_tuple::FiveTuple;
use crate::reject::Reject;
use crate::relay_sockets::RelaySockets;
use crate::reply::Success;

impl Server {
    /// Prolongs the allocation, or ends it here and now when asked for a lifetime of zero.
    pub(crate) fn refresh(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Success, Reject> {
        let request = &authenticated.request;
        let slots = self.allocations.of_request(now, from, authenticated)?;
        // 8.1: "If no REQUESTED-ADDRESS-FAMILY attribute is included, then the request should be
        // treated as applying to all current allocations."
        let requested = request.get::<RequestedAddressFamily>()?;
        let meant = slots.map(|slot| {
            let allocation = self.allocations.at(slot?)?;
            let family = RequestedAddressFamily::from(allocation.family());
            slot.filter(|_| requested.is_none_or(|requested| requested == family))
        });
        if meant == [None, None] {
            return Err(Reject::PeerAddressFamilyMismatch);
        }
        let proposed = request.get::<Lifetime>()?;
        if proposed == Some(Lifetime { seconds: 0 }) {
            for slot in meant.into_iter().flatten() {
                if let Some(allocation) = self.allocations.remove(slot) {
                    self.end(now, allocation, EndReason::Deleted, sockets);
                }
            }
            return Ok(Success::Refresh { lifetime: Duration::ZERO });
        }
        let mut lifetime = desired_lifetime(proposed);
        for slot in meant.into_iter().flatten() {
            let Some(allocation) = self.allocations.at(slot) else { continue };
            let relayed = allocation.relayed;
            // Both halves of a dual allocation have the same age.
            lifetime = lifetime.min(self.settings.max_session.saturating_sub(allocation.age(now)));
            self.allocations.refresh(now, slot, lifetime);
            self.emit(Event::Refreshed { five_tuple: *from, relayed, lifetime });
        }
        Ok(Success::Refresh { lifetime })
    }
}
