//! How much signaling holds for its clients, counted where it is held.
//!
//! ```text
//!   sessions, members ─┐
//!   frames, kept and   │
//!     waiting ─────────┼─ a Share each ──▶ Memory    0 ──────── 7/8 ──────── max ───▶
//!   held candidates ───┤                              ample     tight        full
//!   connections ───────┘
//! ```
//!
//! Where memory is tight no session is begun: those that there are go on. Where it is full no
//! connection is let in either, and each session keeps a [part](Pressure::of) of what it may keep
//! otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that are held, and how many may be. One for a hub and whoever owns its sockets.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Account>);

#[derive(Debug)]
struct Account {
    held: AtomicUsize,
    bytes_max: usize,
}

/// How much room is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// For everybody.
    Ample,
    /// For those who have a session.
    Tight,
    /// For nobody who is not there.
    Full,
}

impl Memory {
    /// Nothing is held, and so many bytes may be.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Account { held: AtomicUsize::new(0), bytes_max }))
    }

    /// Counts `bytes` until the share is dropped.
    #[must_use]
    pub fn share(&self, bytes: usize) -> Share {
        let mut share = Share { memory: self.clone(), bytes: 0 };
        share.add(bytes);
        share
    }

    /// What is held now, in bytes.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// How many bytes may be held.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// How much room is left.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        let (held, max) = (self.held(), self.bytes_max());
        if held >= max {
            Pressure::Full
        } else if held >= max - max / RESERVE {
            Pressure::Tight
        } else {
            Pressure::Ample
        }
    }
}

impl Pressure {
    /// How much of something there may be of which there may be `max` where there is room.
    #[must_use]
    pub fn of(self, max: usize) -> usize {
        if self == Self::Full { max / FULL_PART } else { max }
    }
}

/// What somebody holds; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    memory: Memory,
    bytes: usize,
}

impl Share {
    /// It is so much more.
    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.memory.0.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It is so much less.
    pub fn take(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.0.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// It is so much now.
    pub fn set(&mut self, bytes: usize) {
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => self.add(more),
            None => self.take(self.bytes - bytes),
        }
    }

    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.take(self.bytes);
    }
}

/// An eighth is for those who have a session.
const RESERVE: usize = 8;
/// What is left of a session's bounds where memory is full.
const FULL_PART: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let memory = Memory::new(800);
        let mut share = memory.share(699);
        assert_eq!(memory.pressure(), Pressure::Ample);
        share.add(1);
        assert_eq!(memory.pressure(), Pressure::Tight);
        let other = memory.share(100);
        assert_eq!((memory.held(), memory.pressure()), (800, Pressure::Full));
        share.take(1000);
        assert_eq!((memory.held(), share.bytes()), (100, 0));
        drop(other);
        assert_eq!((memory.held(), memory.pressure()), (0, Pressure::Ample));
    }

    #[test]
    fn who_is_there_keeps_less_where_it_is_full() {
        assert_eq!(Pressure::Tight.of(1600), 1600);
        assert_eq!(Pressure::Full.of(1600), 100);
    }
}
