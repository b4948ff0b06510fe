//! RFC 8656 §11.2: Receiving a Send Indication

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use kopru_stun::Message;
use kopru_stun::attribute::{AttributeType, DontFragment, XorPeerAddress};

use crate::five_tuple::{FiveTuple, PeerAddr, PeerIp, RelayTransport, Transport};
use crate::peer_policy::Reach;
use crate::rate::Direction;
use crate::relay_sockets::RelaySockets;
use crate::server::{KNOWN_ATTRIBUTES, Server};
use crate::verdict::{DropReason, Verdict};

impl Server {
    /// Finds where the data of a Send indication goes, and where in the message it lies.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        indication: &Message<'_>,
        sockets: &impl RelaySockets,
    ) -> Result<(Verdict, Range<usize>), DropReason> {
        let slots = self.allocations.slots_of_client(now, from);
        if slots == [None, None] {
            return Err(DropReason::NoAllocation);
        }
        if !indication.unknown_required(KNOWN_ATTRIBUTES).is_empty() {
            return Err(DropReason::UnknownAttribute);
        }
        // "If one of these attributes is missing or invalid, then the message is discarded."
        let peer = indication.get::<XorPeerAddress>()?.ok_or(DropReason::Malformed)?;
        let data = indication.value_range(AttributeType::DATA).ok_or(DropReason::Malformed)?;
        let asks_for_df = indication.get::<DontFragment>()?.is_some();
        // "Note that a Send indication never causes the server to refresh the permission."
        let to = PeerAddr(peer.0);
        let dont_fragment = asks_for_df && heeds_dont_fragment(from, to);
        let slot = self.allocations.slot_towards(slots, to.0.ip());
        let allocation = slot.and_then(|slot| self.allocations.at_mut(slot));
        let allocation = allocation.ok_or(DropReason::NoPermission)?;
        if allocation.transport == RelayTransport::Tcp {
            return Err(DropReason::TcpAllocation);
        }
        if !allocation.permissions.allow(now, PeerIp(to.0.ip())) {
            return Err(DropReason::NoPermission);
        }
        let live = |peer| sockets.is_live(RelayTransport::Udp, peer);
        let reach = self.settings.peers.reach(to.0, live);
        if reach == Reach::Forbidden {
            let username = Arc::clone(&allocation.username);
            self.tell_forbidden_send(now, from, username, to);
            return Err(DropReason::PeerForbidden);
        }
        let verdict = reach.verdict(allocation.relayed, to, dont_fragment)?;
        let rate = self.settings.limits.allocation_rate;
        allocation.relay_datagram(now, rate, Direction::ToPeer, data.len())?;
        self.counters.to_peers.count(data.len());
        Ok((verdict, data))
    }
}

/// §13: where one side is IPv6, "the DONT-FRAGMENT attribute MUST be ignored by the server"; but
/// "ignoring the DONT-FRAGMENT attribute is only applicable for UDP-to-UDP relay".
fn heeds_dont_fragment(from: &FiveTuple, to: PeerAddr) -> bool {
    from.transport != Transport::Udp || (from.client.0.is_ipv4() && to.0.is_ipv4())
}
