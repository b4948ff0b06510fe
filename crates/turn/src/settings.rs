//! What an operator decides about STUN and TURN.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kopru_stun::channel_data::ChannelRange;
use kopru_stun::credentials::{LongTermKey, Secret};

use crate::limits::Limits;
use crate::peer_policy::PeerPolicy;

/// The settings of a [`Server`](crate::Server). Cloning shares the large parts, so that each worker
/// gets its own.
#[derive(Clone)]
pub struct Settings {
    /// REALM (RFC 8489 §9.2): part of every long-term key. Short is good: it is in every 401.
    pub realm: Arc<str>,
    /// Users by name, with the key derived from name, realm and password (RFC 8656 §6: the
    /// password itself is not stored).
    pub users: Arc<BTreeMap<String, LongTermKey>>,
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
    /// How long an allocation may live, refreshed or not.
    pub max_session: Duration,
}

impl Settings {
    pub(crate) fn channel_range(&self) -> ChannelRange {
        if self.rfc5766_channels { ChannelRange::Rfc5766 } else { ChannelRange::Rfc8656 }
    }

    /// Whether nobody could authenticate. Then the server is STUN only: never an open relay.
    pub(crate) fn is_stun_only(&self) -> bool {
        self.users.is_empty() && self.secrets.is_empty()
    }
}
