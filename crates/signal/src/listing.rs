//! Which rooms there are, for whoever may know.

use kopru_stun::time::Now;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::claims::RoomPattern;
use crate::hub::Hub;
use crate::limits::LISTED_ROOMS_MAX;
use crate::member::Member;
use crate::names::RoomName;
use crate::register::Placed;
use crate::room::Room;
use crate::room_kind::RoomKind;
use crate::whole::HubNumber;

/// Some of the rooms, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RoomList {
    /// Those that were asked for.
    pub rooms: Vec<ListedRoom>,
    /// The room after which the list goes on; absent where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedRoom {
    /// Its canonical name.
    pub room: String,
    /// How many members it has.
    pub members: usize,
}

/// One room, for back ends.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RoomView {
    /// Its canonical name.
    pub room: String,
    /// What kind it is of.
    pub kind: RoomKind,
    /// How many members it may have.
    pub capacity: usize,
    /// Whether nobody in it may learn another one's address.
    pub relay_only: bool,
    /// How often it has changed.
    pub version: u64,
    /// Who is in it.
    pub members: Vec<MemberOfRoom>,
    /// The seconds after which it ends, if nobody has joined it until then. Absent as soon as
    /// somebody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_in_s: Option<u64>,
}

/// One of its members.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MemberOfRoom {
    /// Its id.
    pub member: String,
    /// Who it is.
    pub identity: String,
    /// As it gave it.
    pub name: String,
    /// As it gave it: a JSON object.
    pub meta: Box<RawValue>,
    /// Whether its connection is lost at the moment.
    pub reconnecting: bool,
}

impl MemberOfRoom {
    fn of(member: &Member) -> Self {
        Self {
            member: member.id.as_str().to_owned(),
            identity: member.identity.to_string(),
            name: member.name.clone(),
            meta: member.meta().to_owned(),
            reconnecting: member.reconnecting,
        }
    }
}

impl Room {
    pub(crate) fn view(&self, now: Now, name: &RoomName) -> RoomView {
        RoomView {
            room: name.as_str().to_owned(),
            kind: self.kind,
            capacity: self.capacity,
            relay_only: self.relay_only,
            version: self.version,
            members: self.members.values().map(MemberOfRoom::of).collect(),
            ends_in_s: self.ends_at.map(|at| at.saturating_duration_since(now.instant).as_secs()),
        }
    }
}

impl Hub {
    /// The hub that has the room of this name, if there is one.
    #[must_use]
    pub fn hub_of_room(&self, name: &RoomName) -> Option<HubNumber> {
        self.whole.register().room(name.as_str()).map(|placed| placed.hub)
    }

    /// The hub on which there is least, where rooms that back ends want should be made.
    #[must_use]
    pub fn least_loaded(&self) -> HubNumber {
        self.whole.register().least_loaded(self.number)
    }

    /// The room of this name, if there is one on this hub.
    #[must_use]
    pub fn view_room(&self, now: Now, name: &RoomName) -> Option<RoomView> {
        self.rooms.get(name).map(|room| room.view(now, name))
    }

    /// Lists those of the next [`LISTED_ROOMS_MAX`] rooms behind `after` that one of `patterns`
    /// allows.
    #[must_use]
    pub fn list_rooms(&self, patterns: &[RoomPattern], after: Option<&str>) -> RoomList {
        let register = self.whole.register();
        let mut rest = register.rooms_after(after);
        let mut last = None;
        let mut rooms = Vec::new();
        for (name, Placed { members, .. }) in rest.by_ref().take(LISTED_ROOMS_MAX) {
            last = Some(name);
            if patterns.iter().any(|pattern| pattern.matches(name.as_str())) {
                rooms.push(ListedRoom { room: name.as_str().to_owned(), members });
            }
        }
        let has_more = rest.next().is_some();
        let next = last.filter(|_| has_more).map(|name| name.as_str().to_owned());
        RoomList { rooms, next }
    }
}
