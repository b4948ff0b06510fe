//! RFC 8489 §16.2.1 (attacks against traffic): replies to those who have proven nothing, counted by
//! the network that they would go to.
//!
//! ```text
//!             ┌ keyed hash ┐
//!  prefix ───▶│            ├──▶ row 0 │ . │ . │ ■ │ . │ . │      a place: two token buckets,
//!             │            ├──▶ row 1 │ ■ │ . │ . │ . │ . │      packets and bytes
//!             └────────────┘
//! ```
//!
//! Each prefix has one place in each row, and a reply goes out while *one* of the two has room. The
//! table never grows and remembers nobody's name. When prefixes meet in a place, they share it: the
//! other row decides. So a prefix is refused for the sake of others only if both its places are
//! used up, which with `k` prefixes under attack happens to one in `(ROW_LEN / k)²` others; which
//! ones, nobody outside can choose, since the hash has a key. A reply is paid for in each row that
//! has room, and what is refused is not: alone in its places a prefix gets exactly its budget,
//! among others at most twice as much.

use std::hash::BuildHasher;
use std::time::Instant;

use crate::hashing::KeyedHash;
use crate::rate::{Bucket, PerSecond, since};
use crate::source_prefix::SourcePrefix;

/// The budgets of all prefixes.
pub(crate) struct ReplyBudget {
    limit: ReplyLimit,
    hash: KeyedHash,
    places: Box<[Place]>,
    began: Option<Instant>,
}

/// What one source prefix may have a second of replies that it has not proven to have asked for;
/// 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimit {
    /// Replies.
    pub packets: PerSecond,
    /// Their bytes, headers of UDP and IP not counted.
    pub bytes: PerSecond,
}

impl ReplyLimit {
    /// The limit of each of `count` servers that keep this one together.
    #[must_use]
    pub fn share_of(self, count: u64) -> Self {
        Self { packets: self.packets.share_of(count), bytes: self.bytes.share_of(count) }
    }
}

#[derive(Clone, Copy, Default)]
struct Place {
    packets: Bucket,
    bytes: Bucket,
}

impl ReplyBudget {
    pub(crate) fn new(limit: ReplyLimit, hash: KeyedHash) -> Self {
        let places = vec![Place::default(); ROWS * ROW_LEN].into();
        Self { limit, hash, places, began: None }
    }

    /// Whether a reply of this length may go to this prefix; if so, it is paid for.
    pub(crate) fn take(&mut self, now: Instant, prefix: SourcePrefix, reply_len: usize) -> bool {
        let (began, limit) = (*self.began.get_or_insert(now), self.limit);
        let now = since(began, now);
        let hash = self.hash.hash_one(prefix);
        let mut room = false;
        for row in 0..ROWS {
            let Some(place) = self.places.get_mut(index(hash, row)) else { continue };
            if place.packets.has_room(now) && place.bytes.has_room(now) {
                place.packets.pay(now, limit.packets, 1);
                place.bytes.pay(now, limit.bytes, reply_len as u64);
                room = true;
            }
        }
        room
    }

    /// How much memory the table takes, whoever sends.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.places)
    }
}

/// Each row is found by other bits of the hash.
fn index(hash: u64, row: usize) -> usize {
    let bits = (hash >> (32 * row)) as usize;
    row * ROW_LEN + bits % ROW_LEN
}

const ROWS: usize = 2;
const ROW_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::five_tuple::ClientAddr;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "any instant will do: nothing waits for it")]
        Instant::now()
    }

    fn prefix(number: u32) -> SourcePrefix {
        let [_, a, b, c] = number.to_be_bytes();
        SourcePrefix::of(ClientAddr(([a, b, c, 1], 1).into()))
    }

    fn budget(packets: u64, bytes: u64) -> ReplyBudget {
        let limit = ReplyLimit { packets: PerSecond(packets), bytes: PerSecond(bytes) };
        ReplyBudget::new(limit, KeyedHash::new([7; 16]))
    }

    #[test]
    fn packets_and_bytes_of_a_prefix_have_an_end_and_come_back() {
        for (packets, bytes, expect) in [(10, 0, 10), (0, 1000, 10), (10, 500, 5), (5, 1000, 5)] {
            let (mut budget, start) = (budget(packets, bytes), start());
            let mut sent = |after_ms| {
                let now = start + Duration::from_millis(after_ms);
                (0..100).filter(|_| budget.take(now, prefix(1), 100)).count()
            };
            assert_eq!((sent(0), sent(0), sent(5000)), (expect, 0, expect));
        }
    }

    #[test]
    fn a_prefix_that_is_used_up_leaves_the_others_theirs() {
        let (mut budget, now) = (budget(10, 0), start());
        for victim in 0..64 {
            assert_eq!((0..1000).filter(|_| budget.take(now, prefix(victim), 1)).count(), 10);
        }
        let others = 1000..11_000;
        let refused = others.filter(|other| !budget.take(now, prefix(*other), 1)).count();
        assert!(refused < 10_000 / 50, "{refused}");
    }

    #[test]
    fn the_table_is_of_one_size_whoever_sends() {
        let (mut budget, now) = (budget(10, 0), start());
        let before = budget.weight();
        (0..1_000_000).for_each(|source| _ = budget.take(now, prefix(source), 100));
        assert_eq!((before, budget.weight()), (128 * 1024, 128 * 1024));
    }
}
