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
use crate::limits::{CONNECTIONS_PER_PAIR_MAX, HELD_BYTES_MAX, HELD_CANDIDATES_MAX};
use crate::memory::{Memory, Share};
use crate::protocol::{Body, DescriptionKind};
use crate::rejection::Rejection;
use crate::replay::Wanted;
use crate::stories::{StoryRef, in_order};

/// The connections of a room's members, by pair and name.
pub(crate) struct Negotiations {
    #[allow(clippy::vec_box, reason = "with each message one of them goes to the end")]
    pairs: BTreeMap<(MemberId, MemberId), Vec<Box<Negotiation>>>,
    memory: Memory,
}

/// One connection.
struct Negotiation {
    name: Box<str>,
    story: Option<StoryRef>,
    /// Of the member with the smaller id, and of the other.
    sides: [Side; 2],
    /// What it takes, but for candidates.
    _share: Share,
}

/// A connection, seen from one of the two.
pub(crate) struct Place<'a> {
    own: &'a mut Side,
    other: &'a mut Side,
    /// Where its story is told.
    pub(crate) story: &'a mut Option<StoryRef>,
}

/// A connection that was forgotten for another one.
pub(crate) struct Displaced {
    pub(crate) story: Option<StoryRef>,
    /// What was held back in it, and for whom.
    pub(crate) held: Vec<(MemberId, Held)>,
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

    /// The connection of this name, which is new if it was not used for long: then that one may
    /// have to go of which nothing was heard for longest.
    pub(crate) fn at(
        &mut self,
        from: &MemberId,
        to: &MemberId,
        name: &str,
    ) -> (Place<'_>, Option<Displaced>) {
        let pair = in_order(from, to);
        let mut displaced = None;
        let connections = self.pairs.entry(pair).or_default();
        // The last one used stands last; what was not used for long is forgotten, and unchecked.
        match connections.iter().position(|known| *known.name == *name) {
            Some(index) => connections[index..].rotate_left(1),
            None => {
                if connections.len() >= CONNECTIONS_PER_PAIR_MAX {
                    displaced = Some(connections.remove(0).displaced(from, to));
                }
                let share = self.memory.share(size_of::<Negotiation>() + name.len());
                let (name, sides) = (name.into(), Default::default());
                let new = Negotiation { name, story: None, sides, _share: share };
                connections.push(Box::new(new));
            }
        }
        let last = connections.len() - 1;
        let Negotiation { story, sides: [low, high], .. } = &mut *connections[last];
        let (own, other) = if from < to { (low, high) } else { (high, low) };
        (Place { own, other, story }, displaced)
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
            for connection in connections {
                let side = &mut connection.sides[of_the_other];
                if !side.is_ahead_of(acked) {
                    released.append(&mut side.held);
                }
            }
        }
        released
    }

    /// A member has left. Who wanted to know of what is held back for it, or by it.
    pub(crate) fn forget(&mut self, member: &MemberId) -> Vec<Wanted> {
        let of_member = self.pairs.extract_if(.., |(low, high), _| low == member || high == member);
        let sides = of_member.flat_map(|(_, connections)| connections).flat_map(|one| one.sides);
        sides.flat_map(|side| side.held).filter_map(|held| held.wanted).collect()
    }

    /// Bytes of candidates that are held back for a member.
    pub(crate) fn held_bytes(&self, member: &MemberId) -> usize {
        let sides = self.pairs.iter().flat_map(|((low, high), connections)| {
            let of_the_other = match (low == member, high == member) {
                (true, _) => Some(1),
                (_, true) => Some(0),
                _ => None,
            };
            connections.iter().filter_map(move |one| Some(&one.sides[of_the_other?]))
        });
        sides.flat_map(|side| &side.held).map(|held| held.body.len()).sum()
    }

    /// The stories of a member's connections.
    pub(crate) fn stories_of(&self, member: &MemberId) -> Vec<StoryRef> {
        let own = self.pairs.iter().filter(|((low, high), _)| low == member || high == member);
        own.flat_map(|(_, connections)| connections.iter().filter_map(|one| one.story.clone()))
            .collect()
    }
}

impl Negotiation {
    /// It is forgotten; it was one of these two.
    fn displaced(self, one: &MemberId, other: &MemberId) -> Displaced {
        let (smaller, larger) = in_order(one, other);
        let [low, high] = self.sides;
        let to_larger = low.held.into_iter().map(|held| (larger.clone(), held));
        let to_smaller = high.held.into_iter().map(|held| (smaller.clone(), held));
        Displaced { story: self.story, held: to_larger.chain(to_smaller).collect() }
    }
}

impl<'a> Place<'a> {
    /// A description of this number is about to pass.
    ///
    /// # Errors
    /// [`Rejection::Superseded`], when a newer offer has made it useless.
    pub(crate) fn describe(
        self,
        kind: DescriptionKind,
        number: u64,
    ) -> Result<&'a mut Side, Rejection> {
        let Self { own, other, .. } = self;
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
        }
        Ok(own)
    }

    /// A candidate is about to pass, of this offer if its sender says so.
    ///
    /// # Errors
    /// [`Rejection::Superseded`], when there is a newer offer in the connection.
    pub(crate) fn propose(self, number: Option<u64>) -> Result<&'a mut Side, Rejection> {
        let newest = self.own.offered.max(self.other.offered);
        if number.is_some_and(|number| Some(number) < newest) {
            return Err(Rejection::Superseded);
        }
        Ok(self.own)
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

    /// A newer offer is about to pass: who wanted to know of the candidates it makes useless.
    pub(crate) fn supersede_held(&mut self) -> Vec<Wanted> {
        self.held.drain(..).filter_map(|held| held.wanted).collect()
    }

    /// Keeps a candidate back, as long as there are not too many for a member for whom so many
    /// bytes are held back already.
    pub(crate) fn hold(&mut self, held: Held, held_bytes: usize) -> Result<(), Held> {
        let is_too_long = held_bytes + held.body.len() > HELD_BYTES_MAX;
        if is_too_long || self.held.len() == HELD_CANDIDATES_MAX {
            return Err(held);
        }
        self.held.push(held);
        Ok(())
    }
}
