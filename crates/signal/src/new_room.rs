//! Rooms made beforehand: by a back end, before anybody joins.
//!
//! ```text
//!   create_room ──▶ waiting ── first join ──▶ in use ── last one goes ──▶ ended
//!                      └─ nobody came in time ────────────────────────────▲
//! ```

use std::fmt;
use std::time::Duration;

use kopru_stun::time::Now;

use crate::hub::Hub;
use crate::limits::EMPTY_S_MAX;
use crate::listing::RoomView;
use crate::names::RoomName;
use crate::register::NoRoom;
use crate::room::Room;
use crate::room_kind::RoomKind;
use crate::terms::Terms;

/// A room that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewRoom {
    /// Its name; `None`: the hub makes one that nobody can guess.
    pub room: Option<RoomName>,
    /// What kind it is of; `None`: of the server's.
    pub kind: Option<RoomKind>,
    /// How many members it may have; `None`: as many as its kind.
    pub capacity: Option<usize>,
    /// Whether nobody in it may learn another one's address. Where the settings say so for its
    /// name, it is so anyhow.
    pub relay_only: bool,
    /// How many seconds it waits for its first member.
    pub empty_s: u64,
}

/// Why a room is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewRoomRefused {
    /// There is one of this name.
    Exists,
    /// Rooms of its kind have 1 to so many members.
    Capacity {
        /// The most that it may have.
        max: usize,
    },
    /// It can wait for 1 to [`EMPTY_S_MAX`] seconds.
    EmptyS,
    /// There are as many rooms as there may be, or as many of them wait.
    Full,
}

impl fmt::Display for NewRoomRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("there is a room of this name"),
            Self::Capacity { max } => write!(f, "the capacity must be from 1 to {max}"),
            Self::EmptyS => write!(f, "a room can wait from 1 to {EMPTY_S_MAX} seconds"),
            Self::Full => f.write_str("the server has no place for another room"),
        }
    }
}

impl std::error::Error for NewRoomRefused {}

impl Hub {
    /// Makes a room on this hub that waits for its first member.
    ///
    /// # Errors
    /// [`NewRoomRefused`]; then nothing was changed.
    pub fn create_room(&mut self, now: Now, new: NewRoom) -> Result<RoomView, NewRoomRefused> {
        let limits = &self.settings.limits;
        let kind = new.kind.unwrap_or(self.settings.room_kind);
        let max = kind.capacity(limits);
        let capacity = new.capacity.unwrap_or(max);
        if !(1..=max).contains(&capacity) {
            return Err(NewRoomRefused::Capacity { max });
        }
        if !(1..=EMPTY_S_MAX).contains(&new.empty_s) {
            return Err(NewRoomRefused::EmptyS);
        }
        let name = new.room.unwrap_or_else(|| RoomName::from_canonical(&self.ids.room()));
        let opened = self.whole.register().open(limits, (&name, self.number));
        opened.map_err(|no_room| match no_room {
            NoRoom::IsOn(_) => NewRoomRefused::Exists,
            NoRoom::Full => NewRoomRefused::Full,
        })?;
        self.whole.register().ended.remove(&name);
        let ends_at = now.instant + Duration::from_secs(new.empty_s);
        self.waiting_rooms.insert(ends_at, name.clone());
        let relay_only = new.relay_only || self.names_relay_only(name.as_str());
        let terms = Terms { kind, capacity, relay_only };
        let room = Room { ends_at: Some(ends_at), ..Room::new(terms, &self.memory) };
        let view = room.view(now, &name);
        self.rooms.insert(name, room);
        Ok(view)
    }

    /// Whether the settings say so of a room of this name.
    pub(crate) fn names_relay_only(&self, name: &str) -> bool {
        self.settings.relay_only.iter().any(|pattern| pattern.matches(name))
    }
}
