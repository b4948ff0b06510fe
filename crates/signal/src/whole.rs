//! What the hubs of one server have in common: what is counted over all of them, who is on which,
//! and what is remembered of connections.
//!
//! ```text
//!   Hub 0 ──┐              ┌─ Register   who is where; touched by hello, join, leave, end
//!   Hub 1 ──┼── Whole ─────┼─ Stories    an index; each story has a lock of its own
//!   Hub 2 ──┘              ├─ Watches    what TURN saw of each credential
//!                          ├─ Farewells  who may come back before its allocations end
//!                          └─ Memory     atomic numbers
//! ```
//!
//! Nothing on the path of an offer, an answer or a candidate waits for another hub: what a message
//! needs is on its own hub, and the story it adds to is told by that hub alone. Whoever has locked
//! one of these calls nobody and locks nothing else, but stories within their table; so nobody
//! waits for long, nor in a circle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::farewells::Farewells;
use crate::memory::Memory;
use crate::register::Register;
use crate::stories::Table;
use crate::watches::Watches;

/// Which of a server's hubs; the first is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubNumber(pub u16);

#[derive(Clone)]
pub(crate) struct Whole(Arc<Shared>);

struct Shared {
    memory: Memory,
    register: Mutex<Register>,
    stories: Mutex<Table>,
    watches: Mutex<Watches>,
    farewells: Mutex<Farewells>,
}

impl Whole {
    /// For so many hubs.
    pub(crate) fn new(hubs: u16, memory_bytes_max: usize) -> Self {
        Self(Arc::new(Shared {
            memory: Memory::new(memory_bytes_max),
            register: Mutex::new(Register::new(hubs)),
            stories: Mutex::new(Table::new(hubs)),
            watches: Mutex::default(),
            farewells: Mutex::default(),
        }))
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn register(&self) -> MutexGuard<'_, Register> {
        lock(&self.0.register)
    }

    pub(crate) fn stories(&self) -> MutexGuard<'_, Table> {
        lock(&self.0.stories)
    }

    pub(crate) fn watches(&self) -> MutexGuard<'_, Watches> {
        lock(&self.0.watches)
    }

    pub(crate) fn farewells(&self) -> MutexGuard<'_, Farewells> {
        lock(&self.0.farewells)
    }
}

/// Whoever panicked with it has changed it whole, or not at all.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
