//! How many a room is for.

use schemars::JsonSchema;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// Chosen by whoever opens a room, and kept until it is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Everybody is connected with everybody: as many as one room may have.
    #[default]
    Mesh,
    /// Two, and no third.
    Pair,
}

impl RoomKind {
    /// Reads `mesh` or `pair`.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        let named: Result<Self, Error> = Self::deserialize(name.into_deserializer());
        named.ok()
    }

    /// How many members a room of this kind may have.
    pub(crate) fn capacity(self, limits: &Limits) -> usize {
        match self {
            Self::Mesh => limits.members_per_room_max,
            Self::Pair => limits.members_per_room_max.min(2),
        }
    }
}
