//! What one run of a load found.

use std::time::Duration;

use crate::latency::Quantiles;

/// The figures of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relayed {
    pub(crate) delivered: u64,
    pub(crate) took: Duration,
    /// Of the server.
    pub(crate) cpu: Duration,
    /// How much of the time the generator had something to do.
    pub(crate) generator_busy: f64,
    /// The share that did not come.
    pub(crate) loss: f64,
    pub(crate) latency: Quantiles,
    /// Bytes of payload in each.
    pub(crate) size: usize,
    /// It was to go as fast as it could.
    pub(crate) is_unpaced: bool,
}

impl Relayed {
    pub(crate) fn kpps(&self) -> f64 {
        self.delivered as f64 / self.took.as_secs_f64() / 1e3
    }

    /// Of payload.
    pub(crate) fn gbit_s(&self) -> f64 {
        self.kpps() * self.size as f64 * 8.0 / 1e6
    }

    /// Microseconds of the server's core for each message.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.delivered.max(1) as f64
    }

    /// How much of the time the server was on its core.
    pub(crate) fn server_busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.took.as_secs_f64()
    }

    /// The server had time left and the generator had none: the server could have done more.
    pub(crate) fn is_generator_the_limit(&self) -> bool {
        self.is_unpaced && self.generator_busy > BUSY && self.server_busy() < BUSY
    }

    pub(crate) fn p50_us(&self) -> f64 {
        self.latency.p50.as_secs_f64() * 1e6
    }

    pub(crate) fn p99_us(&self) -> f64 {
        self.latency.p99.as_secs_f64() * 1e6
    }
}

/// From here on a core counts as busy: the scheduler's account lags by a tick.
const BUSY: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_from_counts_and_times() {
        let it = Relayed {
            delivered: 50_000,
            took: Duration::from_millis(500),
            cpu: Duration::from_millis(250),
            generator_busy: 0.95,
            loss: 0.0,
            latency: Quantiles { p50: Duration::from_micros(40), ..Quantiles::default() },
            size: 1000,
            is_unpaced: true,
        };
        assert_eq!((it.kpps(), it.gbit_s(), it.cpu_us()), (100.0, 0.8, 5.0));
        assert_eq!((it.server_busy(), it.p50_us()), (0.5, 40.0));
        assert!(it.is_generator_the_limit());
        assert!(!Relayed { generator_busy: 0.8, ..it }.is_generator_the_limit());
        assert!(!Relayed { cpu: Duration::from_millis(460), ..it }.is_generator_the_limit());
        assert!(!Relayed { is_unpaced: false, ..it }.is_generator_the_limit());
    }
}
