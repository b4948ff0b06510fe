//! What happened to allocations, for whoever counts, shows or keeps records.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::counters::Traffic;
use crate::five_tuple::{FiveTuple, RelayTransport, RelayedAddr};
use crate::limits::{EVENTS_MAX, REFUSALS_MAX};
use crate::refusal::Refused;

/// Something that happened to an allocation, or kept one from being of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An Allocate request succeeded. A dual allocation (RFC 8656 §7.2) is told as two, which have
    /// their five-tuple in common.
    Created {
        /// The allocation's name.
        five_tuple: FiveTuple,
        /// Its relayed transport address.
        relayed: RelayedAddr,
        /// USERNAME, complete.
        username: Arc<str>,
        /// Time-to-expiry.
        lifetime: Duration,
    },
    /// A Refresh request prolonged it.
    Refreshed {
        /// The allocation's name.
        five_tuple: FiveTuple,
        /// Which one, where there are two with this name.
        relayed: RelayedAddr,
        /// The new time-to-expiry.
        lifetime: Duration,
    },
    /// It is gone. Of each allocation that was created there is one such record.
    Ended(Box<Ended>),
    /// A request was refused that named a time-limited user name. Whoever minted it may know whose
    /// call fails for this. Not all refusals are told: those that count as `refusals_untold` are
    /// not, nor those of UDP clients that have shown no credentials or echoed no valid nonce.
    Refused(Box<Refused>),
}

/// The record of an allocation that ended: what abuse handling and accounting need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The allocation's name, transport included.
    pub five_tuple: FiveTuple,
    /// Its relayed transport address.
    pub relayed: RelayedAddr,
    /// What was spoken there.
    pub relay_transport: RelayTransport,
    /// USERNAME, complete; the credential id is the part after the colon.
    pub username: Arc<str>,
    /// Why it ended.
    pub reason: EndReason,
    /// How long it lived.
    pub age: Duration,
    /// What the client sent to peers, headers of TURN not counted.
    pub to_peers: Traffic,
    /// What peers sent to the client, headers of TURN not counted.
    pub to_client: Traffic,
    /// Permissions that were installed, and Connect requests (RFC 6062); what had expired and came
    /// back counts again.
    pub peers: u32,
}

/// Why an allocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The client deleted it: a Refresh request with a lifetime of zero.
    Deleted,
    /// The client did not refresh it in time.
    Expired,
    /// It lived as long as `max_session` allows.
    MaxSession,
    /// The client's TCP or TLS connection ended, and with it the five-tuple.
    Disconnected,
    /// Its user or credential was taken back.
    Revoked,
    /// Nobody is there any more who had its credential.
    Left,
    /// The server stopped.
    Shutdown,
}

impl EndReason {
    /// Every reason, in the order of declaration: `ALL[reason as usize] == reason`.
    pub const ALL: [Self; 7] = [
        Self::Deleted,
        Self::Expired,
        Self::MaxSession,
        Self::Disconnected,
        Self::Revoked,
        Self::Left,
        Self::Shutdown,
    ];

    /// The value of a `reason` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Expired => "expired",
            Self::MaxSession => "max_session",
            Self::Disconnected => "disconnected",
            Self::Revoked => "revoked",
            Self::Left => "left",
            Self::Shutdown => "shutdown",
        }
    }
}

/// The events nobody has fetched yet.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: VecDeque<Event>,
}

impl Events {
    /// Queues an event; `false` when there is no room, and it is lost.
    #[must_use]
    pub(crate) fn push(&mut self, event: Event) -> bool {
        let max = if matches!(event, Event::Refused(_)) { REFUSALS_MAX } else { EVENTS_MAX };
        let room = self.queue.len() < max;
        if room {
            self.queue.push_back(event);
        }
        room
    }

    /// How much memory the queue takes.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.queue.capacity() * size_of::<Event>()
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use kopru_stun::Method;

    use super::*;
    use crate::five_tuple::{ClientAddr, Transport};
    use crate::refusal::RefusalReason;

    #[test]
    fn the_queue_has_an_end_and_keeps_what_came_first() {
        let address = SocketAddr::from(([7, 7, 7, 7], 1000));
        let client = ClientAddr(address);
        let five_tuple = FiveTuple { transport: Transport::Udp, client, server: address };
        let refreshed = |seconds: usize| {
            let lifetime = Duration::from_secs(seconds as u64);
            Event::Refreshed { five_tuple, relayed: RelayedAddr(address), lifetime }
        };
        let mut events = Events::default();
        assert!((0..EVENTS_MAX).all(|number| events.push(refreshed(number))));
        assert!(!events.push(refreshed(EVENTS_MAX)));
        assert_eq!(events.pop(), Some(refreshed(0)));
        assert!(events.push(refreshed(0)));
    }

    #[test]
    fn refusals_leave_room_for_what_ends() {
        let address = SocketAddr::from(([7, 7, 7, 7], 1000));
        let client = ClientAddr(address);
        let five_tuple = FiveTuple { transport: Transport::Udp, client, server: address };
        let refused = Refused {
            five_tuple,
            username: "1900000000:eve".into(),
            method: Method::ALLOCATE,
            reason: RefusalReason::Quota,
        };
        let refused = || Event::Refused(Box::new(refused.clone()));
        let lifetime = Duration::from_secs(600);
        let refreshed = || Event::Refreshed { five_tuple, relayed: RelayedAddr(address), lifetime };
        let mut events = Events::default();
        assert!((0..REFUSALS_MAX).all(|_| events.push(refused())));
        assert!(!events.push(refused()));
        assert!((REFUSALS_MAX..EVENTS_MAX).all(|_| events.push(refreshed())));
        assert!(!events.push(refreshed()));
    }
}
