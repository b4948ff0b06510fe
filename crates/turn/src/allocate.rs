//! RFC 8656 §7.2: Receiving an Allocate Request

use std::time::{Duration, Instant};

use kopru_stun::Message;
use kopru_stun::attribute::{
    AttributeType, DontFragment, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
    ReservationToken,
};

use crate::Server;
use crate::allocation::NewAllocation;
use crate::auth::Authenticated;
use crate::event::Event;
use crate::five_tuple::FiveTuple;
use crate::limits::{DEFAULT_LIFETIME, MAX_LIFETIME};
use crate::reject::Reject;
use crate::relay_sockets::{AddressFamily, Opened, Parity, PortWish, RelaySockets};
use crate::reply::Success;

impl Server {
    /// Creates an allocation. Step 1, authentication, is behind us; steps 6 and 9 concern
    /// ADDITIONAL-ADDRESS-FAMILY, which is comprehension-optional and not known here.
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
                reserved: existing.reserved,
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
        let wish = wish(request)?;
        let lifetime = desired_lifetime(request.get::<Lifetime>()?).min(self.settings.max_session);

        if self.allocations.len() >= self.settings.limits.allocations {
            self.end_expired(now, sockets);
        }
        if self.allocations.len() >= self.settings.limits.allocations {
            return Err(Reject::InsufficientCapacity);
        }
        // 7.2 (5) and (7) again, (8), (10), and whether there is a free port: the sockets know.
        let quota_key = authenticated.quota_key(&self.settings);
        let Opened { relayed, reserved } = self.open(wish, quota_key, sockets)?;
        if let Some(token) = reserved {
            self.reservations.hold(now, token);
        }

        let new = NewAllocation {
            five_tuple: *from,
            relayed,
            username: (&*authenticated.username).into(),
            key: authenticated.protection.key,
            transaction_id: request.transaction_id(),
            reserved,
        };
        self.emit(Event::Created {
            five_tuple: *from,
            relayed,
            username: new.username.clone(),
            lifetime,
        });
        self.allocations.create(now, new, lifetime);
        self.counters.allocations = self.allocations.len() as u64;
        Ok(Success::Allocate { relayed, reserved, lifetime, mapped: from.client })
    }
}

impl Server {
    fn open(
        &self,
        wish: Wish,
        quota_key: &str,
        sockets: &mut impl RelaySockets,
    ) -> Result<Opened, Reject> {
        match wish {
            Wish::Reserved(token) => {
                let relayed = sockets.open_reserved(token, quota_key)?;
                Ok(Opened { relayed, reserved: None })
            }
            Wish::Port(PortWish { parity: Parity::EvenAndNext, .. })
                if self.reservations.len() >= self.settings.limits.allocations =>
            {
                Err(Reject::InsufficientCapacity)
            }
            Wish::Port(wish) => Ok(sockets.open(wish, quota_key)?),
        }
    }
}

/// Which relayed transport address the client asks for.
enum Wish {
    /// The one that is held for this token.
    Reserved(ReservationToken),
    /// Any one that is like this.
    Port(PortWish),
}

fn wish(request: &Message<'_>) -> Result<Wish, Reject> {
    let requested = request.get::<RequestedAddressFamily>()?;
    let even_port = request.get::<EvenPort>()?;
    // 7.2 (5)
    if let Some(token) = request.get::<ReservationToken>()? {
        let additional = |(found, _)| found == AttributeType::ADDITIONAL_ADDRESS_FAMILY;
        let contradicted =
            requested.is_some() || even_port.is_some() || request.attributes().any(additional);
        return if contradicted { Err(Reject::BadRequest) } else { Ok(Wish::Reserved(token)) };
    }
    // 7.2 (7)
    let family = match requested {
        None | Some(RequestedAddressFamily::IPV4) => AddressFamily::V4,
        Some(RequestedAddressFamily::IPV6) => AddressFamily::V6,
        Some(_) => return Err(Reject::AddressFamilyNotSupported),
    };
    let parity = match even_port {
        None => Parity::Any,
        Some(EvenPort { reserve_next: false }) => Parity::Even,
        Some(EvenPort { reserve_next: true }) => Parity::EvenAndNext,
    };
    Ok(Wish::Port(PortWish { family, parity }))
}

/// "The minimum of the client's proposed lifetime and the server's maximum allowed lifetime. If
/// this computed value is greater than the default lifetime, then …; otherwise, … the default
/// lifetime." The same in §8.2, where zero has its own meaning.
pub(crate) fn desired_lifetime(proposed: Option<Lifetime>) -> Duration {
    let proposed =
        proposed.map_or(DEFAULT_LIFETIME, |lifetime| Duration::from_secs(lifetime.seconds.into()));
    proposed.clamp(DEFAULT_LIFETIME, MAX_LIFETIME)
}
