//! RFC 8656 §7.2: Receiving an Allocate Request; RFC 6062 §5.1: Receiving a TCP Allocate Request

use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::Message;
use kopru_stun::attribute::{AttributeType, DontFragment, Lifetime, RequestedTransport};

use crate::Server;
use crate::allocation::{NewAllocation, Supplement};
use crate::auth::Authenticated;
use crate::event::Event;
use crate::five_tuple::{FiveTuple, RelayTransport, Transport};
use crate::limits::{DEFAULT_LIFETIME, MAX_LIFETIME};
use crate::reject::Reject;
use crate::relay_sockets::{Owner, RelaySockets};
use crate::relayed_addresses::{Grant, Wish};
use crate::reply::Success;
use crate::source_prefix::SourcePrefix;

impl Server {
    /// Creates an allocation, or both halves of a dual one. Step 1, authentication, is behind us.
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
            let slots = self.allocations.slots_of_client(now, from);
            let success = Success::Allocate {
                relayed: slots.map(|slot| Some(self.allocations.at(slot?)?.relayed)),
                supplement: existing.supplement,
                lifetime: existing.time_to_expiry(now),
                mapped: from.client,
            };
            return if created_it { Ok(success) } else { Err(Reject::AllocationMismatch) };
        }
        let transport = self.relay_transport(from, request)?;
        // 7.2 (4): supported, see `Verdict::ToPeer`.
        request.get::<DontFragment>()?;
        let wish = Wish::of(request, transport)?;
        let lifetime = desired_lifetime(request.get::<Lifetime>()?).min(self.settings.max_session);

        // What has expired takes no place, no port and no quota, however late the timer is.
        self.end_expired(now, sockets);
        let max = self.settings.limits.allocations;
        let full = self.allocations.len() + wish.count() > max;
        if full || (wish.reserves() && self.reservations.len() >= max) {
            return Err(Reject::InsufficientCapacity);
        }
        // 7.2 (5) to (10), as far as the sockets know: tokens, families, quotas, free ports.
        let quota_key = authenticated.quota_key(&self.settings);
        let owner = Owner { quota_key, prefix: SourcePrefix::of(from.client) };
        let Grant { relayed, supplement } = wish.grant(owner, sockets)?;
        if let Some(Supplement::Reserved(token)) = supplement {
            self.reservations.hold(now, token);
        }
        let username: Arc<str> = (&*authenticated.username).into();
        for relayed in relayed.into_iter().flatten() {
            let new = NewAllocation {
                five_tuple: *from,
                relayed,
                transport,
                username: Arc::clone(&username),
                key: authenticated.protection.key,
                transaction_id: request.transaction_id(),
                supplement,
                user_rate: sockets.user_rate(relayed),
            };
            self.allocations.create(now, new, lifetime);
            let (five_tuple, username) = (*from, Arc::clone(&username));
            self.emit(Event::Created { five_tuple, relayed, username, lifetime });
        }
        self.counters.allocations = self.allocations.len() as u64;
        Ok(Success::Allocate { relayed, supplement, lifetime, mapped: from.client })
    }

    /// 7.2 (3); and RFC 6062 §5.1 where this server relays TCP.
    fn relay_transport(
        &self,
        from: &FiveTuple,
        request: &Message<'_>,
    ) -> Result<RelayTransport, Reject> {
        match request.get::<RequestedTransport>()?.ok_or(Reject::BadRequest)? {
            RequestedTransport::UDP => Ok(RelayTransport::Udp),
            RequestedTransport::TCP if self.settings.tcp_relay => {
                // 5.1 (2) and (3)
                const REFUSED: [AttributeType; 3] = [
                    AttributeType::DONT_FRAGMENT,
                    AttributeType::EVEN_PORT,
                    AttributeType::RESERVATION_TOKEN,
                ];
                let refused = request.attributes().any(|(found, _)| REFUSED.contains(&found));
                let is_stream = from.transport != Transport::Udp;
                if refused || !is_stream {
                    Err(Reject::BadRequest)
                } else {
                    Ok(RelayTransport::Tcp)
                }
            }
            _ => Err(Reject::UnsupportedTransportProtocol),
        }
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
