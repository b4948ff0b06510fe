//! What a signaling token allows.

use std::num::NonZero;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::ANONYMOUS;
use crate::limits::IDENTITY_CHARS_MAX;
use crate::names::RoomName;

/// What whoever verified a token found in it. The hub takes it at its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who this is; `None` where no token is needed: the hub then makes an identity for the
    /// session.
    pub subject: Option<Subject>,
    /// The rooms it may join: any that one of these names.
    pub rooms: Vec<RoomPattern>,
    /// Whether it may know which of these rooms there are.
    pub list: bool,
    /// Whether its `join` may open a room; `None`: as the server is set.
    pub create: Option<bool>,
    /// Whether it may relay, or has to.
    pub relay: Relay,
    /// The bits a second that all its allocations together may relay, in each direction; `None`: as
    /// many as everybody.
    pub bits_per_second: Option<NonZero<u64>>,
    /// Unix time in seconds from which on nothing new may be begun with it.
    pub expires_unix: Option<u64>,
}

impl Claims {
    /// What everybody may do on an open server (development mode): everything, as nobody in
    /// particular.
    #[must_use]
    pub fn open() -> Self {
        Self {
            subject: None,
            rooms: vec![RoomPattern::Any],
            list: true,
            create: None,
            relay: Relay::Yes,
            bits_per_second: None,
            expires_unix: None,
        }
    }

    pub(crate) fn allows(&self, room: &str) -> bool {
        self.rooms.iter().any(|pattern| pattern.matches(room))
    }

    /// The bytes of what it names.
    pub(crate) fn weight(&self) -> usize {
        self.rooms.iter().map(RoomPattern::weight).sum()
    }

    pub(crate) fn is_expired(&self, unix: u64) -> bool {
        self.expires_unix.is_some_and(|expires| expires <= unix)
    }

    /// How many seconds are left of it.
    pub(crate) fn ttl_s(&self, unix: u64) -> Option<u64> {
        self.expires_unix.map(|expires| expires.saturating_sub(unix))
    }
}

/// What a token says about TURN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Relay {
    /// Its holder gets credentials.
    #[default]
    Yes,
    /// It gets none.
    No,
    /// It gets credentials, and is told to use nothing else.
    Only,
}

impl Relay {
    /// The `iceTransportPolicy` of `RTCPeerConnection`.
    pub(crate) fn transport_policy(self) -> &'static str {
        if self == Self::Only { "relay" } else { "all" }
    }
}

/// A token's subject: 1 to [`IDENTITY_CHARS_MAX`] characters, none of them a control character, and
/// not one of the identities that the server itself makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(Arc<str>);

impl Subject {
    /// `None` if it is not what a subject must be.
    #[must_use]
    pub fn new(subject: &str) -> Option<Self> {
        let is_good = (1..=IDENTITY_CHARS_MAX).contains(&subject.chars().count())
            && !subject.chars().any(char::is_control)
            && !subject.starts_with(ANONYMOUS);
        is_good.then(|| Self(subject.into()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_identity(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

/// One room, or all rooms below a prefix, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomPattern {
    /// `*`: every room.
    Any,
    /// The room of this name.
    Exact(RoomName),
    /// `prefix/*`: every room whose name begins with `prefix/` and goes on after it.
    Below(RoomName),
}

impl RoomPattern {
    /// Reads `*`, `prefix/*` or a room name; `None` if the name in it is not one.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        if pattern == "*" {
            return Some(Self::Any);
        }
        match pattern.strip_suffix("/*") {
            Some(prefix) => RoomName::new(prefix).map(Self::Below),
            None => RoomName::new(pattern).map(Self::Exact),
        }
    }

    fn weight(&self) -> usize {
        let name = match self {
            Self::Any => 0,
            Self::Exact(name) | Self::Below(name) => name.as_str().len(),
        };
        size_of::<Self>() + name
    }

    pub(crate) fn matches(&self, room: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name.as_str() == room,
            Self::Below(prefix) => room
                .strip_prefix(prefix.as_str())
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_rooms_a_pattern_allows() {
        for (pattern, room, expect) in [
            ("*", "lab", true),
            ("lab", "lab", true),
            ("lab", "lab2", false),
            ("Ku\u{308}che", "Küche", true),
            ("team-a/*", "team-a/stand-up", true),
            ("team-a/*", "team-a/x/y", true),
            ("team-a/*", "team-a", false),
            ("team-a/*", "team-a/", false),
            ("team-a/*", "team-abc/x", false),
        ] {
            let pattern = RoomPattern::new(pattern).expect(pattern);
            assert_eq!(pattern.matches(room), expect, "{pattern:?} {room}");
        }
        assert_eq!(RoomPattern::new("/*"), None);
        assert_eq!(RoomPattern::new(""), None);
    }

    #[test]
    fn what_a_subject_may_be() {
        assert!(Subject::new(&"a".repeat(128)).is_some());
        for bad in ["", "a\nb", "anonymous_x", &"a".repeat(129)] {
            assert_eq!(Subject::new(bad), None, "{bad:?}");
        }
    }
}
