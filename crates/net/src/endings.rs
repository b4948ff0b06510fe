//! How the control plane ends allocations before their time, on all workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bars::{Bars, BarsFull};
use crate::inbox::Inbox;
use crate::quota::Quota;

/// Ends what users have. Nobody waits for it: the allocations end at once, each worker between two
/// batches of datagrams.
///
/// Users are told apart by quota key: the name of a listed user, or the id behind the colon of a
/// time-limited user name.
#[derive(Clone)]
pub struct Endings {
    inboxes: Arc<[Inbox]>,
    bars: Arc<Bars>,
    quota: Arc<Quota>,
    lost: Arc<AtomicU64>,
}

impl Endings {
    pub(crate) fn new(inboxes: Arc<[Inbox]>, bars: Arc<Bars>, quota: Arc<Quota>) -> Self {
        Self { inboxes, bars, quota, lost: Arc::default() }
    }

    /// Takes a user or a credential back: ends its live allocations
    /// ([`EndReason::Revoked`](kopru_turn::EndReason::Revoked)) and lets it open no other for
    /// `life`, which is best as long as its credentials would still be good. The bar stands when
    /// this returns.
    ///
    /// # Errors
    /// When too many are barred; then nothing was changed.
    pub fn revoke(&self, quota_key: &str, life: Duration) -> Result<(), BarsFull> {
        self.bars.bar(Instant::now(), quota_key, life)?;
        self.ring();
        Ok(())
    }

    /// Ends the allocations that a user has now
    /// ([`EndReason::Left`](kopru_turn::EndReason::Left)). What it opens from the moment on in
    /// which its worker has heard of this is not concerned. Where too many are barred they go on,
    /// which is counted.
    pub fn end(&self, quota_key: &str) {
        // Most who leave relay nothing: nobody need look for it.
        if !self.quota.is_used_by(quota_key) {
            return;
        }
        match self.bars.end(Instant::now(), quota_key) {
            Ok(()) => self.ring(),
            Err(BarsFull) => _ = self.lost.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Of how many users the allocations went on that were to end.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn ring(&self) {
        self.inboxes.iter().for_each(Inbox::ring);
    }
}
