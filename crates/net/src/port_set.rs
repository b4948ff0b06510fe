//! RFC 6056 §3.3.1: Simple Port Randomization Algorithm. Which ports of a relay address are free,
//! to draw from.
//!
//! ```text
//!  draw    a random place of the list ──▶ its port; the last one of the list moves there
//!  remove  a port ──▶ its place ──▶ the same
//!
//!           list  │ 7 │ 2 │ 9 │           place  │ - │ - │ 1 │ - │ - │ - │ - │ 0 │ - │ 2 │
//! ```
//!
//! A draw costs the same with one free port as with all of them, and each free port is as likely.
//! Even ports are a set of their own, and those whose next-higher port is free another, since
//! EVEN-PORT asks for these (RFC 8656 §7.2).

use std::ops::RangeInclusive;

use kopru_turn::relay_sockets::Parity;

/// The free ports of a range.
pub(crate) struct FreePorts {
    first: u16,
    even: Set,
    odd: Set,
    /// The even ones whose next one is free too.
    pairs: Set,
}

impl FreePorts {
    /// All of them.
    pub(crate) fn all(ports: RangeInclusive<u16>) -> Self {
        let first = *ports.start();
        let halves = usize::from(*ports.end() / 2 - first / 2) + 1;
        let [even, odd, pairs] = [(); 3].map(|()| Set::empty(halves));
        let mut all = Self { first, even, odd, pairs };
        ports.for_each(|port| all.put_back(port));
        all
    }

    /// Takes a port that is as wished, and the next-higher one if that is wished too. `below` is a
    /// random number below its argument, which is not zero.
    pub(crate) fn draw(&mut self, parity: Parity, below: impl FnOnce(u32) -> u32) -> Option<u16> {
        let (first, second) = match parity {
            Parity::Any => (&self.even, Some(&self.odd)),
            Parity::Even => (&self.even, None),
            Parity::EvenAndNext => (&self.pairs, None),
        };
        let count = first.len() + second.map_or(0, Set::len);
        let place = if count == 0 { return None } else { below(count as u32) as usize };
        let half = first.at(place).map(|half| (half, 0));
        let (half, odd) = half.or_else(|| Some((second?.at(place - first.len())?, 1)))?;
        let port = (self.first / 2 + half) * 2 + odd;
        self.take(port);
        if parity == Parity::EvenAndNext {
            self.take(port + 1);
        }
        Some(port)
    }

    /// Takes back a port that was drawn.
    pub(crate) fn put_back(&mut self, port: u16) {
        let half = self.half(port);
        self.set_of(port).insert(half);
        if self.even.has(half) && self.odd.has(half) {
            self.pairs.insert(half);
        }
    }

    fn take(&mut self, port: u16) {
        let half = self.half(port);
        self.set_of(port).remove(half);
        self.pairs.remove(half);
    }

    fn set_of(&mut self, port: u16) -> &mut Set {
        if port.is_multiple_of(2) { &mut self.even } else { &mut self.odd }
    }

    /// What a port and the other one of its pair are called in the sets.
    fn half(&self, port: u16) -> u16 {
        port / 2 - self.first / 2
    }
}

/// Numbers below a count, each in it or not.
struct Set {
    list: Vec<u16>,
    /// Where in the list each number is; [`ABSENT`] when it is not.
    places: Box<[u16]>,
}

impl Set {
    fn empty(count: usize) -> Self {
        Self { list: Vec::with_capacity(count), places: vec![ABSENT; count].into() }
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn at(&self, place: usize) -> Option<u16> {
        self.list.get(place).copied()
    }

    fn has(&self, number: u16) -> bool {
        self.places[usize::from(number)] != ABSENT
    }

    fn insert(&mut self, number: u16) {
        if !self.has(number) {
            self.places[usize::from(number)] = self.list.len() as u16;
            self.list.push(number);
        }
    }

    fn remove(&mut self, number: u16) {
        if self.has(number) {
            let place =
                usize::from(std::mem::replace(&mut self.places[usize::from(number)], ABSENT));
            self.list.swap_remove(place);
            if let Some(moved) = self.at(place) {
                self.places[usize::from(moved)] = place as u16;
            }
        }
    }
}

/// A list has 32768 places at most.
const ABSENT: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;
    use crate::entropy::Entropy;

