//! When messages leave: as fast as it goes, or by the clock.

/// How fast messages come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// No more than a window under way.
    AsFastAsItGoes,
    /// So many messages a second.
    PerSecond(f64),
}

/// What decides when the next burst leaves.
#[derive(Debug)]
pub(crate) enum Pacing {
    /// So many messages may be under way.
    Window(u64),
    /// Bursts are due one interval after the other.
    Schedule { begin_ns: u64, interval_ns: f64, bursts: u64 },
}

impl Pacing {
    /// Of bursts of so many messages, from now on.
    pub(crate) fn of(pace: Pace, burst: usize, window: u64, now_ns: u64) -> Self {
        match pace {
            Pace::AsFastAsItGoes => Self::Window(window),
            Pace::PerSecond(rate) => {
                let interval_ns = 1e9 / rate * burst as f64;
                Self::Schedule { begin_ns: now_ns, interval_ns, bursts: 0 }
            }
        }
    }

    /// Whether a burst of so many leaves now, which it then has to. One that is longer than the
    /// window leaves when nothing is under way.
    pub(crate) fn is_due(&mut self, burst: usize, under_way: u64, now_ns: u64) -> bool {
        match self {
            Self::Window(window) => under_way == 0 || under_way + burst as u64 <= *window,
            Self::Schedule { begin_ns, interval_ns, bursts } => {
                let is_due = *begin_ns + (*bursts as f64 * *interval_ns) as u64 <= now_ns;
                *bursts += u64::from(is_due);
                is_due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_filled_and_no_more() {
        let mut pacing = Pacing::of(Pace::AsFastAsItGoes, 4, 10, 0);
        let due = [0, 4, 6, 7, 10].map(|under_way| pacing.is_due(4, under_way, 0));
        assert_eq!(due, [true, true, true, false, false]);
        assert!(pacing.is_due(16, 0, 0) && !pacing.is_due(16, 1, 0));
    }

    #[test]
    fn what_was_late_follows_at_once() {
        // Bursts of 4, a thousand messages a second: one every 4 ms.
        let mut pacing = Pacing::of(Pace::PerSecond(1000.0), 4, 10, 500);
        let mut due_at = |now_ns| (0..9).take_while(|_| pacing.is_due(4, 100, now_ns)).count();
        assert_eq!([500, 4_000_499, 4_000_500, 16_000_500].map(&mut due_at), [1, 0, 1, 3]);
    }
}
