//! The certificate that is shown now. Renewed files are taken while the server runs: who is
//! connected notices nothing, who connects is shown the new one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::Signal;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use super::{TlsError, from_files};

/// A certificate with its key, which may change.
#[derive(Debug)]
pub(crate) struct LiveCertificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl LiveCertificate {
    pub(super) fn new(first: CertifiedKey) -> Self {
        Self { current: RwLock::new(Arc::new(first)) }
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows what is in the files now, if it is a certificate with its key.
    fn reload(&self, chain: &Path, key: &Path) -> Result<(), TlsError> {
        let new = from_files(chain, key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }
}

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Takes new files when they change, and when `hangup` comes. Files that are wrong change nothing
/// but the log.
///
/// They are looked at, not subscribed to: that also sees what is behind a link or on a file system
/// of another machine.
pub(crate) async fn watch(
    live: Arc<LiveCertificate>,
    (chain, key): (PathBuf, PathBuf),
    mut hangup: Signal,
) {
    let mut clock = interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut loaded, mut seen) = (stamps(&chain, &key), stamps(&chain, &key));
    loop {
        let is_told = tokio::select! {
            _ = clock.tick() => false,
            Some(()) = hangup.recv() => true,
        };
        let before = std::mem::replace(&mut seen, stamps(&chain, &key));
        // Two files that change one after the other: wait until both have.
        let has_changed = seen != loaded && seen == before;
        if !is_told && !has_changed {
            continue;
        }
        loaded = seen;
        match live.reload(&chain, &key) {
            Ok(()) => info!(certificate = %chain.display(), "the new certificate is shown now"),
            Err(error) => error!("{error}; the old certificate is shown still"),
        }
    }
}

/// What tells a file from the one that was there before: when it was written, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

fn stamps(chain: &Path, key: &Path) -> [Stamp; 2] {
    [chain, key].map(|path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

/// A renewed certificate is good long before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(1);
