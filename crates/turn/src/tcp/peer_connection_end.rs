//! RFC 6062 §5.5: Data Connection Maintenance. Why a connection with a peer ended.

/// Why a connection with a peer ended, or was none at all. These are all the values of the `reason`
/// label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerConnectionEnd {
    /// The peer, or the client its data connection, closed it; or it broke.
    Closed,
    /// It could not be made: Connect was answered 447.
    ConnectFailed,
    /// The peer did not answer in time: the same.
    ConnectTimeout,
    /// No ConnectionBind request came in time.
    Unbound,
    /// Its allocation ended.
    AllocationEnded,
    /// A peer without permission had connected.
    NoPermission,
    /// A peer had connected that the peer policy keeps out of reach.
    PeerForbidden,
    /// A peer had connected to an allocation, or a server, that has as many connections as it may.
    Limit,
    /// A peer had connected, and there was no descriptor to keep it.
    Capacity,
}

impl PeerConnectionEnd {
    /// Every reason, in the order of declaration: `ALL[reason as usize] == reason`.
    pub const ALL: [Self; 9] = [
        Self::Closed,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::Unbound,
        Self::AllocationEnded,
        Self::NoPermission,
        Self::PeerForbidden,
        Self::Limit,
        Self::Capacity,
    ];

    /// The value of the `reason` label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::Unbound => "unbound",
            Self::AllocationEnded => "allocation_ended",
            Self::NoPermission => "no_permission",
            Self::PeerForbidden => "peer_forbidden",
            Self::Limit => "limit",
            Self::Capacity => "capacity",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place_and_a_name_of_its_own() {
        for (index, why) in PeerConnectionEnd::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
            let all = PeerConnectionEnd::ALL.iter();
            assert_eq!(all.filter(|other| other.name() == why.name()).count(), 1, "{why:?}");
        }
    }
}
