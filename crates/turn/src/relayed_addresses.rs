//! RFC 8656 §7.2: Receiving an Allocate Request, steps 5 to 9. Which relayed transport addresses a
//! client asks for, and which it gets.
//!
//! ```text
//! RESERVATION-TOKEN                     the one that is held for the token
//! REQUESTED-ADDRESS-FAMILY, or nothing  one of that family, or of IPv4
//! ADDITIONAL-ADDRESS-FAMILY             one of each family, or one and the reason why not both
//! ```

use kopru_stun::Message;
use kopru_stun::attribute::{
    AdditionalAddressFamily, AddressErrorCode, CoturnAdditionalAddressFamily, EvenPort,
    RequestedAddressFamily, ReservationToken,
};

use crate::allocation::Supplement;
use crate::five_tuple::{RelayTransport, RelayedAddr};
use crate::reject::Reject;
use crate::relay_sockets::{AddressFamily, Opened, Owner, Parity, PortWish, Refusal, RelaySockets};

/// What an Allocate request asks for.
#[derive(Clone, Copy)]
pub(crate) enum Wish {
    /// The address that is held for this token.
    Reserved(ReservationToken),
    /// One address.
    One(PortWish),
    /// A dual allocation: one address of each family.
    Both(RelayTransport, Parity),
}

/// What it gets: one address, or two.
pub(crate) struct Grant {
    pub(crate) relayed: [Option<RelayedAddr>; 2],
    pub(crate) supplement: Option<Supplement>,
}

impl Wish {
    /// Reads it out of the request.
    pub(crate) fn of(request: &Message<'_>, transport: RelayTransport) -> Result<Self, Reject> {
        let token = request.get::<ReservationToken>()?;
        let requested = request.get::<RequestedAddressFamily>()?;
        let additional = match request.get()? {
            Some(AdditionalAddressFamily(family)) => Some(family),
            None => request.get()?.map(|CoturnAdditionalAddressFamily(family)| family),
        };
        let even_port = request.get::<EvenPort>()?;
        // 7.2 (5)
        if let Some(token) = token {
            let contradicted = requested.is_some() || additional.is_some() || even_port.is_some();
            return if contradicted { Err(Reject::BadRequest) } else { Ok(Self::Reserved(token)) };
        }
        let parity = match even_port {
            None => Parity::Any,
            Some(EvenPort { reserve_next: false }) => Parity::Even,
            Some(EvenPort { reserve_next: true }) => Parity::EvenAndNext,
        };
        if let Some(family) = additional {
            // 7.2 (6), (8), and (9), by which IPv4 is no answer; 18.11 knows IPv6 alone.
            let contradicted = requested.is_some()
                || parity == Parity::EvenAndNext
                || family != RequestedAddressFamily::IPV6;
            return if contradicted {
                Err(Reject::BadRequest)
            } else {
                Ok(Self::Both(transport, parity))
            };
        }
        // 7.2 (7)
        let family = match requested {
            None | Some(RequestedAddressFamily::IPV4) => AddressFamily::V4,
            Some(RequestedAddressFamily::IPV6) => AddressFamily::V6,
            Some(_) => return Err(Reject::AddressFamilyNotSupported),
        };
        Ok(Self::One(PortWish { transport, family, parity }))
    }

    /// How many addresses it is about.
    pub(crate) fn count(&self) -> usize {
        if matches!(self, Self::Both(..)) { 2 } else { 1 }
    }

    /// Whether a port is to be held in reserve.
    pub(crate) fn reserves(&self) -> bool {
        matches!(self, Self::One(PortWish { parity: Parity::EvenAndNext, .. }))
    }

    /// Opens what it is about, as far as it can be had.
    pub(crate) fn grant(
        self,
        owner: Owner<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Grant, Reject> {
        match self {
            Self::Reserved(token) => {
                let relayed = sockets.open_reserved(token, owner)?;
                Ok(Grant { relayed: [Some(relayed), None], supplement: None })
            }
            Self::One(wish) => {
                let Opened { relayed, reserved } = sockets.open(wish, owner)?;
                let supplement = reserved.map(Supplement::Reserved);
                Ok(Grant { relayed: [Some(relayed), None], supplement })
            }
            Self::Both(transport, parity) => grant_both(transport, parity, owner, sockets),
        }
    }
}

/// 7.2 (9)
fn grant_both(
    transport: RelayTransport,
    parity: Parity,
    owner: Owner<'_>,
    sockets: &mut impl RelaySockets,
) -> Result<Grant, Reject> {
    let mut open = |family| sockets.open(PortWish { transport, family, parity }, owner);
    let outcomes = [AddressFamily::V4, AddressFamily::V6].map(|family| (family, open(family)));
    let relayed = outcomes.map(|(_, outcome)| outcome.ok().map(|opened| opened.relayed));
    let refused = |(family, outcome): (AddressFamily, Result<Opened, Refusal>)| {
        Some((family, outcome.err()?))
    };
    let mut refusals = outcomes.into_iter().filter_map(refused);
    match (refusals.next(), refusals.next()) {
        (None, _) => Ok(Grant { relayed, supplement: None }),
        // 7.2 (10): half of what was asked for is no way around the quota, or the bar.
        (Some((_, refusal @ (Refusal::Quota | Refusal::Barred))), _)
        | (_, Some((_, refusal @ (Refusal::Quota | Refusal::Barred)))) => {
            relayed.into_iter().flatten().for_each(|opened| sockets.close(opened));
            Err(refusal.into())
        }
        (Some((family, refusal)), None) => {
            let code = Reject::from(refusal).code();
            let reason = AddressErrorCode { family: family.into(), code };
            Ok(Grant { relayed, supplement: Some(Supplement::Refused(reason)) })
        }
        (Some(_), Some(_)) => Err(Reject::InsufficientCapacity),
    }
}
