//! What kinds of verdicts there are.

use schemars::JsonSchema;
use serde::Serialize;

/// What kind of end or state it is. `docs/protocol.md` has a row for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictClass {
    /// They are connected without a relay.
    ConnectedDirect,
    /// They are connected through a relay.
    ConnectedRelayed,
    /// They are not connected yet.
    Connecting,
    /// TURN knows no such user name and password.
    CredentialWrong,
    /// The time of the credential was over.
    CredentialExpired,
    /// Two clocks differ.
    ClockSkew,
    /// No datagram gets out.
    UdpBlocked,
    /// Nothing but port 443 gets out.
    #[serde(rename = "only_443")]
    Only443,
    /// The relay announces an address that nobody outside can reach.
    RelayAddressPrivate,
    /// The relay may not send to the partner.
    PeerForbidden,
    /// Somebody, or the server, has as many allocations as it may have.
    Quota,
    /// They have no codec in common.
    NoCommonCodec,
    /// One of them went before they were connected.
    PartnerGone,
    /// A token or a credential was taken back.
    Revoked,
    /// Both are behind symmetric NATs, and there is no relay.
    SymmetricWithoutRelay,
    /// They were connected, and it is over.
    Ended,
    /// Nothing that was seen says why.
    Unknown,
}

impl VerdictClass {
    /// All of them, in the order of the document.
    pub const ALL: [Self; 17] = [
        Self::ConnectedDirect,
        Self::ConnectedRelayed,
        Self::Connecting,
        Self::CredentialWrong,
        Self::CredentialExpired,
        Self::ClockSkew,
        Self::UdpBlocked,
        Self::Only443,
        Self::RelayAddressPrivate,
        Self::PeerForbidden,
        Self::Quota,
        Self::NoCommonCodec,
        Self::PartnerGone,
        Self::Revoked,
        Self::SymmetricWithoutRelay,
        Self::Ended,
        Self::Unknown,
    ];

    /// As programs read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectedDirect => "connected_direct",
            Self::ConnectedRelayed => "connected_relayed",
            Self::Connecting => "connecting",
            Self::CredentialWrong => "credential_wrong",
            Self::CredentialExpired => "credential_expired",
            Self::ClockSkew => "clock_skew",
            Self::UdpBlocked => "udp_blocked",
            Self::Only443 => "only_443",
            Self::RelayAddressPrivate => "relay_address_private",
            Self::PeerForbidden => "peer_forbidden",
            Self::Quota => "quota",
            Self::NoCommonCodec => "no_common_codec",
            Self::PartnerGone => "partner_gone",
            Self::Revoked => "revoked",
            Self::SymmetricWithoutRelay => "symmetric_without_relay",
            Self::Ended => "ended",
            Self::Unknown => "unknown",
        }
    }
}
