//! What a room is for as long as it lasts, and how each member's id says so.
//!
//! ```text
//!   0   1   2                            15
//! ┌───┬───┬───┬───┬───┬─── ─ ─ ───┬───┬───┐
//! │ P │ R │           capacity            │     P: a pair   R: relays only
//! └───┴───┴───┴───┴───┴─── ─ ─ ───┴───┴───┘
//! ```

use crate::limits::Limits;
use crate::room_kind::RoomKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) kind: RoomKind,
    /// How many members it may have.
    pub(crate) capacity: usize,
    /// Nobody in it may learn another one's address.
    pub(crate) relay_only: bool,
}

impl Terms {
    /// Those of a room of which nothing but the kind was said.
    pub(crate) fn of(kind: RoomKind, limits: &Limits) -> Self {
        Self { kind, capacity: kind.capacity(limits), relay_only: false }
    }

    /// The same where these limits hold, which may be others than when it was made.
    pub(crate) fn within(self, limits: &Limits) -> Self {
        let max = self.kind.capacity(limits).max(1);
        Self { capacity: self.capacity.clamp(1, max), ..self }
    }

    pub(crate) fn to_bytes(self) -> [u8; TERMS_BYTES] {
        let capacity = u16::try_from(self.capacity).unwrap_or(CAPACITY).min(CAPACITY);
        let pair = if self.kind == RoomKind::Pair { PAIR } else { 0 };
        let relay_only = if self.relay_only { RELAY_ONLY } else { 0 };
        (pair | relay_only | capacity).to_be_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; TERMS_BYTES]) -> Self {
        let bits = u16::from_be_bytes(bytes);
        Self {
            kind: if bits & PAIR == 0 { RoomKind::Mesh } else { RoomKind::Pair },
            capacity: usize::from(bits & CAPACITY),
            relay_only: bits & RELAY_ONLY != 0,
        }
    }
}

pub(crate) const TERMS_BYTES: usize = 2;

const PAIR: u16 = 1 << 15;
const RELAY_ONLY: u16 = 1 << 14;
/// A larger one is told as this.
const CAPACITY: u16 = RELAY_ONLY - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_room_is_fits_into_two_bytes() {
        for kind in [RoomKind::Mesh, RoomKind::Pair] {
            for relay_only in [false, true] {
                for (capacity, told) in [(1, 1), (16, 16), (16_383, 16_383), (100_000, 16_383)] {
                    let terms = Terms { kind, capacity, relay_only };
                    let again = Terms::from_bytes(terms.to_bytes());
                    assert_eq!(again, Terms { capacity: told, ..terms });
                }
            }
        }
    }

    #[test]
    fn a_room_has_no_more_members_than_the_limits_of_today_allow() {
        let limits = Limits { members_per_room_max: 8, ..Limits::default() };
        for (kind, capacity, within) in [
            (RoomKind::Mesh, 16, 8),
            (RoomKind::Mesh, 3, 3),
            (RoomKind::Mesh, 0, 1),
            (RoomKind::Pair, 2, 2),
            (RoomKind::Pair, 5, 2),
        ] {
            let terms = Terms { kind, capacity, relay_only: true };
            assert_eq!(terms.within(&limits), Terms { capacity: within, ..terms });
        }
    }
}
