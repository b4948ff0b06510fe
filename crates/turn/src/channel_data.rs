//! RFC 8656 §12.6: Receiving a ChannelData Message
//!
//! Two steps, so that a run of messages on one channel takes the first one once (`run.rs`): find
//! the [`Route`], then take the header off.

use std::time::Instant;

use kopru_stun::channel_data::{ChannelHeader, ChannelNumber};
use kopru_stun::packet::PacketBuf;

use crate::Server;
use crate::five_tuple::{FiveTuple, RelayTransport};
use crate::peer_policy::Reach;
use crate::rate::Direction;
use crate::relay_sockets::RelaySockets;
use crate::timers::Slot;
use crate::verdict::{DropReason, Verdict};

/// Where everything goes that arrives on one channel of one client.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) allocation: Slot,
    pub(crate) verdict: Verdict,
}

impl Server {
    /// Relays the application data of a ChannelData message. It refreshes nothing, and asks for no
    /// permission: there is one when a channel is bound, and a channel may outlive it.
    pub(crate) fn channel_data(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        packet: &mut PacketBuf,
        sockets: &impl RelaySockets,
    ) -> Result<Verdict, DropReason> {
        let header = ChannelHeader::read(packet.bytes(), self.settings.channel_range())?;
        let route = self.route(now, from, header.channel, sockets)?;
        let data = header.data_range();
        if !packet.narrow(data.start, data.end) {
            return Err(DropReason::Malformed);
        }
        if let Some(allocation) = self.allocations.at_mut(route.allocation) {
            let rate = self.settings.limits.allocation_rate;
            allocation.relay_datagram(now, rate, Direction::ToPeer, packet.len())?;
        }
        self.counters.to_peers.count(packet.len());
        Ok(route.verdict)
    }

    /// Finds it.
    pub(crate) fn route(
        &self,
        now: Instant,
        from: &FiveTuple,
        number: ChannelNumber,
        sockets: &impl RelaySockets,
    ) -> Result<Route, DropReason> {
        let slots = self.allocations.slots_of_client(now, from);
        let mut slots = slots.into_iter().flatten().peekable();
        slots.peek().ok_or(DropReason::NoAllocation)?;
        let bound = slots.find_map(|slot| {
            let allocation = self.allocations.at(slot)?;
            Some((slot, allocation.relayed, allocation.channels.by_number(now, number)?))
        });
        let (slot, relayed, channel) = bound.ok_or(DropReason::NoChannel)?;
        let live = |peer| sockets.is_live(RelayTransport::Udp, peer);
        let reach = match channel.relayed_here {
            true => self.settings.peers.reach(channel.peer.0, live),
            false => Reach::Outside,
        };
        let verdict = reach.verdict(relayed, channel.peer, false)?;
        Ok(Route { allocation: slot, verdict })
    }
}
