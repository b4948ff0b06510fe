//! RFC 8656 §21.2.1, §21.3.2: which peers may be reached through the relay.
//!
//! One function, [`canonical`], stands in front of every use of a peer address, so that
//! 127.0.0.1 is the same host in each of its IPv6 disguises. Then, in this order:
//!
//! ```text
//! configured deny ──▶ no        metadata host ──▶ only if allowed by its exact address
//! configured allow ─▶ yes       special-purpose range, or an address of this host ──▶ no
//!                               everything else ──▶ yes
//! ```
//!
//! Two rules stand outside the order. kopru's own listeners are out of reach whatever is allowed,
//! so no request can be made to come "from the server itself". A relay address of this server is
//! always granted a *permission*, since two clients of one server are each other's peers; what is
//! then reached there is a live allocation, in memory, or else what the order says. The same goes
//! for who sends from there: another program of this host is no client of this server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::cidr::Cidr;
use crate::five_tuple::{PeerAddr, RelayedAddr, Sender};
use crate::special_purpose;
use crate::verdict::{DropReason, Verdict};

/// Which peers may be reached. The lists are short (a configuration's worth) and read when a
/// permission is made, not for every packet.
#[derive(Clone, Debug, Default)]
pub struct PeerPolicy {
    /// Reachable although the built-in table says no. Opens a metadata host only as `/32`, `/128`.
    pub allow: Vec<Cidr>,
    /// Never reachable.
    pub deny: Vec<Cidr>,
    /// The *advertised* addresses on which this server opens relayed transport addresses.
    pub relays: Vec<IpAddr>,
    /// The addresses of this host's interfaces.
    pub own: Vec<IpAddr>,
    /// Every address and port on which kopru itself listens, TURN, HTTP and admin. An unspecified
    /// IP address (a wildcard socket) stands for all addresses of this host.
    pub listeners: Vec<SocketAddr>,
}

/// How a peer is reached, permission given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Through a socket.
    Outside,
    /// In memory: it is the relayed transport address of a live allocation of this server.
    InMemory,
    /// Not at all.
    Forbidden,
}

impl Reach {
    /// What becomes of a packet from the relayed transport address `via` to that peer.
    pub(crate) fn verdict(
        self,
        via: RelayedAddr,
        to: PeerAddr,
        dont_fragment: bool,
    ) -> Result<Verdict, DropReason> {
        match self {
            Self::Outside => Ok(Verdict::ToPeer { via, to, dont_fragment }),
            Self::InMemory => Ok(Verdict::ToRelayed { via, to: RelayedAddr(to.0) }),
            Self::Forbidden => Err(DropReason::PeerForbidden),
        }
    }
}

impl PeerPolicy {
    /// Whether a peer with this IP address may be reached through a socket.
    pub fn permits(&self, ip: IpAddr) -> bool {
        let seen = canonical(ip);
        let listed = |list: &[Cidr], ip| list.iter().any(|range| range.contains(ip));
        if listed(&self.deny, ip) || listed(&self.deny, seen) {
            return false;
        }
        if special_purpose::is_metadata_host(seen) {
            return self.allow.iter().any(|range| range.exact() == Some(seen));
        }
        if listed(&self.allow, seen) {
            return true;
        }
        // An address in disguise passes only if the disguise is no special range either: the
        // NAT64 prefix is not, and the others only when they are allowed by name.
        let disguise_special =
            seen != ip && special_purpose::contains(ip) && !listed(&self.allow, ip);
        !disguise_special && !special_purpose::contains(seen) && !self.is_own(seen)
    }

    /// Whether a permission for this IP address may be installed.
    pub(crate) fn grants_permission(&self, ip: IpAddr) -> bool {
        self.is_relay(ip) || self.permits(ip)
    }

    /// Whether `ip` is advertised as a relay of this server.
    pub(crate) fn is_relay(&self, ip: IpAddr) -> bool {
        self.relays.contains(&ip)
    }

    /// How `peer` is reached, a permission for its IP address being in place or about to be.
    /// `is_live` tells whether it is the relayed transport address of a live allocation.
    pub(crate) fn reach(
        &self,
        peer: SocketAddr,
        is_live: impl FnOnce(SocketAddr) -> bool,
    ) -> Reach {
        if !self.may_talk(peer) {
            return Reach::Forbidden;
        }
        if !self.is_relay(peer.ip()) {
            return Reach::Outside;
        }
        if is_live(peer) {
            Reach::InMemory
        } else if self.permits(peer.ip()) {
            Reach::Outside
        } else {
            Reach::Forbidden
        }
    }

    /// Whether a datagram may reach a client, a permission for its sender's IP address being in
    /// place. Allocations send to one another in memory: what comes from an address of theirs
    /// through a socket is some other program's, and those may be out of reach.
    pub(crate) fn is_source(&self, sender: Sender) -> bool {
        let PeerAddr(from) = sender.address();
        let is_in_place = matches!(sender, Sender::Relayed(_))
            || !self.is_relay(from.ip())
            || self.permits(from.ip());
        is_in_place && self.may_talk(from)
    }

    /// Port 0 can't be answered, and a listener of kopru speaks to no client's client.
    fn may_talk(&self, peer: SocketAddr) -> bool {
        peer.port() != 0 && !self.is_listener(peer)
    }

    fn is_listener(&self, peer: SocketAddr) -> bool {
        let same_port = self.listeners.iter().filter(|listener| listener.port() == peer.port());
        let mut same_port = same_port.peekable();
        if same_port.peek().is_none() {
            return false;
        }
        let ip = canonical(peer.ip());
        same_port.into_iter().any(|listener| {
            let listens_at = canonical(listener.ip());
            // Behind a 1:1 NAT the advertised address is another name of the one that is bound.
            let renamed = self.relays.contains(&ip) && self.own.contains(&listens_at);
            listens_at == ip || renamed || (listens_at.is_unspecified() && self.is_here(ip))
        })
    }

    /// Whether `ip`, canonical, leads to this host.
    fn is_here(&self, ip: IpAddr) -> bool {
        ip.is_loopback() || ip.is_unspecified() || self.is_own(ip)
    }

    fn is_own(&self, ip: IpAddr) -> bool {
        let mut own = self.own.iter().chain(&self.relays);
        own.any(|own| canonical(*own) == ip)
    }
}

/// The address that a packet to `ip` reaches in the end: the IPv4 address inside, when `ip` is an
/// IPv6 address that carries one, and else `ip` itself.
///
/// ```text
/// ::ffff:0:0/96     v4-mapped        RFC 4291 §2.5.5.2   last 32 bits
/// ::/96             v4-compatible    RFC 4291 §2.5.5.1   last 32 bits (:: and ::1 stay)
/// ::ffff:0:0:0/96   v4-translated    RFC 2765 §2.1       last 32 bits
/// 64:ff9b::/96      NAT64            RFC 6052 §2.1       last 32 bits
/// 64:ff9b:1::/48    local NAT64      RFC 8215            last 32 bits
/// 2002::/16         6to4             RFC 3056 §2         bits 16 to 48
/// 2001::/32         Teredo           RFC 4380 §4         last 32 bits, inverted
/// ```
pub(crate) fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let bits = v6.to_bits();
    let last = bits as u32;
    let inside = match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return ip,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => last,
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => last,
        [0x2002, ..] => (bits >> 80) as u32,
        [0x2001, 0, ..] => !last,
        _ => return ip,
    };
    Ipv4Addr::from_bits(inside).into()
}

#[cfg(test)]
mod tests;
