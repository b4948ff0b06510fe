//! What an operator decides about STUN and TURN.

use std::sync::Arc;
use std::time::Duration;

use kopru_stun::attribute::PasswordAlgorithms;
use kopru_stun::channel_data::ChannelRange;
use kopru_stun::credentials::Secret;

use crate::limits::Limits;
use crate::nat_discovery::NatDiscovery;
use crate::nonce::Features;
use crate::peer_policy::PeerPolicy;
use crate::users::Users;

/// The settings of a [`Server`](crate::Server). Cloning shares the large parts, so that each worker
/// gets its own.
#[derive(Clone)]
pub struct Settings {
    /// REALM (RFC 8489 §9.2): part of every long-term key. Short is good: it is in every 401.
    pub realm: Arc<str>,
    /// The listed users.
    pub users: Arc<Users>,
    /// Shared secrets of time-limited credentials, newest first.
    pub secrets: Arc<[Secret]>,
    /// Key of the nonces: the same for all workers, so that each accepts what another gave out.
    pub nonce_key: [u8; 32],
    /// Which peers may be reached.
    pub peers: Arc<PeerPolicy>,
    /// What one client and one worker may use.
    pub limits: Limits,
    /// Also take channel numbers 0x5000 to 0x7FFF, as RFC 5766 had them.
    pub rfc5766_channels: bool,
    /// Where RFC 5780 is served: one for each address family that has it.
    pub nat_discovery: Arc<[NatDiscovery]>,
    /// Also relay TCP towards peers (RFC 6062).
    pub tcp_relay: bool,
    /// How long an allocation may live, refreshed or not.
    pub max_session: Duration,
}

impl Settings {
    pub(crate) fn channel_range(&self) -> ChannelRange {
        if self.rfc5766_channels { ChannelRange::Rfc5766 } else { ChannelRange::Rfc8656 }
    }

    /// What a challenge offers to make keys with. A user without a SHA-256 key may be the one who
    /// is challenged: then the offer is what all of them can do.
    pub(crate) fn password_algorithms(&self) -> PasswordAlgorithms<'static> {
        match self.users.all_have_sha256() {
            true => PasswordAlgorithms::SHA256_OR_MD5,
            false => PasswordAlgorithms::MD5,
        }
    }

    /// What the nonce cookie tells. A client that reads "Username anonymity" must send USERHASH,
    /// and by that a time-limited user name is not found: so it is offered where all users are
    /// listed.
    pub(crate) fn features(&self) -> Features {
        match !self.users.is_empty() && self.secrets.is_empty() {
            true => Features::UsernameAnonymity,
            false => Features::PasswordAlgorithms,
        }
    }

    /// Whether nobody could authenticate. Then the server is STUN only: never an open relay.
    pub(crate) fn is_stun_only(&self) -> bool {
        self.users.is_empty() && self.secrets.is_empty()
    }
}
