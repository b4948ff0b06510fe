//! A table whose places are numbered: what lies in one stays there, however the table grows.
//!
//! ```text
//!  pages   ┌───┐   ┌──────────────────┬───────────────────┐
//!          │ ● ┼──▶│ 64 places        │ which are vacant  │
//!          ├───┤   ├──────────────────┼───────────────────┤
//!          │ ● ┼──▶│ 64 places        │ which are vacant  │
//!          └───┘   └──────────────────┴───────────────────┘
//! ```
//!
//! It grows by a page and never moves what it holds, so the allocation that fills a page costs
//! what the others cost, with ten of them or a hundred thousand. The lowest place is taken first,
//! and pages at the end that have emptied are given back, all but one.

use crate::timers::Slot;

/// Numbered places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Page<T>>,
    /// No page before this one has a vacant place.
    lowest: usize,
}

#[derive(Debug)]
struct Page<T> {
    places: Box<[Option<T>]>,
    /// A bit for each place.
    vacant: u64,
}

impl<T> Page<T> {
    fn vacant() -> Self {
        Self { places: (0..PAGE).map(|_| None).collect(), vacant: ALL }
    }
}

impl<T> Slab<T> {
    /// Without a page.
    pub(crate) fn new() -> Self {
        Self { pages: Vec::new(), lowest: 0 }
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&T> {
        let (page, place) = split(slot);
        self.pages.get(page)?.places.get(place)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let (page, place) = split(slot);
        self.pages.get_mut(page)?.places.get_mut(place)?.as_mut()
    }

    /// Puts it into the lowest vacant place.
    pub(crate) fn insert(&mut self, value: T) -> Slot {
        while self.pages.get(self.lowest).is_some_and(|page| page.vacant == 0) {
            self.lowest += 1;
        }
        if self.lowest >= self.pages.len() {
            self.pages.push(Page::vacant());
        }
        let page = &mut self.pages[self.lowest];
        let place = page.vacant.trailing_zeros() as usize;
        page.vacant &= page.vacant - 1;
        page.places[place] = Some(value);
        (self.lowest * PAGE + place) as Slot
    }

    /// Takes out what lies there.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        let (number, place) = split(slot);
        let page = self.pages.get_mut(number)?;
        let value = page.places.get_mut(place)?.take()?;
        page.vacant |= 1 << place;
        self.lowest = self.lowest.min(number);
        while let [.., last_but_one, last] = &*self.pages
            && last.vacant == ALL
            && last_but_one.vacant == ALL
        {
            self.pages.pop();
        }
        Some(value)
    }

    /// What it holds from this place on, in order.
    pub(crate) fn iter_from(&self, slot: Slot) -> impl Iterator<Item = (Slot, &T)> {
        let (first, place) = split(slot);
        let pages = self.pages.iter().enumerate().skip(first);
        let places = pages.flat_map(|(number, page)| {
            let numbers = (number * PAGE) as Slot..;
            numbers.zip(&page.places)
        });
        places.skip(place).filter_map(|(slot, place)| Some((slot, place.as_ref()?)))
    }

    /// How much memory the places take.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.pages.len() * PAGE * size_of::<Option<T>>()
    }
}

fn split(slot: Slot) -> (usize, usize) {
    (slot as usize / PAGE, slot as usize % PAGE)
}

/// As many as a word has bits.
const PAGE: usize = 64;
const ALL: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_place_is_taken_first_and_nothing_moves() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..1000).map(|number| slab.insert(number)).collect();
        assert_eq!(slots, (0..1000).collect::<Vec<_>>());
        let lies_at: *const i32 = slab.get(70).unwrap();
        for slot in [900, 3, 500, 64] {
            assert_eq!(slab.remove(slot), Some(slot as i32));
            assert_eq!((slab.remove(slot), slab.get(slot)), (None, None));
        }
        assert_eq!([(); 5].map(|()| slab.insert(-1)), [3, 64, 500, 900, 1000]);
        (0..10_000).for_each(|number| _ = slab.insert(number));
        assert!(std::ptr::eq(slab.get(70).unwrap(), lies_at));
        *slab.get_mut(70).unwrap() = 7;
        assert_eq!(slab.get(70), Some(&7));
    }

    #[test]
    fn it_is_looked_through_in_order_from_any_place_on() {
        let mut slab = Slab::new();
        (0..200).for_each(|number| _ = slab.insert(number));
        (0..200).filter(|slot| slot % 3 != 0).for_each(|slot| _ = slab.remove(slot));
        for from in [0, 1, 63, 64, 65, 130, 199, 200, 5000] {
            let found: Vec<_> = slab.iter_from(from).map(|(slot, _)| slot).collect();
            let expect: Vec<_> = (from..200).filter(|slot| slot % 3 == 0).collect();
            assert_eq!(found, expect, "{from}");
        }
    }

    #[test]
    fn empty_pages_at_the_end_are_given_back_but_for_one() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..640).map(|number| slab.insert(number)).collect();
        for slot in slots {
            slab.remove(slot);
        }
        assert_eq!(slab.pages.len(), 1);
        for _ in 0..100 {
            assert_eq!(slab.insert(0), 0);
            slab.remove(0);
        }
        assert_eq!((slab.pages.len(), slab.get(100)), (1, None));
    }
}
