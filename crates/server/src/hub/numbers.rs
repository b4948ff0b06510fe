//! What all desks hold and have done, and how evenly it is spread over them.

use kopru_signal::Stats;

use super::desk::Desk;

/// For metrics.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// Of all desks together.
    pub(crate) together: Stats,
    /// The sessions of each desk, in the order of their numbers.
    pub(crate) sessions: Vec<usize>,
    /// Connections that went from one desk to another.
    pub(crate) moves: u64,
}

impl Numbers {
    pub(super) fn of<'a>(desks: impl Iterator<Item = &'a mut Desk>) -> Self {
        let mut numbers = Self::default();
        let counted = desks.map(|desk| {
            let stats = desk.stats();
            numbers.sessions.push(stats.sessions);
            numbers.moves += desk.arrivals;
            stats
        });
        let together = counted.reduce(Stats::with);
        Self { together: together.unwrap_or_default(), ..numbers }
    }
}
