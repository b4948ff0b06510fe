//! RFC 8656 §12: Channels

use std::time::Instant;

use kopru_stun::channel_data::ChannelNumber;

use crate::five_tuple::PeerAddr;
use crate::limits::{CHANNEL_HOLD, CHANNEL_LIFETIME};

/// The channels of one allocation, found by number (from the client) and by peer (from the peer).
///
/// ```text
///        ChannelBind          10 min          5 min
/// free ─────────────▶ bound ─────────▶ held ─────────▶ free
///                     ▲   ▲ same pair   │ same pair
///                     └───┴─────────────┘
/// ```
///
/// A held channel carries nothing, and neither its number nor its peer is bound to another.
///
/// The few that most clients bind are looked through for a peer; where there are more of them an
/// order of their peers is kept beside.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// In the order of their numbers.
    list: Vec<Channel>,
    /// Places in the list, in the order of the peers there; `None` while there are [`FEW`].
    #[expect(clippy::box_collection, reason = "most have none: one word of the allocation")]
    by_peer: Option<Box<Vec<u16>>>,
}

/// A channel binding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channel {
    number: ChannelNumber,
    /// The transport address it is bound to.
    pub(crate) peer: PeerAddr,
    /// The peer's IP address is a relay address of this server: how it is reached is a question
    /// to be asked for every packet. Otherwise the answer was found when the channel was bound.
    pub(crate) relayed_here: bool,
    expires_at: Instant,
}

impl Channels {
    /// The channel of this number, if it is bound.
    pub(crate) fn by_number(&self, now: Instant, number: ChannelNumber) -> Option<&Channel> {
        let channel = self.list.get(self.find_number(number).ok()?)?;
        (channel.expires_at > now).then_some(channel)
    }

    /// The number of the channel that is bound to this peer.
    pub(crate) fn by_peer(&self, now: Instant, peer: PeerAddr) -> Option<ChannelNumber> {
        let channel = self.of_peer(peer)?;
        (channel.expires_at > now).then_some(channel.number)
    }

    /// §12.2: whether the number belongs to another peer, or the peer to another number.
    pub(crate) fn conflict(&self, now: Instant, number: ChannelNumber, peer: PeerAddr) -> bool {
        let is_held = |channel: &&Channel| channel.expires_at + CHANNEL_HOLD > now;
        let of_number = self.find_number(number).ok().and_then(|place| self.list.get(place));
        of_number.filter(is_held).is_some_and(|channel| channel.peer != peer)
            || self.of_peer(peer).filter(is_held).is_some_and(|channel| channel.number != number)
    }

    /// Whether a channel of this number can be bound within the limit.
    pub(crate) fn has_room(&mut self, now: Instant, number: ChannelNumber, max: usize) -> bool {
        let before = self.list.len();
        self.list.retain(|channel| channel.expires_at + CHANNEL_HOLD > now);
        if self.list.len() < before {
            self.by_peer = None;
            self.keep_order();
        }
        self.list.len() < max || self.find_number(number).is_ok()
    }

    /// Binds or refreshes a channel that is in no [`conflict`](Self::conflict) and
    /// [`has_room`](Self::has_room).
    pub(crate) fn bind(
        &mut self,
        now: Instant,
        number: ChannelNumber,
        peer: PeerAddr,
        relayed_here: bool,
    ) {
        let expires_at = now + CHANNEL_LIFETIME;
        let place = match self.find_number(number) {
            Ok(place) => {
                if let Some(channel) = self.list.get_mut(place) {
                    channel.expires_at = expires_at;
                }
                return;
            }
            Err(place) => place,
        };
        let rank = self.rank(peer);
        self.list.reserve_exact(1);
        self.list.insert(place, Channel { number, peer, relayed_here, expires_at });
        match &mut self.by_peer {
            Some(by_peer) => {
                by_peer.iter_mut().filter(|other| **other >= place as u16).for_each(|it| *it += 1);
                by_peer.insert(rank.unwrap_or_else(|rank| rank), place as u16);
            }
            None => self.keep_order(),
        }
    }

