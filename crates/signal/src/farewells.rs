//! Who leaves, and does not come back: then its allocations end.
//!
//! ```text
//!   last session of   ──▶ may come back ──── a grace period later ──▶ its allocations end
//!   an identity over           │
//!                              └── a session begins ──▶ nothing ends
//! ```
//!
//! A connection that is lost ends no session at first, so this begins when nobody has come back to
//! that. Nobody is barred: an allocation that is made with a credential whose time is not over goes
//! on until it expires, or until another session of the identity has come and gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::deadlines::Deadlines;
use crate::hub::Hub;
use crate::memory::Share;
use crate::outbox::Outbox;

/// By credential id, of which each identity has one.
#[derive(Default)]
pub(crate) struct Farewells {
    table: BTreeMap<Arc<str>, Farewell>,
    deadlines: Deadlines<Arc<str>>,
}

struct Farewell {
    ends_at: Instant,
    /// What it takes.
    _share: Share,
}

impl Farewells {
    /// Somebody is back.
    pub(crate) fn call_off(&mut self, credential: &Arc<str>) {
        if let Some(farewell) = self.table.remove(credential) {
            self.deadlines.remove(farewell.ends_at, Arc::clone(credential));
        }
    }

    /// Takes somebody whose time is over.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Arc<str>> {
        let credential = self.deadlines.pop_due(now)?;
        self.table.remove(&credential);
        Some(credential)
    }

    /// When the first is due.
    pub(crate) fn first_due(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| at)
    }

    fn pop_first(&mut self) -> Option<Arc<str>> {
        let (at, _) = self.deadlines.first()?;
        self.pop_due(at)
    }

    fn insert(&mut self, credential: Arc<str>, farewell: Farewell) {
        self.call_off(&credential);
        self.deadlines.insert(farewell.ends_at, Arc::clone(&credential));
        self.table.insert(credential, farewell);
    }
}

impl Hub {
    /// The last session of an identity is over. As many may come back as there may be sessions;
    /// beyond that, the time of who went first is over sooner.
    pub(crate) fn await_return(&mut self, credential: Arc<str>, out: &mut Outbox) {
        // Without a clock nothing has happened yet; without credentials nobody relays.
        let Some(now) = self.stories.now().filter(|_| self.settings.ice.ttl_s().is_some()) else {
            return;
        };
        let ends_at = now.instant + self.settings.limits.grace;
        let farewell = Farewell { ends_at, _share: self.memory.share(FAREWELL_BYTES) };
        let mut farewells = self.whole.farewells();
        if farewells.table.len() >= self.settings.limits.connections_max
            && let Some(first) = farewells.pop_first()
        {
            out.end_allocations(first);
        }
        farewells.insert(credential, farewell);
        self.farewell_due = self.farewell_due.into_iter().chain([ends_at]).min();
    }

    /// Whoever went from this hub is due here, but for those whom another hub has found due first;
    /// with them go all others who are due.
    pub(crate) fn end_farewells(&mut self, now: Instant, out: &mut Outbox) {
        if self.farewell_due.is_none_or(|due| due > now) {
            return;
        }
        let mut farewells = self.whole.farewells();
        while let Some(credential) = farewells.pop_due(now) {
            out.end_allocations(credential);
        }
        self.farewell_due = farewells.first_due();
    }
}

/// Its two entries, and the credential's id.
const FAREWELL_BYTES: usize = 192;
