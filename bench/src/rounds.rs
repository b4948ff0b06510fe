//! What several rounds found: on a machine that does other things too, one figure is no figure.

use std::fmt;

/// The middle of several figures, and how far apart the middle half of them is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Median {
    pub(crate) value: f64,
    /// A quarter of the figures is lower.
    pub(crate) low: f64,
    /// A quarter of the figures is higher.
    pub(crate) high: f64,
}

impl Median {
    /// Of at least one figure.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let last = figures.len().saturating_sub(1);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let value = f64::midpoint(at(last / 2), at(last - last / 2));
        Self { value, low: at(last / 4), high: at(last - last / 4) }
    }

    /// Of the ratios round by round: what disturbed a round disturbed both.
    pub(crate) fn of_ratios(above: &[f64], below: &[f64]) -> Self {
        Self::of(above.iter().zip(below).map(|(above, below)| above / below))
    }
}

impl fmt::Display for Median {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, low, high } = self;
        let digits = match value.abs() {
            large if large >= 1000.0 => 0,
            middle if middle >= 100.0 => 1,
            _ => 2,
        };
        write!(f, "{value:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_its_quarters() {
        let median = Median::of([7.0, 1.0, 3.0, 2.0, 6.0, 5.0, 4.0]);
        assert_eq!((median.value, median.low, median.high), (4.0, 2.0, 6.0));
        assert_eq!(Median::of([2.0]).to_string(), "2.00 (2.00–2.00)");
        assert_eq!(Median::of([1.0, 2.0]).value, 1.5);
        assert!(Median::of([]).value.is_nan());
    }

    #[test]
    fn ratios_are_made_round_by_round() {
        // The second round was disturbed.
        let ratio = Median::of_ratios(&[10.0, 2.0, 10.0], &[5.0, 1.0, 5.0]);
        assert_eq!((ratio.low, ratio.value, ratio.high), (2.0, 2.0, 2.0));
    }
}
