//! Times between saying and hearing.

use std::time::Duration;

/// Every one of them, until it is asked what they were.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    ns: Vec<u32>,
}

/// Of how many in a hundred or a thousand it was no longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Quantiles {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
}

impl Latencies {
    pub(crate) fn note(&mut self, ns: u64) {
        // Four seconds, or more.
        self.ns.push(u32::try_from(ns).unwrap_or(u32::MAX));
    }

    pub(crate) fn clear(&mut self) {
        self.ns.clear();
    }

    /// Zeros where nothing was noted.
    pub(crate) fn quantiles(mut self) -> Quantiles {
        self.ns.sort_unstable();
        let at = |per_mille: usize| {
            let index = self.ns.len() * per_mille / 1000;
            self.ns.get(index).map_or(Duration::ZERO, |&ns| Duration::from_nanos(ns.into()))
        };
        Quantiles { p50: at(500), p99: at(990), p999: at(999) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_thousand() {
        let mut latencies = Latencies::default();
        assert_eq!(Latencies::default().quantiles(), Quantiles::default());
        (0..1000).rev().for_each(|ns| latencies.note(ns));
        let Quantiles { p50, p99, p999 } = latencies.quantiles();
        assert_eq!([p50, p99, p999].map(|it| it.as_nanos()), [500, 990, 999]);
    }
}
