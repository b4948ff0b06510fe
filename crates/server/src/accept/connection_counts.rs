//! Why connections were closed before anything was spoken on them.

use std::sync::atomic::{AtomicU64, Ordering};

/// How often each reason was.
#[derive(Debug, Default)]
pub(crate) struct ConnectionCounts([AtomicU64; Refused::ALL.len()]);

impl ConnectionCounts {
    pub(crate) fn refuse(&self, why: Refused) {
        self.0[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Every reason with its count.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Refused::ALL.into_iter().map(Refused::name).zip(counts)
    }
}

/// Why a connection was closed before anything was spoken on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are as many as there may be, in all or of its source.
    TooMany,
    /// No first byte in time, or it went away.
    Silent,
    /// The first bytes are of nothing that is spoken there.
    UnknownProtocol,
    /// No TLS handshake in time, or none that succeeds.
    TlsHandshake,
    /// A proxy did not say whom it stands for.
    ProxyHeader,
}

impl Refused {
    /// Every reason, in the order of declaration.
    const ALL: [Self; 5] =
        [Self::TooMany, Self::Silent, Self::UnknownProtocol, Self::TlsHandshake, Self::ProxyHeader];

    /// The value of the `reason` label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Silent => "silent",
            Self::UnknownProtocol => "unknown_protocol",
            Self::TlsHandshake => "tls_handshake",
            Self::ProxyHeader => "proxy_header",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_place() {
        for (index, why) in Refused::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, index);
        }
        let counts = ConnectionCounts::default();
        counts.refuse(Refused::Silent);
        let counted: Vec<_> = counts.refusals().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("silent", 1)]);
    }
}
