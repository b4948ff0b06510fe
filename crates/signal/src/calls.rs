//! All calls of a hub, and when each is due.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::call::Call;
use crate::deadlines::Deadlines;
use crate::ids::CallId;
use crate::memory::{Memory, Share};

pub(crate) struct Calls {
    table: BTreeMap<CallId, Entry>,
    due: Deadlines<CallId>,
    memory: Memory,
}

pub(crate) struct Entry {
    call: Call,
    /// Its entry in the deadlines.
    due_at: Option<Instant>,
    /// What the call takes.
    share: Share,
}

impl Calls {
    /// None yet; what they will take is counted in `memory`.
    pub(crate) fn new(memory: Memory) -> Self {
        Self { table: BTreeMap::new(), due: Deadlines::default(), memory }
    }

    pub(crate) fn insert(&mut self, call: Call) {
        let share = self.memory.share(call.weight());
        self.table.insert(call.id, Entry { call, due_at: None, share });
    }

    pub(crate) fn get(&self, id: CallId) -> Option<&Call> {
        self.table.get(&id).map(|entry| &entry.call)
    }

    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.table.get_mut(&id).map(|entry| &mut entry.call)
    }

    /// How many there are in each state.
    pub(crate) fn by_state(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for Entry { call, .. } in self.table.values() {
            *counts.entry(call.state().as_str()).or_default() += 1;
        }
        counts
    }

    /// Enters when a call that has changed is due next, and what it takes now.
    pub(crate) fn schedule(&mut self, id: CallId) {
        let Some(entry) = self.table.get_mut(&id) else { return };
        if let Some(at) = entry.due_at {
            self.due.remove(at, id);
        }
        entry.share.set(entry.call.weight());
        entry.due_at = entry.call.due_at();
        if let Some(at) = entry.due_at {
            self.due.insert(at, id);
        }
    }

    /// Takes a call out, with all that belongs to it.
    pub(crate) fn remove(&mut self, id: CallId) -> Option<Entry> {
        let removed = self.table.remove(&id)?;
        if let Some(at) = removed.due_at {
            self.due.remove(at, id);
        }
        Some(removed)
    }

    /// Takes in what was [`remove`](Self::remove)d elsewhere.
    pub(crate) fn take_in(&mut self, entry: Entry) {
        let id = entry.call.id;
        if let Some(at) = entry.due_at {
            self.due.insert(at, id);
        }
        self.table.insert(id, entry);
    }

    pub(crate) fn first_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| at)
    }

    /// Takes a call that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<CallId> {
        self.due.pop_due(now)
    }
}
