//! What TURN saw for each credential that a session has, until a story needs it.
//!
//! A client allocates before its connection's first candidate, so what TURN saw a moment ago
//! belongs to the connection that begins now.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::evidence::Minted;
use crate::limits::{EARLY_SIGHT_AGE_MAX, EARLY_SIGHTS_MAX};
use crate::relay_sight::RelaySight;

/// By credential id. There is one for each identity that has a session.
#[derive(Default)]
pub(crate) struct Watches {
    table: BTreeMap<Arc<str>, Watch>,
}

#[derive(Default)]
struct Watch {
    /// So many sessions have this credential.
    sessions: usize,
    /// The credentials that were handed out last.
    minted: Option<Minted>,
    /// Boxed: few have any.
    sights: Option<Box<Sights>>,
}

/// The newest last.
#[derive(Default)]
struct Sights(VecDeque<(Instant, RelaySight)>);

impl Watches {
    /// A session has this credential.
    pub(crate) fn begin(&mut self, credential: &Arc<str>) {
        self.table.entry(Arc::clone(credential)).or_default().sessions += 1;
    }

    /// A session that had it is over; whether it was the last.
    pub(crate) fn end(&mut self, credential: &str) -> bool {
        let Some(watch) = self.table.get_mut(credential) else { return false };
        watch.sessions -= 1;
        let was_last = watch.sessions == 0;
        if was_last {
            self.table.remove(credential);
        }
        was_last
    }

    /// Credentials of this id are handed out.
    pub(crate) fn mint(&mut self, credential: &str, minted: Minted) {
        if let Some(watch) = self.table.get_mut(credential) {
            let first_unix = watch.minted.map_or(minted.first_unix, |former| former.first_unix);
            watch.minted = Some(Minted { first_unix, ..minted });
        }
    }

    /// Those that were handed out last.
    pub(crate) fn minted(&self, credential: &str) -> Option<Minted> {
        self.table.get(credential)?.minted
    }

    /// Keeps what was seen, unless nobody has this credential.
    pub(crate) fn keep(&mut self, now: Instant, credential: &str, sight: RelaySight) {
        let Some(watch) = self.table.get_mut(credential) else { return };
        let Sights(sights) = &mut **watch.sights.get_or_insert_default();
        if sights.len() == EARLY_SIGHTS_MAX {
            sights.pop_front();
        }
        sights.push_back((now, sight));
    }

    /// What was seen for it within the last moment.
    pub(crate) fn recent<'a>(
        &'a self,
        now: Instant,
        credential: &str,
    ) -> impl Iterator<Item = (Instant, RelaySight)> + use<'a> {
        let sights = self.table.get(credential).and_then(|watch| watch.sights.as_deref());
        let sights = sights.into_iter().flat_map(|Sights(sights)| sights);
        let is_recent = move |at: Instant| now.saturating_duration_since(at) <= EARLY_SIGHT_AGE_MAX;
        sights.copied().filter(move |(at, _)| is_recent(*at))
    }
}
