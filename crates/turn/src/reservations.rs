//! RFC 8656 §7.2: the ports that are held for a later Allocate request with RESERVATION-TOKEN.

use std::collections::VecDeque;
use std::time::Instant;

use kopru_stun::attribute::ReservationToken;

use crate::limits::RESERVATION_LIFETIME;

/// When the reservations end that this server made. Whose port it is and whether somebody came for
/// it, on whichever worker, is known to [`RelaySockets`](crate::RelaySockets).
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    /// All are held equally long, so the oldest ends first.
    queue: VecDeque<(Instant, ReservationToken)>,
}

impl Reservations {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Holds one from now on.
    pub(crate) fn hold(&mut self, now: Instant, token: ReservationToken) {
        self.queue.push_back((now + RESERVATION_LIFETIME, token));
    }

    /// When the next one ends.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.queue.front().map(|reservation| reservation.0)
    }

    /// Takes out one whose time is over, if there is one.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<ReservationToken> {
        self.queue.front().filter(|reservation| reservation.0 <= now)?;
        self.queue.pop_front().map(|reservation| reservation.1)
    }
}
