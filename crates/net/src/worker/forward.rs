//! From arrival to departure: what the core says of each datagram, and of each run of a train.
//!
//! ```text
//!  arrival ──┬─ one datagram ──▶ handle_client, handle_peer, handle_icmp ──▶ depart as it stands
//!            └─ train ──▶ handle_client_run, handle_peer_run ──┬─ a run ──▶ depart as a run
//!                                                              └─ the next has to go by itself
//!                                                                 ──▶ a copy, as one datagram
//! ```
//!
//! What departs is sent when the batch is through, or when there is no more room for it.

use std::ops::Range;

use kopru_stun::packet::PacketBuf;
use kopru_stun::run::Run;
use kopru_stun::time::Now;
use kopru_turn::five_tuple::{FiveTuple, RelayedAddr, Sender};
use kopru_turn::{RunVerdict, Verdict};

use super::Worker;
use crate::batch::{Arrival, Batch, Departure, Origin};
use crate::driver::Driver;
use crate::stats::Loss;

impl<D: Driver> Worker<D> {
    /// Lets the core edit and judge what is in the batch, and sends what is to be sent.
    pub(super) fn forward(&mut self, now: Now, batch: &mut Batch) {
        for place in 0..batch.len() {
            let Some(Arrival { origin, run }) = batch.arrival(place) else { break };
            match origin {
                _ if run.count() == 1 => self.forward_one(now, batch, place, origin),
                Origin::Client(from) => self.forward_train(now, batch, (place, run), &from),
                Origin::Peer { at, from } => {
                    self.forward_peer_run(now, batch, (place, run), (at, from));
                }
                Origin::Icmp { .. } => {}
            }
        }
        self.sockets.driver.send(batch);
        self.bind_spliced(now);
    }

    /// A datagram that is all of its packet.
    fn forward_one(&mut self, now: Now, batch: &mut Batch, place: usize, origin: Origin) {
        self.make_room(batch);
        let packet = batch.packet(place);
        let verdict = match origin {
            Origin::Client(from) => self.server.handle_client(now, from, packet, &mut self.sockets),
            Origin::Peer { at, from } => self.server.handle_peer(now, at, from, packet),
            Origin::Icmp { at, error } => self.server.handle_icmp(now, at, error, packet),
        };
        match self.departure(now, verdict, packet) {
            Ok(departure) => batch.depart(place, departure),
            Err(why) => self.sockets.driver.tally().lose(why),
        }
    }

    fn departure(
        &mut self,
        now: Now,
        verdict: Verdict,
        packet: &mut PacketBuf,
    ) -> Result<Departure, Loss> {
        match verdict {
            Verdict::Drop(_) | Verdict::Later => Ok(Departure::Stays),
            Verdict::ToClient(five_tuple) => Ok(Departure::Client(five_tuple)),
            Verdict::ToPeer { via, to, dont_fragment } => {
                let slot = self.sockets.slot(via).ok_or(Loss::SocketGone)?;
                Ok(Departure::Peer { slot, to, dont_fragment })
            }
            Verdict::ToRelayed { via, to } => {
                let owner = self.sockets.owner(to).ok_or(Loss::SocketGone)?;
                if owner.worker == self.number {
                    // What comes from a peer goes to a client or nowhere: this ends here.
                    let verdict = self.server.handle_peer(now, to, Sender::Relayed(via), packet);
                    return self.departure(now, verdict, packet);
                }
                let inbox = &self.colleagues.inboxes[usize::from(owner.worker)];
                let delivered = inbox.deliver(via, to, packet);
                if delivered { Ok(Departure::Stays) } else { Err(Loss::InboxFull) }
            }
        }
    }

    /// A train of a client: run by run, and what is in none by itself.
    fn forward_train(
        &mut self,
        now: Now,
        batch: &mut Batch,
        (place, mut rest): (usize, Run),
        from: &FiveTuple,
    ) {
        while !rest.is_empty() {
            let packet = (&*batch.packet(place), &mut rest);
            let passed = self.server.handle_client_run(now, from, packet, &self.sockets);
            match passed {
                Some(passed) => self.forward_client_run(now, batch, place, &passed),
                None => {
                    let datagram = rest.split_front(1).datagram(0);
                    self.forward_alone(now, batch, (place, datagram), Origin::Client(*from));
                }
            }
        }
    }

    fn forward_client_run(
        &mut self,
        now: Now,
        batch: &mut Batch,
        place: usize,
        passed: &RunVerdict,
    ) {
        let forwarded = match passed.verdict {
            Verdict::ToPeer { via, to, dont_fragment } => {
                let slot = self.sockets.slot(via).ok_or(Loss::SocketGone);
                slot.map(|slot| Departure::Peer { slot, to, dont_fragment })
            }
            Verdict::ToRelayed { via, to } => {
                self.hand_over(now, batch, (place, passed.run), (via, to))
            }
            // A run of a client is answered with nothing.
            Verdict::Drop(_) | Verdict::Later | Verdict::ToClient(_) => Ok(Departure::Stays),
        };
        match forwarded {
            Ok(departure) => {
                self.make_room(batch);
                batch.depart_run(place, departure, passed);
            }
            Err(why) => self.sockets.driver.tally().lose_all(why, passed.run.count()),
        }
    }

    /// Hands a run over in memory, from the relayed transport address `via` to the one `to`.
    fn hand_over(
        &mut self,
        now: Now,
        batch: &mut Batch,
        (place, run): (usize, Run),
        (via, to): (RelayedAddr, RelayedAddr),
    ) -> Result<Departure, Loss> {
        let owner = self.sockets.owner(to).ok_or(Loss::SocketGone)?;
        if owner.worker == self.number {
            self.forward_peer_run(now, batch, (place, run), (to, Sender::Relayed(via)));
            return Ok(Departure::Stays);
        }
        let inbox = &self.colleagues.inboxes[usize::from(owner.worker)];
        let delivered = inbox.deliver_run(via, to, (batch.packet(place).bytes(), run));
        if delivered { Ok(Departure::Stays) } else { Err(Loss::InboxFull) }
    }

    /// Datagrams of a peer: on one channel as a run, otherwise each by itself.
    fn forward_peer_run(
        &mut self,
        now: Now,
        batch: &mut Batch,
        (place, run): (usize, Run),
        (at, from): (RelayedAddr, Sender),
    ) {
        self.make_room(batch);
        let passed = self.server.handle_peer_run(now, at, from, (batch.packet(place), run));
        match passed {
            Some(passed) => {
                if let Verdict::ToClient(client) = passed.verdict {
                    batch.depart_run(place, Departure::Client(client), &passed);
                }
            }
            None => {
                for datagram in run.datagrams() {
                    self.forward_alone(now, batch, (place, datagram), Origin::Peer { at, from });
                }
            }
        }
    }

    /// A datagram out of a train that goes by itself, in a buffer of its own, in its turn.
    fn forward_alone(
        &mut self,
        now: Now,
        batch: &mut Batch,
        (place, datagram): (usize, Range<usize>),
        origin: Origin,
    ) {
        let mut alone = batch.take_alone(place, datagram.clone());
        if alone.is_none() {
            self.sockets.driver.send(batch);
            alone = batch.take_alone(place, datagram);
        }
        match alone {
            Some(alone) => self.forward_one(now, batch, alone, origin),
            None => self.sockets.driver.tally().lose(Loss::MessageSize),
        }
    }

    /// Sends what departs when nothing more could.
    fn make_room(&mut self, batch: &mut Batch) {
        if batch.is_laden() {
            self.sockets.driver.send(batch);
        }
    }
}
