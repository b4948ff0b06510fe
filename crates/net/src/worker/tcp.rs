//! RFC 6062 in the loop of a worker: what happens on its listeners and peer connections, and what
//! the core wants sent for it.

use std::time::Instant;

use kopru_stun::attribute::ConnectionId;
use kopru_stun::time::Now;
use kopru_turn::Direction;

use super::Worker;
use crate::batch::Batch;
use crate::driver::Driver;
use crate::tcp::peer_sockets::Occurrence;

impl<D: Driver> Worker<D> {
    /// When there is something to do although nothing arrives.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let timeouts = [self.server.poll_timeout(), self.sockets.peers.next_timeout()];
        timeouts.into_iter().flatten().min()
    }

    /// Tells the core what happened, and carries what there is to carry.
    pub(super) fn take_occurrences(&mut self, now: Now) {
        while let Some((worker, connection)) = self.sockets.driver.leaving() {
            self.colleagues.inboxes[usize::from(worker)].move_in(connection);
        }
        self.sockets.peers.look(now.instant);
        while let Some(occurrence) = self.sockets.peers.next(self.sockets.driver.tally()) {
            match occurrence {
                Occurrence::Knock { at, from } => {
                    let from = self.sockets.known_as(from);
                    self.server.handle_accepted(now.instant, at, from, &mut self.sockets);
                }
                Occurrence::Connected(id, outcome) => {
                    self.server.handle_connected(now.instant, id, outcome);
                }
                Occurrence::Ready(id) => self.carry(now.instant, id),
                Occurrence::Broke(id) => self.server.handle_disconnected(id),
            }
        }
    }

    /// Carries some pieces of a bound connection in each direction: the others wait too.
    fn carry(&mut self, now: Instant, id: ConnectionId) {
        let mut has_more = false;
        for direction in [Direction::ToPeer, Direction::ToClient] {
            let mut pieces = 0;
            while pieces < PIECES_MAX {
                let wait = self.server.piece_wait(now, id, direction);
                let until = (!wait.is_zero()).then(|| now + wait);
                let (peers, tally) = (&mut self.sockets.peers, self.sockets.driver.tally());
                match peers.carry(now, (id, direction), until, tally) {
                    Ok(Some(len)) => self.server.relay_piece(now, id, direction, len),
                    Ok(None) => break,
                    Err(_) => return self.server.handle_disconnected(id),
                }
                pieces += 1;
            }
            has_more |= pieces == PIECES_MAX;
        }
        if !self.sockets.peers.rest(now, id, has_more, self.sockets.driver.tally()) {
            self.server.handle_disconnected(id);
        }
    }

    /// Makes data connections of those whose ConnectionBind request has just been answered.
    pub(super) fn bind_spliced(&mut self, now: Now) {
        while let Some((id, client)) = self.sockets.peers.spliced() {
            let Some(connection) = self.sockets.driver.part_with(&client) else {
                // It broke while it was answered.
                self.sockets.peers.disconnect(id, self.sockets.driver.tally());
                self.server.handle_disconnected(id);
                continue;
            };
            let data = connection.into_data_connection();
            let len = self.sockets.peers.bind(id, data, self.sockets.driver.tally());
            if len > 0 {
                self.server.relay_piece(now.instant, id, Direction::ToPeer, len);
            }
        }
    }

    /// Sends what the core has for clients that is no answer to anything that arrived.
    pub(super) fn send_messages(&mut self, batch: &mut Batch) {
        loop {
            batch.clear();
            while let Some(packet) = batch.vacant() {
                let Some(client) = self.server.poll_message(packet) else { break };
                batch.push_message(client);
            }
            if batch.is_empty() {
                return;
            }
            self.sockets.driver.send(batch);
        }
    }
}

/// Pieces of one connection in each direction in one turn. With the bound on what one look sees
/// this bounds the time until datagrams have theirs.
const PIECES_MAX: usize = 2;
