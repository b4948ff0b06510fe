//! RFC 6062 §5.2: Receiving a Connect Request

use std::time::Instant;

use kopru_stun::attribute::{ConnectionId, XorPeerAddress};

use crate::Server;
use crate::auth::Authenticated;
use crate::five_tuple::{FiveTuple, PeerAddr, RelayTransport};
use crate::limits::{CONNECT_TIMEOUT, CONNECTION_BIND_TIMEOUT, ENDS_AT_ONCE};
use crate::peer_policy::Reach;
use crate::reject::Reject;
use crate::relay_sockets::{ConnectRefusal, RelaySockets};
use crate::reply::{Reply, Success};
use crate::tcp::PeerConnectionEnd;
use crate::tcp::message::Message;
use crate::tcp::peer_connection::{Connecting, PeerConnection, Stage};

impl Server {
    /// Begins to connect to a peer. The answer comes with the outcome, out of
    /// [`poll_message`](Self::poll_message).
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        from: &FiveTuple,
        authenticated: &Authenticated<'_>,
        sockets: &mut impl RelaySockets,
    ) -> Result<Option<Success>, Reject> {
        let (request, policy) = (&authenticated.request, &self.settings.peers);
        let slots = self.allocations.of_request(now, from, authenticated)?;
        let XorPeerAddress(peer) = request.get()?.ok_or(Reject::BadRequest)?;
        // "forbidden by local policy … 403". In front of everything that could tell about a peer.
        let reach = policy.reach(peer, |peer| sockets.is_live(RelayTransport::Tcp, peer));
        if !policy.grants_permission(peer.ip()) || reach == Reach::Forbidden {
            return Err(Reject::PeerForbidden(PeerAddr(peer)));
        }
        let slot = self.allocations.slot_towards(slots, peer.ip());
        let allocation = slot.and_then(|slot| self.allocations.at_mut(slot));
        let allocation = allocation.ok_or(Reject::PeerAddressFamilyMismatch)?;
        let (relayed, peer) = (allocation.relayed, PeerAddr(peer));
        if allocation.transport != RelayTransport::Tcp {
            return Err(Reject::AllocationMismatch);
        }
        // A connection with itself would have one end.
        if peer.0 == relayed.0 {
            return Err(Reject::PeerForbidden(peer));
        }
        // "currently processing", or "either pending or active": "446".
        if self.tcp.connections.has(relayed, peer) {
            return Err(Reject::ConnectionAlreadyExists);
        }
        let limits = &self.settings.limits;
        self.tcp.connections.check_room(relayed, limits)?;
        allocation.count_connect(now, limits)?;
        let id = sockets.connect(relayed, peer)?;
        let (reply, protection) = (Reply::to(request), authenticated.protection);
        let stage = Stage::Connecting(Box::new(Connecting { client: *from, reply, protection }));
        let connection = PeerConnection { relayed, peer, stage };
        self.tcp.connections.insert(id, connection, now + CONNECT_TIMEOUT);
        self.counters.peer_connections = self.tcp.connections.len() as u64;
        Ok(None)
    }

    /// Takes what became of a connection that was to be made. One that failed is closed already.
    pub fn handle_connected(
        &mut self,
        now: Instant,
        id: ConnectionId,
        outcome: Result<(), ConnectRefusal>,
    ) {
        if outcome.is_err() {
            return self.end_connection(id, PeerConnectionEnd::ConnectFailed);
        }
        let Some(connection) = self.tcp.connections.get(id) else { return };
        if let Stage::Connecting(connecting) = &connection.stage {
            self.tcp.messages.push_back(Message::Connected(**connecting, Ok(id)));
            let until = now + CONNECTION_BIND_TIMEOUT;
            self.tcp.connections.advance(id, Stage::Pending, Some(until));
        }
    }

    /// Closes the connections that nobody has answered in time: the peer not the SYN, or the client
    /// not with ConnectionBind.
    pub(crate) fn end_unanswered(&mut self, now: Instant, sockets: &mut impl RelaySockets) {
        for _ in 0..ENDS_AT_ONCE {
            let Some(id) = self.tcp.connections.due(now) else { return };
            let stage = self.tcp.connections.get(id).map(|connection| &connection.stage);
            let why = match stage {
                Some(Stage::Connecting(_)) => PeerConnectionEnd::ConnectTimeout,
                _ => PeerConnectionEnd::Unbound,
            };
            sockets.disconnect(id);
            self.end_connection(id, why);
        }
    }

    /// Forgets a connection that is closed, and answers who waits for it: "If the connection
    /// attempt fails or times out, the server MUST return a 447".
    pub(super) fn end_connection(&mut self, id: ConnectionId, why: PeerConnectionEnd) {
        let Some(connection) = self.tcp.connections.remove(id) else { return };
        self.count_end(why);
        if let Stage::Connecting(connecting) = connection.stage {
            let refused = Err(Reject::ConnectionTimeoutOrFailure);
            self.tcp.messages.push_back(Message::Connected(*connecting, refused));
        }
    }
}
