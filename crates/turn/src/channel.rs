//! RFC 8656 §12: Channels

use std::net::SocketAddr;
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
#[derive(Debug, Default)]
pub(crate) struct Channels {
    by_number: Vec<Channel>,
    by_peer: Vec<(SocketAddr, ChannelNumber)>,
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
        let channel = self.by_number.get(self.find_number(number).ok()?)?;
        (channel.expires_at > now).then_some(channel)
    }

    /// The number of the channel that is bound to this peer.
    pub(crate) fn by_peer(&self, now: Instant, peer: PeerAddr) -> Option<ChannelNumber> {
        let (_, number) = *self.by_peer.get(self.find_peer(peer).ok()?)?;
        self.by_number(now, number).map(|channel| channel.number)
    }

    /// §12.2: whether the number belongs to another peer, or the peer to another number.
    pub(crate) fn conflict(&self, now: Instant, number: ChannelNumber, peer: PeerAddr) -> bool {
        let held = |number| {
            let place = self.find_number(number).ok()?;
            self.by_number.get(place).filter(|channel| channel.expires_at + CHANNEL_HOLD > now)
        };
        let peers_number = self.find_peer(peer).ok().and_then(|place| self.by_peer.get(place));
        let peers_channel = peers_number.and_then(|(_, number)| held(*number));
        held(number).is_some_and(|channel| channel.peer != peer)
            || peers_channel.is_some_and(|channel| channel.number != number)
    }

    /// Whether a channel of this number can be bound within the limit.
    pub(crate) fn has_room(&mut self, now: Instant, number: ChannelNumber, max: usize) -> bool {
        self.forget_free(now);
        self.by_number.len() < max || self.find_number(number).is_ok()
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
                if let Some(channel) = self.by_number.get_mut(place) {
                    channel.expires_at = expires_at;
                }
                return;
            }
            Err(place) => place,
        };
        self.by_number.reserve_exact(1);
        self.by_number.insert(place, Channel { number, peer, relayed_here, expires_at });
        if let Err(place) = self.find_peer(peer) {
            self.by_peer.reserve_exact(1);
            self.by_peer.insert(place, (peer.0, number));
        }
    }

    fn forget_free(&mut self, now: Instant) {
        let by_peer = &mut self.by_peer;
        self.by_number.retain(|channel| {
            let keep = channel.expires_at + CHANNEL_HOLD > now;
            if !keep {
                by_peer.retain(|(_, number)| *number != channel.number);
            }
            keep
        });
    }

    fn find_number(&self, number: ChannelNumber) -> Result<usize, usize> {
        self.by_number.binary_search_by_key(&number, |channel| channel.number)
    }

    fn find_peer(&self, peer: PeerAddr) -> Result<usize, usize> {
        self.by_peer.binary_search_by_key(&peer.0, |entry| entry.0)
    }

    /// Whether both indexes tell the same; a question of tests.
    #[cfg(test)]
    fn agree(&self) -> bool {
        self.by_number.len() == self.by_peer.len()
            && self.by_number.is_sorted_by_key(|channel| channel.number)
            && self.by_peer.is_sorted()
            && self.by_number.iter().all(|channel| {
                let found = self.by_peer.iter().find(|entry| entry.0 == channel.peer.0);
                found.is_some_and(|entry| entry.1 == channel.number)
            })
    }
}

#[cfg(test)]
mod tests {
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
        assert!(size_of::<Channel>() + size_of::<(SocketAddr, ChannelNumber)>() <= 100);
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
        let mut channels = Channels::default();
        for step in 0..300_u16 {
            let now = START() + Duration::from_secs(u64::from(step) * 20);
            let (number, peer) = pair(0x4000 + step * 7 % 31, 1 + step * 11 % 37);
            if !channels.conflict(now, number, peer) && channels.has_room(now, number, 20) {
                channels.bind(now, number, peer, false);
            }
            assert!(channels.agree() && channels.by_number.len() <= 20);
        }
    }
}
