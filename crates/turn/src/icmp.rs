//! RFC 8656 §11.5: Receiving an ICMP Packet

use std::net::SocketAddr;
use std::time::Instant;

use kopru_stun::attribute::{Icmp, XorPeerAddress};
use kopru_stun::packet::PacketBuf;
use kopru_stun::{Class, MessageBuilder, MessageType, Method};

use crate::Server;
use crate::five_tuple::{PeerAddr, PeerIp, RelayTransport, RelayedAddr};
use crate::verdict::{DropReason, Verdict};

/// What an ICMP packet says about a datagram that left a relayed transport address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Where the datagram was to go: "the destination IP address in the encapsulated IP header",
    /// and the port of the UDP header behind it.
    pub to: PeerAddr,
    /// Type and code, and the MTU of the next hop where the packet tells one.
    pub icmp: Icmp,
}

impl Server {
    /// Forms the Data indication that tells the client, in place of what is in `packet`.
    pub(crate) fn icmp(
        &mut self,
        now: Instant,
        at: RelayedAddr,
        IcmpError { to: PeerAddr(to), mut icmp }: IcmpError,
        packet: &mut PacketBuf,
    ) -> Result<Verdict, DropReason> {
        // "either 3 or 11 for an ICMPv4 packet or either 1, 2, or 3 for an ICMPv6 packet"
        let relayed_types: &[u8] = if to.is_ipv4() { &[3, 11] } else { &[1, 2, 3] };
        if !relayed_types.contains(&icmp.icmp_type) {
            return Err(DropReason::IcmpType);
        }
        let allocation = self.allocations.at_relayed(now, RelayTransport::Udp, at);
        let allocation = allocation.ok_or(DropReason::NoAllocation)?;
        // "the source IP address MUST NOT be checked against the permissions list … Instead, …
        // the destination IP address from the encapsulated IP header"
        if !allocation.permissions.allow(now, PeerIp(to.ip())) {
            return Err(DropReason::NoPermission);
        }
        // 18.13: "Packet too big", "fragmentation needed and DF set"; else "MUST be set to zero"
        if !matches!((to.is_ipv4(), icmp.icmp_type, icmp.code), (true, 3, 4) | (false, 2, _)) {
            icmp.error_data = 0;
        }
        let (five_tuple, id) = (allocation.five_tuple, self.transaction_ids.next());
        let data_indication = MessageType::new(Method::DATA, Class::Indication);
        packet.overwrite(|buffer| {
            let mut builder = MessageBuilder::new(buffer, data_indication, id);
            let peer = XorPeerAddress(SocketAddr::new(to.ip(), to.port()));
            builder.add(&peer).add(&icmp).finish()
        });
        Ok(Verdict::ToClient(five_tuple))
    }
}
