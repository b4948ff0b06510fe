//! What an operator decides about signaling.

use crate::claims::RoomPattern;
use crate::ice_servers::IceSettings;
use crate::limits::Limits;
use crate::room_kind::RoomKind;
use crate::same_identity::SameIdentity;

/// How a [`Hub`](crate::Hub) behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How much of everything.
    pub limits: Limits,
    /// Which ICE servers it hands out.
    pub ice: IceSettings,
    /// The rooms in which nobody learns another one's address: relays only, whatever the token
    /// says.
    pub relay_only: Vec<RoomPattern>,
    /// What kind of room a `join` opens that names none.
    pub room_kind: RoomKind,
    /// Whether a `join` may open a room where the token does not say.
    pub create_rooms: bool,
    /// What a second device of somebody in a room means.
    pub same_identity: SameIdentity,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            ice: IceSettings::default(),
            relay_only: Vec::new(),
            room_kind: RoomKind::default(),
            create_rooms: true,
            same_identity: SameIdentity::default(),
        }
    }
}
