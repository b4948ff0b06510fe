//! One desk: a hub, and the clients of the connections that it has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use kopru_signal::{CloseReason, ConnId, ConnectionRecord, Hub, Stats};
use tracing::info;

use crate::outgoing::Sender;

/// What a desk has.
pub(super) struct Desk {
    pub(super) hub: Hub,
    pub(super) clients: HashMap<ConnId, Client>,
    /// Connections that this side closed without the hub's word.
    pub(super) closed: BTreeMap<&'static str, u64>,
    /// Connections that came from other desks.
    pub(super) arrivals: u64,
}

/// Whoever is at the other end of a connection.
pub(super) struct Client {
    pub(super) outgoing: Sender,
    /// The number of the desk that has it.
    home: Arc<AtomicU16>,
    /// Whether that is another one than at first.
    pub(super) has_moved: bool,
}

impl Client {
    pub(super) fn new(outgoing: Sender, home: Arc<AtomicU16>) -> Self {
        Self { outgoing, home, has_moved: false }
    }

    /// From now on it is at that desk.
    pub(super) fn moved(&mut self, desk: u16) {
        self.has_moved = true;
        self.home.store(desk, Ordering::Release);
    }
}

impl Desk {
    pub(super) fn new(hub: Hub) -> Self {
        Self { hub, clients: HashMap::new(), closed: BTreeMap::new(), arrivals: 0 }
    }

    pub(super) fn count(&mut self, reason: CloseReason) {
        *self.closed.entry(reason.reason()).or_default() += 1;
    }

    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.hub.stats();
        for (reason, count) in &self.closed {
            *stats.closed.entry(reason).or_default() += count;
        }
        stats
    }
}

/// One structured record for each connection of two members that is over (log target
/// `kopru::connection`): whether it came about, and if not, why. Who they were, and where, stands
/// in its story.
pub(super) fn write(record: &ConnectionRecord) {
    info!(
        target: "kopru::connection",
        story = record.story,
        class = record.class.as_str(),
        path = record.path,
        setup_ms = record.setup_ms,
        age_s = record.age.as_secs(),
        "ended"
    );
}
