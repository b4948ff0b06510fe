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
        let allocation = self.allocations.of_request(now, from, authenticated)?;
        let family = match allocation.relayed.0.is_ipv4() {
            true => RequestedAddressFamily::IPV4,
            false => RequestedAddressFamily::IPV6,
        };
        if request.get()?.is_some_and(|requested: RequestedAddressFamily| requested != family) {
            return Err(Reject::PeerAddressFamilyMismatch);
        }
        let proposed = request.get::<Lifetime>()?;
        if proposed == Some(Lifetime { seconds: 0 }) {
            if let Some(allocation) = self.allocations.remove(from) {
                self.end(now, allocation, EndReason::Deleted, sockets);
            }
            return Ok(Success::Refresh { lifetime: Duration::ZERO });
        }
        let session_left = self.settings.max_session.saturating_sub(allocation.age(now));
        let lifetime = desired_lifetime(proposed).min(session_left);
        self.allocations.refresh(now, from, lifetime);
        self.emit(Event::Refreshed { five_tuple: *from, lifetime });
        Ok(Success::Refresh { lifetime })
    }
}
