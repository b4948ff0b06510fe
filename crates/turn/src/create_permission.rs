//! RFC 8656 §10.2: Receiving a CreatePermission Request

use std::time::Instant;

use kopru_stun::attribute::XorPeerAddress;

use crate::Server;
use crate::auth::Authenticated;
use crate::five_tuple::{FiveTuple, PeerAddr, PeerIp};
use crate::reject::Reject;
use crate::relay_sockets::RelaySockets;
use crate::reply::Success;

impl Server {
    /// Installs or refreshes a permission for each peer address in the request, or for none.
    pub(crate) fn create_permission(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Success, Reject> {
        let slots = self.allocations.of_request(now, from, authenticated)?;
        // "If no such attribute exists, or if any of these attributes are invalid, then … 400".
        // "The port portion of each attribute is ignored."
        let peers = authenticated.request.get_all::<XorPeerAddress>();
        let peers: Result<Vec<_>, _> =
            peers.map(|peer| peer.map(|peer| PeerAddr(peer.0))).collect();
        let peers = peers?;
        let mut ips: Vec<_> = peers.iter().map(|peer| PeerIp(peer.0.ip())).collect();
        if ips.is_empty() {
            return Err(Reject::BadRequest);
        }
        let reaches = |ip: &PeerIp| self.allocations.slot_towards(slots, ip.0).is_some();
        if !ips.iter().all(reaches) {
            return Err(Reject::PeerAddressFamilyMismatch);
        }
        let policy = &self.settings.peers;
        let forbidden = peers.iter().find(|peer| !policy.grants_permission(peer.0.ip()));
        if let Some(peer) = forbidden {
            return Err(Reject::PeerForbidden(*peer));
        }
        ips.sort_unstable();
        ips.dedup();
        // All of IPv4 come first.
        let (v4, v6) = ips.split_at(ips.partition_point(|ip| ip.0.is_ipv4()));
        let limits = &self.settings.limits;
        let halves = [v4, v6]
            .into_iter()
            .filter_map(|ips| Some((self.allocations.slot_towards(slots, ips.first()?.0)?, ips)));
        let halves: Vec<_> = halves.collect();
        for (slot, ips) in &halves {
            if let Some(allocation) = self.allocations.at_mut(*slot) {
                allocation.has_room_for(now, ips, limits)?;
                sockets.admit(allocation.relayed)?;
            }
        }
        for (slot, ips) in halves {
            if let Some(allocation) = self.allocations.at_mut(slot) {
                allocation.permit(now, ips, limits)?;
            }
        }
        Ok(Success::CreatePermission)
    }
}
