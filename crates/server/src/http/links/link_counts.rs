//! How clients without a WebSocket read their frames, and how that ended.

use std::sync::atomic::{AtomicU64, Ordering};

use kopru_signal::{CloseReason, ConnId, Parting};

use crate::hub::Event;

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkEnd {
    /// The client said goodbye.
    Goodbye,
    /// The hub closed it, and the client was told.
    Closed,
    /// A stream or a poll broke off.
    BrokenOff,
    /// Nobody asked for its frames for too long.
    Unread,
    /// A request had more bytes than a frame may have that is not even read, or too many before a
    /// valid hello.
    TooLarge,
}

impl LinkEnd {
    /// All of them, in the order of declaration.
    const ALL: [Self; 5] =
        [Self::Goodbye, Self::Closed, Self::BrokenOff, Self::Unread, Self::TooLarge];

    fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "goodbye",
            Self::Closed => "closed",
            Self::BrokenOff => "broken_off",
            Self::Unread => "unread",
            Self::TooLarge => "too_large",
        }
    }

    /// What the hub is told.
    pub(crate) fn into_event(self, conn: ConnId) -> Event {
        let (closed, parting) = match self {
            Self::Goodbye => (None, Parting::Goodbye),
            Self::Closed | Self::BrokenOff | Self::Unread => (None, Parting::Lost),
            Self::TooLarge => (Some(CloseReason::FrameTooLarge), Parting::Lost),
        };
        Event::Gone { conn, closed, parting }
    }
}

/// How frames are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadBy {
    /// One request, whose answer goes on.
    Events,
    /// One request after the other.
    Poll,
}

/// Counts both.
#[derive(Debug, Default)]
pub(crate) struct LinkCounts {
    ends: [AtomicU64; LinkEnd::ALL.len()],
    events: AtomicU64,
    polls: AtomicU64,
}

impl LinkCounts {
    /// One has ended.
    pub(crate) fn ended(&self, end: LinkEnd) {
        if let Some(count) = self.ends.get(end as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Somebody begins to read.
    pub(crate) fn read(&self, by: ReadBy) {
        match by {
            ReadBy::Events => &self.events,
            ReadBy::Poll => &self.polls,
        }
        .fetch_add(1, Ordering::Relaxed);
    }

    /// Every way to end, and how often it came about.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.ends.iter().map(|count| count.load(Ordering::Relaxed));
        LinkEnd::ALL.into_iter().map(LinkEnd::name).zip(counts)
    }

    /// Streams and polls that were begun.
    pub(crate) fn reads(&self) -> [(&'static str, u64); 2] {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [("events", of(&self.events)), ("poll", of(&self.polls))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_place() {
        for (index, end) in LinkEnd::ALL.into_iter().enumerate() {
            assert_eq!(end as usize, index);
        }
    }
}
