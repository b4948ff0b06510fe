//! Finds by an address what lies in a [`Slab`](crate::slab::Slab), without a copy of the address:
//! the key is read where it lies.
//!
//! ```text
//!  places   │ hash, slot │            │ hash, slot │ hash, slot │        8 bytes each
//!                 ▲ half of the hash says where to begin; then place by place, to a vacant one
//! ```
//!
//! It doubles when three quarters of the places are taken and halves when an eighth is. Since the
//! hashes lie in it, no key is looked at then: moving 100 000 entries takes 2 ms.

use crate::timers::Slot;

/// Slots by the hash of a key.
#[derive(Debug)]
pub(crate) struct Index {
    /// A power of two.
    places: Box<[Place]>,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    hash: u32,
    slot: Slot,
}

impl Index {
    /// Without entries.
    pub(crate) fn new() -> Self {
        Self { places: [VACANT; LEAST].into(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slot with this hash for which `is_it`.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let hash = short(hash);
        let mut place = self.home(hash);
        // Ends: a quarter of the places is vacant.
        loop {
            let found = self.places[place];
            if found == VACANT {
                return None;
            }
            if found.hash == hash && is_it(found.slot) {
                return Some(found.slot);
            }
            place = self.after(place);
        }
    }

    /// Enters a slot that is not in it.
    pub(crate) fn insert(&mut self, hash: u64, slot: Slot) {
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.resize(self.places.len() * 2);
        }
        self.put(Place { hash: short(hash), slot });
        self.len += 1;
    }

    /// Writes `after` in the place of `before`.
    pub(crate) fn replace(&mut self, hash: u64, before: Slot, after: Slot) {
        if let Some(place) = self.place_of(hash, before) {
            self.places[place].slot = after;
        }
    }

    /// Takes a slot out.
    pub(crate) fn remove(&mut self, hash: u64, slot: Slot) {
        let Some(mut hole) = self.place_of(hash, slot) else { return };
        // What lies behind the hole and began before it moves into it: so there are no marks of
        // what once was, and a table that changes for years is as fast as a new one.
        let mut place = self.after(hole);
        while self.places[place] != VACANT {
            let home = self.home(self.places[place].hash);
            let mask = self.places.len() - 1;
            if place.wrapping_sub(home) & mask >= place.wrapping_sub(hole) & mask {
                self.places[hole] = self.places[place];
                hole = place;
            }
            place = self.after(place);
        }
        self.places[hole] = VACANT;
        self.len -= 1;
        if self.places.len() > LEAST && self.len * 8 < self.places.len() {
            self.resize(self.places.len() / 2);
        }
    }

    /// How much memory the places take.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.places)
    }

    fn place_of(&self, hash: u64, slot: Slot) -> Option<usize> {
        let (entry, mut place) = (Place { hash: short(hash), slot }, self.home(short(hash)));
        while self.places[place] != VACANT {
            if self.places[place] == entry {
                return Some(place);
            }
            place = self.after(place);
        }
        None
    }

    fn put(&mut self, entry: Place) {
        let mut place = self.home(entry.hash);
        while self.places[place] != VACANT {
            place = self.after(place);
        }
        self.places[place] = entry;
    }

    fn resize(&mut self, len: usize) {
        let before = std::mem::replace(&mut self.places, vec![VACANT; len].into());
        before.iter().filter(|entry| **entry != VACANT).for_each(|entry| self.put(*entry));
    }

    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }
}

fn short(hash: u64) -> u32 {
    hash as u32
}

/// No slab has so many.
const VACANT: Place = Place { hash: 0, slot: Slot::MAX };
/// One cache line.
const LEAST: usize = 8;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Hashes of which many are alike in whole or in the bits that count.
    fn hash(key: u32) -> u64 {
        u64::from(match key % 4 {
            0 => key / 4 % 3,
            1 => key << 20,
            _ => key.wrapping_mul(0x9e37_79b9),
        })
    }

    #[test]
    fn it_finds_what_a_map_finds_and_forgets_what_a_map_forgets() {
        let (mut index, mut map) = (Index::new(), HashMap::<u32, Slot>::new());
        let (mut number, mut most) = (7_u32, 0);
        for step in 0..60_000_u32 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (number >> 16) % 700;
            // It fills, and empties, and fills.
            let fills = step / 10_000 % 2 == 0;
            let is_it = |slot| slot == key;
            match (map.contains_key(&key), (number >> 8) % 4 == 0) {
                (false, rare) if rare != fills => {
                    index.insert(hash(key), key);
                    map.insert(key, key);
                }
                (true, rare) if rare == fills => {
                    index.remove(hash(key), key);
                    map.remove(&key);
                }
                _ => {}
            }
            most = most.max(map.len());
            assert_eq!(index.find(hash(key), is_it), map.get(&key).copied());
            assert_eq!(index.len(), map.len());
        }
        for key in 0..700 {
            assert_eq!(index.find(hash(key), |slot| slot == key), map.get(&key).copied());
        }
        assert!(most > 500 && map.len() < 200, "{most} {}", map.len());
    }

    #[test]
    fn it_has_room_for_twice_what_it_holds_and_gives_it_back() {
        let mut index = Index::new();
        for slot in 0..100_000_u32 {
            index.insert(u64::from(slot.wrapping_mul(0x9e37_79b9)), slot);
            assert!(index.places.len() <= LEAST.max(3 * index.len), "{}", index.len);
        }
        for slot in 0..100_000_u32 {
            index.remove(u64::from(slot.wrapping_mul(0x9e37_79b9)), slot);
        }
        assert_eq!((index.places.len(), index.len()), (LEAST, 0));
    }

    #[test]
    fn a_slot_takes_the_place_of_another() {
        let mut index = Index::new();
        index.insert(5, 1);
        index.replace(5, 1, 2);
        assert_eq!((index.find(5, |_| true), index.len()), (Some(2), 1));
    }
}
