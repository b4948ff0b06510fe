//! RFC 8656 §12.2: Receiving a ChannelBind Request

use std::time::Instant;

use kopru_stun::attribute::XorPeerAddress;
use kopru_stun::channel_data::ChannelNumber;

use crate::Server;
use crate::auth::Authenticated;
use crate::five_tuple::{FiveTuple, PeerAddr, PeerIp, RelayTransport};
use crate::peer_policy::Reach;
use crate::reject::Reject;
use crate::relay_sockets::RelaySockets;
use crate::reply::Success;

impl Server {
    /// Binds a channel to a peer, or refreshes the binding, and the permission with it.
    pub(crate) fn channel_bind(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Success, Reject> {
        let (request, policy) = (&authenticated.request, &self.settings.peers);
        let slots = self.allocations.of_request(now, from, authenticated)?;
        // "The request contains both a CHANNEL-NUMBER and an XOR-PEER-ADDRESS attribute;
        // the channel number is in the range …; [neither is] bound to a different …"
        let number = request.get::<ChannelNumber>()?.ok_or(Reject::BadRequest)?;
        let peer = PeerAddr(request.get::<XorPeerAddress>()?.ok_or(Reject::BadRequest)?.0);
        let mut allocations = slots.iter().flatten().filter_map(|slot| self.allocations.at(*slot));
        if !number.is_allowed(self.settings.channel_range())
            || allocations.any(|allocation| allocation.channels.conflict(now, number, peer))
        {
            return Err(Reject::BadRequest);
        }
        let ip = peer.0.ip();
        let slot = self.allocations.slot_towards(slots, ip);
        let allocation = slot.and_then(|slot| self.allocations.at_mut(slot));
        let allocation = allocation.ok_or(Reject::PeerAddressFamilyMismatch)?;
        if allocation.transport == RelayTransport::Tcp {
            return Err(Reject::BadRequest);
        }
        let live = |peer| sockets.is_live(RelayTransport::Udp, peer);
        if !policy.grants_permission(ip) || policy.reach(peer.0, live) == Reach::Forbidden {
            return Err(Reject::PeerForbidden(peer));
        }
        let limits = &self.settings.limits;
        if !allocation.channels.has_room(now, number, limits.channels) {
            return Err(Reject::InsufficientCapacity);
        }
        sockets.admit(allocation.relayed)?;
        allocation.permit(now, &[PeerIp(ip)], limits)?;
        allocation.channels.bind(now, number, peer, policy.is_relay(ip));
        Ok(Success::ChannelBind)
    }
}
