//! RFC 8656: what the TURN server saw of whoever uses a credential, as far as it explains a
//! connection.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that TURN saw. What a client can't know, and what no signaling server knows alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelaySight {
    /// §7.2: an Allocate request succeeded.
    Allocated {
        /// Over what the client came.
        transport: TurnTransport,
        /// Whether the relayed address that it was told is none that the Internet can reach.
        relayed_private: bool,
    },
    /// A request with this credential was refused for good. Not the challenge that every client
    /// gets first, nor a nonce that is stale.
    Refused {
        /// The error code of the response.
        code: u16,
        /// What the code alone does not say.
        why: RefusedWhy,
    },
    /// §9.2, §12.2: no permission or channel for this peer, as the policy of peers has it.
    PeerRefused {
        /// The peer's address.
        peer: IpAddr,
        /// The error code of the response.
        code: u16,
    },
    /// An allocation ended.
    Ended {
        /// Why.
        reason: AllocationEnd,
        /// Over what the client came.
        transport: TurnTransport,
        /// What the client sent to peers, headers of TURN not counted.
        to_peers_bytes: u64,
        /// What peers sent to the client, headers of TURN not counted.
        to_client_bytes: u64,
    },
}

/// Over what a client speaks TURN.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TurnTransport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// Why TURN refused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedWhy {
    /// The password is not that of the user name: 401.
    WrongPassword,
    /// The user name says that its time is over: 401.
    Expired {
        /// Unix time in seconds, as the user name has it.
        expired_unix: u64,
    },
    /// The credential, or its user, was taken back.
    Barred,
    /// Its user has all the allocations it may have: 486.
    Quota,
    /// The server has no relayed address left: 508.
    Capacity,
    /// Whatever else the code says.
    Other,
}

/// Why an allocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllocationEnd {
    /// The client deleted it.
    Deleted,
    /// The client did not refresh it in time.
    Expired,
    /// It lived as long as any may.
    MaxSession,
    /// The client's TCP or TLS connection ended.
    Disconnected,
    /// Its user or credential was taken back.
    Revoked,
    /// Whose credential it was had no session any more.
    Left,
    /// The server stopped.
    Shutdown,
}

impl RefusedWhy {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::WrongPassword => "wrong_password",
            Self::Expired { .. } => "expired",
            Self::Barred => "barred",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::Other => "other",
        }
    }
}
