//! Which rooms there are, for whoever may know.

use std::ops::Bound;

use serde::Serialize;

use crate::claims::RoomPattern;
use crate::hub::Hub;
use crate::limits::LISTED_ROOMS_MAX;

/// Some of the rooms, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoomList {
    /// Those that were asked for.
    pub rooms: Vec<ListedRoom>,
    /// The room after which the list goes on; absent where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedRoom {
    /// Its canonical name.
    pub room: String,
    /// How many members it has.
    pub members: usize,
}

impl Hub {
    /// Lists those of the next [`LISTED_ROOMS_MAX`] rooms behind `after` that one of `patterns`
    /// allows.
    #[must_use]
    pub fn list_rooms(&self, patterns: &[RoomPattern], after: Option<&str>) -> RoomList {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.rooms.range::<str, _>((begin, Bound::Unbounded));
        let mut last = None;
        let mut rooms = Vec::new();
        for (name, room) in rest.by_ref().take(LISTED_ROOMS_MAX) {
            last = Some(name);
            if patterns.iter().any(|pattern| pattern.matches(name.as_str())) {
                let members = room.members.len();
                rooms.push(ListedRoom { room: name.as_str().to_owned(), members });
            }
        }
        let has_more = rest.next().is_some();
        let next = last.filter(|_| has_more).map(|name| name.as_str().to_owned());
        RoomList { rooms, next }
    }
}
