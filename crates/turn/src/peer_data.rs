//! RFC 8656 §11.3: Receiving a UDP Datagram; RFC 8656 §12.7: Relaying Data from the Peer

use std::time::Instant;

use kopru_stun::attribute::{XorPeerAddress, padding_len};
use kopru_stun::channel_data::{CHANNEL_HEADER_LEN, ChannelHeader, ChannelNumber};
use kopru_stun::packet::PacketBuf;
use kopru_stun::{Class, MessageBuilder, MessageType, Method, TransactionId};

use crate::allocation::Allocation;
use crate::allocations::Allocations;
use crate::five_tuple::{ClientAddr, PeerAddr, PeerIp, RelayTransport, RelayedAddr, Sender};
use crate::limits::{DATAGRAM_MAX_V4, DATAGRAM_MAX_V6};
use crate::rate::Direction;
use crate::verdict::{DropReason, Verdict};
use crate::{Server, Settings};

impl Server {
    /// Puts the header in front of a datagram that came to a relayed transport address, through a
    /// socket or in memory.
    pub(crate) fn peer_data(
        &mut self,
        now: Instant,
        at: RelayedAddr,
        from: Sender,
        packet: &mut PacketBuf,
    ) -> Result<Verdict, DropReason> {
        let allocation = receiver(&mut self.allocations, &self.settings, now, at, from)?;
        let len = packet.len();
        let rate = self.settings.limits.allocation_rate;
        allocation.relay_datagram(now, rate, Direction::ToClient, len)?;
        let (client, from) = (allocation.five_tuple.client, from.address());
        match allocation.channels.by_peer(now, from) {
            Some(number) => prepend_channel_header(packet, client, number)?,
            None => wrap_in_data_indication(packet, client, from, self.transaction_ids.next())?,
        }
        self.counters.to_clients.count(len);
        Ok(Verdict::ToClient(allocation.five_tuple))
    }
}

/// The live allocation at `at`, if this peer may send there.
pub(crate) fn receiver<'a>(
    allocations: &'a mut Allocations,
    settings: &Settings,
    now: Instant,
    at: RelayedAddr,
    from: Sender,
) -> Result<&'a mut Allocation, DropReason> {
    let allocation = allocations.at_relayed(now, RelayTransport::Udp, at);
    let allocation = allocation.ok_or(DropReason::NoAllocation)?;
    if !allocation.permissions.allow(now, PeerIp(from.address().0.ip())) {
        return Err(DropReason::NoPermission);
    }
    if !settings.peers.is_source(from) {
        return Err(DropReason::PeerForbidden);
    }
    Ok(allocation)
}

fn prepend_channel_header(
    packet: &mut PacketBuf,
    client: ClientAddr,
    channel: ChannelNumber,
) -> Result<(), DropReason> {
    let len = u16::try_from(packet.len()).map_err(|_| DropReason::TooLarge)?;
    fits(packet.len() + CHANNEL_HEADER_LEN, client)?;
    let front = packet.prepend(CHANNEL_HEADER_LEN).ok_or(DropReason::TooLarge)?;
    front.copy_from_slice(&ChannelHeader { channel, len }.to_bytes());
    Ok(())
}

/// ```text
///  ┌ header 20 ┬ XOR-PEER-ADDRESS 12 or 24 ┬ DATA 4 ┬ the datagram, where it lies ┬ 0-3 ┐
/// ```
fn wrap_in_data_indication(
    packet: &mut PacketBuf,
    client: ClientAddr,
    PeerAddr(peer): PeerAddr,
    transaction_id: TransactionId,
) -> Result<(), DropReason> {
    let len = u16::try_from(packet.len()).map_err(|_| DropReason::TooLarge)?;
    let header_len = if peer.is_ipv4() { 36 } else { 48 };
    let padding = padding_len(packet.len());
    fits(header_len + packet.len() + padding, client)?;
    if !packet.pad(padding) {
        return Err(DropReason::TooLarge);
    }
    let front = packet.prepend(header_len).ok_or(DropReason::TooLarge)?;
    let data_indication = MessageType::new(Method::DATA, Class::Indication);
    let mut builder = MessageBuilder::new(front, data_indication, transaction_id);
    let written = builder.add(&XorPeerAddress(peer)).finish_before_data(len);
    if written == header_len { Ok(()) } else { Err(DropReason::TooLarge) }
}

fn fits(len: usize, ClientAddr(client): ClientAddr) -> Result<(), DropReason> {
    let max = if client.is_ipv4() { DATAGRAM_MAX_V4 } else { DATAGRAM_MAX_V6 };
    if len <= max { Ok(()) } else { Err(DropReason::TooLarge) }
}
