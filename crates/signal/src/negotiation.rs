//! W3C WebRTC §10.7: who has offered what in one connection, as far as the server has to know.
//!
//! ```text
//!   Ada                    kopru                         Bo
//!    │ offer 1 ─────────────▶│ (Bo is reconnecting)        │
//!    │ offer 2 ─────────────▶│ takes the place of offer 1  │
//!    │                       │────────────────── offer 2 ─▶│
//!    │                       │◀───────────────── answer 1 ─│
//!    │                       │── error superseded ────────▶│  not passed on
//!    │◀─────────── answer 2 ─│◀───────────────── answer 2 ─│
//! ```

use std::collections::BTreeMap;

use crate::ids::MemberId;
use crate::limits::{CONNECTIONS_PER_PAIR_MAX, HELD_CANDIDATES_MAX};
use crate::memory::{Memory, Share};
use crate::protocol::{Body, DescriptionKind};
use crate::rejection::Rejection;
use crate::replay::Wanted;

/// The connections of a room's members, by pair and name.
pub(crate) struct Negotiations {
    pairs: BTreeMap<(MemberId, MemberId), Vec<Negotiation>>,
    memory: Memory,
}

/// One connection.
struct Negotiation {
    name: Box<str>,
    /// Of the member with the smaller id, and of the other.
    sides: [Side; 2],
    /// What it takes, but for candidates.
    _share: Share,
}

/// What one member has said to the other.
#[derive(Default)]
pub(crate) struct Side {
    /// The number of its last offer.
    offered: Option<u64>,
    /// Its last description: the `seq` in the other's session, and whether it was an offer.
    last: Option<(u64, bool)>,
    /// Candidates that wait until the other has acknowledged that description.
    held: Vec<Held>,
}

pub(crate) struct Held {
    pub(crate) body: Body,
    pub(crate) wanted: Option<Wanted>,
    /// What it takes.
    pub(crate) _share: Share,
}

impl Negotiations {
    /// None yet; what they will take is counted in `memory`.
    pub(crate) fn new(memory: Memory) -> Self {
        Self { pairs: BTreeMap::new(), memory }
    }

    /// A description of this number is about to pass from one member to the other.
    ///
    /// # Errors
    /// [`Rejection::Superseded`], when a newer offer has made it useless.
    pub(crate) fn describe(
        &mut self,
        from: &MemberId,
        to: &MemberId,
        name: &str,
        (kind, number): (DescriptionKind, u64),
    ) -> Result<&mut Side, Rejection> {
        let [own, other] = self.sides(from, to, name);
        let newest = match kind {
            DescriptionKind::Offer => own.offered,
            DescriptionKind::Answer => other.offered,
            DescriptionKind::Rollback => None,
        };
        if newest.is_some_and(|newest| number < newest) {
            return Err(Rejection::Superseded);
        }
        if kind == DescriptionKind::Offer {
            own.offered = Some(number);
            own.held.clear();
        }
        Ok(own)
    }

    /// A candidate is about to pass, of this offer if its sender says so.
    ///
    /// # Errors
    /// [`Rejection::Superseded`], when there is a newer offer in the connection.
    pub(crate) fn propose(
        &mut self,
        from: &MemberId,
        to: &MemberId,
        name: &str,
        number: Option<u64>,
    ) -> Result<&mut Side, Rejection> {
        let [own, other] = self.sides(from, to, name);
        let newest = own.offered.max(other.offered);
        if number.is_some_and(|number| Some(number) < newest) {
            return Err(Rejection::Superseded);
        }
        Ok(own)
    }

    /// What waits for `member`, up to the descriptions that it has acknowledged.
    pub(crate) fn release(&mut self, member: &MemberId, acked: u64) -> Vec<Held> {
        let mut released = Vec::new();
        for ((low, high), connections) in &mut self.pairs {
            let of_the_other = match (low == member, high == member) {
                (true, _) => 1,
                (_, true) => 0,
                _ => continue,
            };
            for Negotiation { sides, .. } in connections {
                let side = &mut sides[of_the_other];
                if !side.is_ahead_of(acked) {
                    released.append(&mut side.held);
                }
            }
        }
        released
    }

    /// A member has left.
    pub(crate) fn forget(&mut self, member: &MemberId) {
        self.pairs.retain(|(low, high), _| low != member && high != member);
    }

    /// The side of `from`, and that of `to`.
    fn sides(&mut self, from: &MemberId, to: &MemberId, name: &str) -> [&mut Side; 2] {
        let is_low = from < to;
        let (low, high) = if is_low { (from, to) } else { (to, from) };
        let connections = self.pairs.entry((low.clone(), high.clone())).or_default();
        // The last one used stands last; what was not used for long is forgotten, and unchecked.
        match connections.iter().position(|known| *known.name == *name) {
            Some(index) => connections[index..].rotate_left(1),
            None => {
                if connections.len() == CONNECTIONS_PER_PAIR_MAX {
                    connections.remove(0);
                }
                let share = self.memory.share(size_of::<Negotiation>() + name.len());
                let sides = Default::default();
                connections.push(Negotiation { name: name.into(), sides, _share: share });
            }
        }
        let last = connections.len() - 1;
        let [low, high] = &mut connections[last].sides;
        if is_low { [low, high] } else { [high, low] }
    }
}

impl Side {
    /// The description has become the frame `seq` of the other's session.
    pub(crate) fn described(&mut self, kind: DescriptionKind, seq: u64) {
        self.last = Some((seq, kind == DescriptionKind::Offer));
    }

    /// The `seq` of an offer that is the last thing said.
    pub(crate) fn last_offer(&self) -> Option<u64> {
        self.last.and_then(|(seq, is_offer)| is_offer.then_some(seq))
    }

    /// Whether there is a description that the other, who has acknowledged `acked`, has not.
    pub(crate) fn is_ahead_of(&self, acked: u64) -> bool {
        self.last.is_some_and(|(seq, _)| seq > acked)
    }

    /// Keeps a candidate back, as long as there are not too many.
    pub(crate) fn hold(&mut self, held: Held) -> Result<(), Held> {
        if self.held.len() == HELD_CANDIDATES_MAX {
            return Err(held);
        }
        self.held.push(held);
        Ok(())
    }
}
