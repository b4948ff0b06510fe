//! What stands between a site and the rest: a router, a NAT, a firewall.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::Loss;
use crate::nat::Nat;
use crate::one_to_one::OneToOne;
use crate::random::Random;

/// The gateway of a site.
#[derive(Debug)]
pub(crate) enum Gateway {
    /// Its hosts have public addresses, and everything passes.
    Open,
    /// Its hosts have public addresses, and no UDP passes either way.
    BlocksUdp,
    /// RFC 4787 §4.
    Nat(Nat),
    /// Each host has a public address of its own.
    OneToOne(OneToOne),
}

/// Where a datagram goes that leaves.
pub(super) enum Way {
    /// Outside, with this source.
    Out(SocketAddr),
    /// Back to another host of the site, with this source and destination.
    Back(SocketAddr, SocketAddr),
}

impl Gateway {
    /// A datagram from a host of the site to the outside.
    pub(super) fn outbound(
        &mut self,
        now: Instant,
        random: &mut Random,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<Way, Loss> {
        match self {
            Self::Open => Ok(Way::Out(from)),
            Self::BlocksUdp => Err(Loss::Blocked),
            Self::Nat(nat) if nat.is_external(to.ip()) => {
                let (from, to) = nat.hairpin(now, random, from, to)?;
                Ok(Way::Back(from, to))
            }
            Self::Nat(nat) => nat.outbound(now, random, from, to).map(Way::Out),
            Self::OneToOne(nat) => {
                let source = nat.outbound(from);
                let inside = nat.is_external(to.ip());
                Ok(if inside { Way::Back(source, nat.inbound(to)) } else { Way::Out(source) })
            }
        }
    }

    /// A datagram from outside: where inside it goes.
    pub(super) fn inbound(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Result<SocketAddr, Loss> {
        match self {
            Self::Open => Ok(to),
            Self::BlocksUdp => Err(Loss::Blocked),
            Self::Nat(nat) => nat.inbound(now, from, to),
            Self::OneToOne(nat) => Ok(nat.inbound(to)),
        }
    }

    /// The NAT, where there is one.
    pub(crate) fn nat(&mut self) -> Option<&mut Nat> {
        match self {
            Self::Nat(nat) => Some(nat),
            Self::Open | Self::BlocksUdp | Self::OneToOne(_) => None,
        }
    }

    /// Whether its hosts have public addresses of their own.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self, Self::Open | Self::BlocksUdp)
    }
}

/// The `number`th host of the network `10.<site>.0.0/16`, or `5.0.<site>.0/24`.
pub(crate) fn host_address(site: u8, number: u8, public: bool) -> IpAddr {
    let address = if public { [5, 0, site, number] } else { [10, site, 0, number] };
    IpAddr::from(address)
}
