//! RFC 8656 §7.2: Receiving an Allocate Request

use std::time::{Duration, Instant};

use kopru_stun::attribute::{
    DontFragment, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
};

use crate::Server;
use crate::allocation::NewAllocation;
use crate::auth::Authenticated;
use crate::event::Event;
use crate::five_tuple::FiveTuple;
use crate::limits::{DEFAULT_LIFETIME, MAX_LIFETIME};
use crate::reject::Reject;
use crate::relay_sockets::{AddressFamily, PortWish, RelaySockets};
use crate::reply::Success;

impl Server {
    /// Creates an allocation. Step 1, authentication, is behind us; steps 5, 6 and 9 concern
    /// RESERVATION-TOKEN and ADDITIONAL-ADDRESS-FAMILY, which this server does not know: the first
    /// is answered 420 before we come here, the second is comprehension-optional.
    pub(crate) fn allocate(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Success, Reject> {
        let request = &authenticated.request;
        // 7.2 (2): in use; unless this is the request that created it, once more.
        if let Some(existing) = self.allocations.of_client(now, from) {
            let created_it = existing.transaction_id == request.transaction_id()
                && *existing.username == *authenticated.username;
            let success = Success::Allocate {
                relayed: existing.relayed,
                lifetime: existing.time_to_expiry(now),
                mapped: from.client,
            };
            return if created_it { Ok(success) } else { Err(Reject::AllocationMismatch) };
        }
        // 7.2 (3)
        let transport = request.get::<RequestedTransport>()?.ok_or(Reject::BadRequest)?;
        if transport != RequestedTransport::UDP {
            return Err(Reject::UnsupportedTransportProtocol);
        }
        // 7.2 (4): supported, see `Verdict::ToPeer`.
        request.get::<DontFragment>()?;
        // 7.2 (7)
        let family = match request.get::<RequestedAddressFamily>()? {
            None | Some(RequestedAddressFamily::IPV4) => AddressFamily::V4,
            Some(RequestedAddressFamily::IPV6) => AddressFamily::V6,
            Some(_) => return Err(Reject::AddressFamilyNotSupported),
        };
        // 7.2 (8): "If the server cannot satisfy the request … 508". It reserves no ports.
        let even_port = request.get::<EvenPort>()?;
        if even_port.is_some_and(|asked| asked.reserve_next) {
            return Err(Reject::InsufficientCapacity);
        }
        let wish = PortWish { family, even: even_port.is_some() };
        let lifetime = desired_lifetime(request.get::<Lifetime>()?).min(self.settings.max_session);

        if self.allocations.len() >= self.settings.limits.allocations {
            self.end_expired(now, sockets);
        }
        if self.allocations.len() >= self.settings.limits.allocations {
            return Err(Reject::InsufficientCapacity);
        }
        // 7.2 (7) again, (10), and whether there is a free port: the sockets know.
        let quota_key = authenticated.quota_key(&self.settings);
        let relayed = sockets.open(wish, quota_key)?;

        let new = NewAllocation {
            five_tuple: *from,
            relayed,
            username: (&*authenticated.username).into(),
            key: authenticated.protection.key,
            transaction_id: request.transaction_id(),
        };
        self.emit(Event::Created {
            five_tuple: *from,
            relayed,
            username: new.username.clone(),
            lifetime,
        });
        self.allocations.create(now, new, lifetime);
        self.counters.allocations = self.allocations.len() as u64;
        Ok(Success::Allocate { relayed, lifetime, mapped: from.client })
    }
}

/// "The minimum of the client's proposed lifetime and the server's maximum allowed lifetime. If
/// this computed value is greater than the default lifetime, then …; otherwise, … the default
/// lifetime." The same in §8.2, where zero has its own meaning.
pub(crate) fn desired_lifetime(proposed: Option<Lifetime>) -> Duration {
    let proposed =
        proposed.map_or(DEFAULT_LIFETIME, |lifetime| Duration::from_secs(lifetime.seconds.into()));
    proposed.clamp(DEFAULT_LIFETIME, MAX_LIFETIME)
}
