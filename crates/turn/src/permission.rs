//! RFC 8656 §9: Permissions

use std::net::IpAddr;
use std::time::Instant;

use crate::five_tuple::PeerIp;
use crate::limits::PERMISSION_LIFETIME;

/// The permissions of one allocation, in the order of their addresses.
///
/// A permission that has expired allows nothing from that instant on; its 40 bytes are given back
/// when the next one is installed.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    list: Vec<Permission>,
}

/// "Each permission consists of an IP address and an associated time-to-expiry."
#[derive(Debug)]
struct Permission {
    ip: IpAddr,
    expires_at: Instant,
}

/// There is no room within the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Permissions {
    /// Whether a permission for this address is in place.
    pub(crate) fn allow(&self, now: Instant, ip: PeerIp) -> bool {
        let found = self.find(ip).ok().and_then(|place| self.list.get(place));
        found.is_some_and(|permission| permission.expires_at > now)
    }

    /// Installs or refreshes permissions for all of `ips`, or else none.
    ///
    /// `ips` is sorted and names no address twice.
    pub(crate) fn install(&mut self, now: Instant, ips: &[PeerIp], max: usize) -> Result<(), Full> {
        let fresh = self.make_room(now, ips, max)?;
        self.list.reserve_exact(fresh);
        let expires_at = now + PERMISSION_LIFETIME;
        for ip in ips {
            match self.find(*ip) {
                Ok(place) => {
                    if let Some(permission) = self.list.get_mut(place) {
                        permission.expires_at = expires_at;
                    }
                }
                Err(place) => self.list.insert(place, Permission { ip: ip.0, expires_at }),
            }
        }
        Ok(())
    }

    /// Whether permissions for all of `ips` have room, and for how many there is none yet.
    pub(crate) fn make_room(
        &mut self,
        now: Instant,
        ips: &[PeerIp],
        max: usize,
    ) -> Result<usize, Full> {
        self.list.retain(|permission| permission.expires_at > now);
        let fresh = ips.iter().filter(|ip| self.find(**ip).is_err()).count();
        if self.list.len() + fresh > max { Err(Full) } else { Ok(fresh) }
    }

    fn find(&self, ip: PeerIp) -> Result<usize, usize> {
        self.list.binary_search_by_key(&ip.0, |permission| permission.ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_small() {
        assert!(size_of::<Permission>() <= 40);
    }
}
