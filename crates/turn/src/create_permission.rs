//! RFC 8656 §10.2: Receiving a CreatePermission Request

use std::time::Instant;

use kopru_stun::attribute::XorPeerAddress;

use crate::Server;
use crate::auth::Authenticated;
use crate::five_tuple::{FiveTuple, PeerIp};
use crate::reject::Reject;
use crate::reply::Success;

impl Server {
    /// Installs or refreshes a permission for each peer address in the request, or for none.
    pub(crate) fn create_permission(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
    ) -> Result<Success, Reject> {
        let allocation = self.allocations.of_request(now, from, authenticated)?;
        // "If no such attribute exists, or if any of these attributes are invalid, then … 400".
        // "The port portion of each attribute is ignored."
        let peers = authenticated.request.get_all::<XorPeerAddress>();
        let ips: Result<Vec<_>, _> =
            peers.map(|peer| peer.map(|peer| PeerIp(peer.0.ip()))).collect();
        let mut ips = ips?;
        if ips.is_empty() {
            return Err(Reject::BadRequest);
        }
        if ips.iter().any(|ip| ip.0.is_ipv4() != allocation.relayed.0.is_ipv4()) {
            return Err(Reject::PeerAddressFamilyMismatch);
        }
        if !ips.iter().all(|ip| self.settings.peers.grants_permission(ip.0)) {
            return Err(Reject::Forbidden);
        }
        ips.sort_unstable();
        ips.dedup();
        allocation.permit(now, &ips, &self.settings.limits)?;
        Ok(Success::CreatePermission)
    }
}
