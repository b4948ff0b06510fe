//! RFC 6062 §5.5: Data Connection Maintenance

use std::time::{Duration, Instant};

use kopru_stun::attribute::ConnectionId;

use crate::Server;
use crate::allocation::Allocation;
use crate::event::EndReason;
use crate::five_tuple::RelayTransport;
use crate::rate::Direction;
use crate::relay_sockets::RelaySockets;
use crate::tcp::PeerConnectionEnd;

impl Server {
    /// Takes note of a connection that has ended by itself: of the peer's, or the client's that was
    /// bound to it. Both are closed.
    pub fn handle_disconnected(&mut self, id: ConnectionId) {
        self.end_connection(id, PeerConnectionEnd::Closed);
    }

    /// How long the next piece of a bound connection has to wait for what the allocation and its
    /// user may relay in a second; zero: not at all. Until then nothing is to be read: so TCP tells
    /// who sends.
    pub fn piece_wait(&self, now: Instant, id: ConnectionId, direction: Direction) -> Duration {
        let connection = self.tcp.connections.get(id);
        let allocation = connection.and_then(|connection| {
            self.allocations.find_relayed(now, RelayTransport::Tcp, connection.relayed)
        });
        allocation.map_or(Duration::ZERO, |allocation| allocation.piece_wait(now, direction))
    }

    /// Counts a piece of a bound connection that was read, `len` bytes.
    pub fn relay_piece(
        &mut self,
        now: Instant,
        id: ConnectionId,
        direction: Direction,
        len: usize,
    ) {
        let Some(connection) = self.tcp.connections.get(id) else { return };
        let relayed = connection.relayed;
        let allocation = self.allocations.at_relayed(now, RelayTransport::Tcp, relayed);
        let Some(allocation) = allocation else { return };
        allocation.relay_piece(now, self.settings.limits.allocation_rate, direction, len);
        match direction {
            Direction::ToPeer => self.counters.to_peers.count(len),
            Direction::ToClient => self.counters.to_clients.count(len),
        }
    }

    /// "If the allocation associated with a data connection expires, the data connection MUST be
    /// closed." So it is for every other end.
    pub(crate) fn end_connections(
        &mut self,
        allocation: &Allocation,
        reason: EndReason,
        sockets: &mut impl RelaySockets,
    ) {
        while let Some(id) = self.tcp.connections.first_of(allocation.relayed) {
            sockets.disconnect(id);
            self.end_connection(id, PeerConnectionEnd::AllocationEnded);
        }
        if reason == EndReason::Disconnected {
            // Nobody is left to be answered.
            self.tcp.messages.retain(|message| message.client() != allocation.five_tuple);
        }
    }
}