    /// Orders the peers anew, where there is an order to keep.
    fn keep_order(&mut self) {
        if self.list.len() > FEW {
            let mut places: Vec<_> = (0..self.list.len() as u16).collect();
            places.sort_unstable_by_key(|place| self.peer_at(*place));
            self.by_peer = Some(Box::new(places));
        }
    }

    fn of_peer(&self, peer: PeerAddr) -> Option<&Channel> {
        match &self.by_peer {
            None => self.list.iter().find(|channel| channel.peer == peer),
            Some(by_peer) => {
                let place = by_peer.get(self.rank(peer).ok()?)?;
                self.list.get(usize::from(*place))
            }
        }
    }

    /// Where this peer stands in the order, or would.
    fn rank(&self, peer: PeerAddr) -> Result<usize, usize> {
        let by_peer = self.by_peer.as_ref().map_or(&[][..], |by_peer| by_peer);
        by_peer.binary_search_by_key(&Some(peer), |place| self.peer_at(*place))
    }

    fn peer_at(&self, place: u16) -> Option<PeerAddr> {
        self.list.get(usize::from(place)).map(|channel| channel.peer)
    }

    fn find_number(&self, number: ChannelNumber) -> Result<usize, usize> {
        self.list.binary_search_by_key(&number, |channel| channel.number)
    }

    /// Whether both orders tell the same; a question of tests.
    #[cfg(test)]
    fn agree(&self) -> bool {
        let ranks = self.by_peer.as_deref().is_none_or(|by_peer| {
            by_peer.len() == self.list.len()
                && by_peer.is_sorted_by(|one, other| self.peer_at(*one) < self.peer_at(*other))
        });
        let found = |channel: &Channel| {
            self.of_peer(channel.peer).is_some_and(|found| found.number == channel.number)
        };
        ranks
            && self.by_peer.is_some() == (self.list.len() > FEW)
            && self.list.is_sorted_by_key(|channel| channel.number)
            && self.list.iter().all(found)
    }
}

/// So many peers are as quickly looked through as looked up in an order.
const FEW: usize = 8;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    const START: fn() -> Instant = || {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        #[allow(clippy::disallowed_methods, reason = "any instant will do; no test waits for it")]
        *START.get_or_init(Instant::now)
    };

    fn pair(number: u16, port: u16) -> (ChannelNumber, PeerAddr) {
        let number = ChannelNumber(number);
        (number, PeerAddr(SocketAddr::from(([8, 8, 8, 8], port))))
    }

    #[test]
    fn a_channel_is_small() {
        assert!(size_of::<Channel>() + size_of::<u16>() <= 60);
    }

    #[test]
    fn bound_then_held_then_free() {
        let mut channels = Channels::default();
        let at = |seconds| START() + Duration::from_secs(seconds);
        let (number, peer) = pair(0x4000, 1);
        assert!(channels.has_room(at(0), number, 1));
        channels.bind(at(0), number, peer, false);
        assert!(channels.has_room(at(0), number, 1), "to refresh it");
        assert!(channels.by_number(at(599), number).is_some());
        assert_eq!(channels.by_peer(at(599), peer), Some(number));
        assert!(channels.by_number(at(600), number).is_none());
        assert_eq!(channels.by_peer(at(600), peer), None);
        for (number, peer) in [pair(0x4000, 2), pair(0x4001, 1)] {
            assert!(channels.conflict(at(899), number, peer));
            assert!(!channels.conflict(at(900), number, peer));
        }
        let (another, _) = pair(0x4001, 1);
        assert!(!channels.has_room(at(899), another, 1), "still held");
        assert!(channels.has_room(at(900), another, 1));
        channels.bind(at(900), another, peer, false);
        assert!(channels.agree());
    }

    #[test]
    fn many_channels_keep_both_indexes_in_agreement() {
        let (mut channels, mut most) = (Channels::default(), 0);
        for step in 0..300_u16 {
            let now = START() + Duration::from_secs(u64::from(step) * 20);
            let (number, peer) = pair(0x4000 + step * 7 % 31, 1 + step * 11 % 37);
            if !channels.conflict(now, number, peer) && channels.has_room(now, number, 20) {
                channels.bind(now, number, peer, false);
            }
            assert!(channels.agree() && channels.list.len() <= 20);
            most = most.max(channels.list.len());
        }
        assert!(most > FEW);
    }
}
