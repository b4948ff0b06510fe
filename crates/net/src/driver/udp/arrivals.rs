//! Datagrams on their way in: a socket's, as far as its turn goes.

use std::io;
use std::os::fd::BorrowedFd;

use kopru_stun::run::Run;

use super::TURN_MAX;
use crate::batch::{Batch, Origin};
use crate::flow::Flow;
use crate::stats::{Loss, Tally};
use crate::sys::batch::Inlet;
use crate::sys::message::Received;

/// What receiving from sockets takes.
pub(super) struct Ear<'a> {
    pub(super) inlet: &'a mut Inlet,
    pub(super) tally: &'a mut Tally,
    /// Datagrams that the socket has delivered in this turn.
    pub(super) taken: usize,
}

impl Ear<'_> {
    /// Receives what a socket has, as far as its turn goes; `false` when it has no more. A pending
    /// error is the echo of an earlier send to somebody: taking it cleared it.
    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        flow: &Flow,
        batch: &mut Batch,
        origin: impl Fn(&Received) -> Option<Origin>,
    ) -> bool {
        let wanted = flow.buffers_wanted().min(TURN_MAX.saturating_sub(self.taken));
        let vacancies = batch.vacancies(wanted);
        let offered = vacancies.len();
        for _ in 0..PENDING_MAX {
            match self.inlet.receive(socket, vacancies) {
                Ok(filled) => {
                    let datagrams = self.take_in(filled, flow, batch, origin);
                    flow.note_filled(offered, filled, datagrams, TURN_MAX);
                    self.taken += datagrams;
                    return filled == offered;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(_) => {}
            }
        }
        self.tally.lose(Loss::Unreachable);
        false
    }

    /// Lets the buffers that were filled join the batch, and says how many datagrams they hold.
    fn take_in(
        &mut self,
        filled: usize,
        flow: &Flow,
        batch: &mut Batch,
        origin: impl Fn(&Received) -> Option<Origin>,
    ) -> usize {
        let (first, mut datagrams) = (batch.len(), 0);
        for index in 0..filled {
            let arrival = self.inlet.received(index);
            let run = Run::train(arrival.len, arrival.ancillary.segment);
            self.tally.kernel_drops += flow.newly_dropped(&arrival.ancillary);
            datagrams += run.count();
            match origin(&arrival) {
                _ if arrival.truncated => self.tally.lose(Loss::Truncated),
                Some(origin) => batch.push_train(first + index, origin, run),
                None => self.tally.lose(Loss::NoAddress),
            }
        }
        datagrams
    }
}

/// Pending errors that are taken from a socket before its next datagram.
const PENDING_MAX: usize = 4;
