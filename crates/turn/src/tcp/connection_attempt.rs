//! RFC 6062 §5.3: Receiving a TCP Connection on a Relayed Transport Address

use std::net::SocketAddr;
use std::time::Instant;

use crate::Server;
use crate::five_tuple::{PeerAddr, PeerIp, RelayTransport, RelayedAddr};
use crate::limits::CONNECTION_BIND_TIMEOUT;
use crate::peer_policy::Reach;
use crate::relay_sockets::{ConnectRefusal, RelaySockets};
use crate::tcp::PeerConnectionEnd;
use crate::tcp::message::Message;
use crate::tcp::peer_connection::{PeerConnection, Stage};

impl Server {
    /// Takes note of a connection that a peer has made to a relayed transport address, and has it
    /// kept ([`RelaySockets::keep`]) if there is a permission for that peer.
    pub fn handle_accepted(
        &mut self,
        now: Instant,
        at: RelayedAddr,
        from: PeerAddr,
        sockets: &mut impl RelaySockets,
    ) {
        if let Err(why) = self.accept(now, at, from, sockets) {
            self.count_end(why);
        }
    }

    fn accept(
        &mut self,
        now: Instant,
        at: RelayedAddr,
        PeerAddr(from): PeerAddr,
        sockets: &mut impl RelaySockets,
    ) -> Result<(), PeerConnectionEnd> {
        // As for datagrams: what a client permits has no flow label and no scope.
        let peer = PeerAddr(SocketAddr::new(from.ip(), from.port()));
        let allocation = self.allocations.at_relayed(now, RelayTransport::Tcp, at);
        let allocation = allocation.ok_or(PeerConnectionEnd::AllocationEnded)?;
        if !allocation.permissions.allow(now, PeerIp(peer.0.ip())) {
            return Err(PeerConnectionEnd::NoPermission);
        }
        let policy = &self.settings.peers;
        let live = |peer| sockets.is_live(RelayTransport::Tcp, peer);
        if policy.reach(peer.0, live) == Reach::Forbidden {
            return Err(PeerConnectionEnd::PeerForbidden);
        }
        let connections = &mut self.tcp.connections;
        let room = connections.check_room(at, &self.settings.limits);
        if room.is_err() || connections.has(at, peer) {
            return Err(PeerConnectionEnd::Limit);
        }
        let id = sockets.keep().map_err(|refusal| match refusal {
            ConnectRefusal::Capacity => PeerConnectionEnd::Capacity,
            ConnectRefusal::Failed => PeerConnectionEnd::Closed,
        })?;
        let connection = PeerConnection { relayed: at, peer, stage: Stage::Pending };
        connections.insert(id, connection, now + CONNECTION_BIND_TIMEOUT);
        let client = allocation.five_tuple;
        self.tcp.messages.push_back(Message::Attempt { client, id, peer });
        self.counters.peer_connections = self.tcp.connections.len() as u64;
        Ok(())
    }
}