    const WISHES: [Parity; 3] = [Parity::Any, Parity::Even, Parity::EvenAndNext];

    /// The ports that a wish may be answered with, found by looking at all of them.
    fn suitable(free: &BTreeSet<u16>, parity: Parity) -> Vec<u16> {
        let fits = |port: &&u16| match parity {
            Parity::Any => true,
            Parity::Even => port.is_multiple_of(2),
            Parity::EvenAndNext => port.is_multiple_of(2) && free.contains(&(**port + 1)),
        };
        free.iter().filter(fits).copied().collect()
    }

    #[test]
    fn it_draws_what_is_free_and_as_wished_until_there_is_none() {
        for (ports, seed) in [(1..=40, 1), (4999..=5030, 2), (5000..=5031, 3), (65_500..=65_535, 4)]
        {
            let (mut ports_free, mut number) = (FreePorts::all(ports.clone()), seed);
            let (mut free, mut drawn): (BTreeSet<u16>, Vec<u16>) = (ports.collect(), Vec::new());
            let mut dry = HashMap::new();
            for step in 0..30_000_u32 {
                number = u32::wrapping_mul(number, 1_664_525).wrapping_add(1_013_904_223);
                let random = number >> 8;
                let put_back = step / 500 % 2 == 1;
                if put_back && !drawn.is_empty() {
                    let port = drawn.swap_remove(random as usize % drawn.len());
                    ports_free.put_back(port);
                    assert!(free.insert(port));
                }
                let parity = WISHES[random as usize / 7 % 3];
                let choice = suitable(&free, parity);
                let port = ports_free.draw(parity, |count| {
                    assert_eq!(count as usize, choice.len(), "{parity:?}");
                    random % count
                });
                assert_eq!(port.is_some(), !choice.is_empty(), "{parity:?}");
                *dry.entry(parity as u8).or_insert(0) += u32::from(port.is_none());
                let Some(port) = port else { continue };
                assert!(choice.contains(&port));
                for port in port..=port + u16::from(parity == Parity::EvenAndNext) {
                    assert!(free.remove(&port));
                    drawn.push(port);
                }
            }
            assert!(dry.values().all(|count| *count > 100), "{dry:?}: each wish finds none, too");
        }
    }

    #[test]
    fn each_free_port_is_as_likely_also_when_one_in_a_hundred_is_left() {
        let mut free = FreePorts::all(49_152..=65_535);
        let mut entropy = Entropy::new();
        while free.draw(Parity::Any, |count| entropy.below(count)).is_some() {}
        // Some in a row, some alone, some even ones, and four pairs.
        let left: Vec<u16> =
            (0..82).map(|number| 49_200 + number * 195).chain(49_152..49_160).collect();
        left.iter().for_each(|port| free.put_back(*port));
        for parity in WISHES {
            let choice = suitable(&left.iter().copied().collect(), parity);
            let mut counts: HashMap<u16, u32> = HashMap::new();
            for _ in 0..choice.len() * 1000 {
                let port = free.draw(parity, |count| entropy.below(count)).unwrap();
                *counts.entry(port).or_default() += 1;
                free.put_back(port);
                if parity == Parity::EvenAndNext {
                    free.put_back(port + 1);
                }
            }
            assert_eq!(counts.len(), choice.len(), "{parity:?}");
            // Eight standard deviations from a thousand.
            assert!(counts.values().all(|count| (750..1250).contains(count)), "{counts:?}");
        }
    }
}
