//! RLIMIT_NOFILE, divided. Each part of the program has its own number of descriptors and refuses
//! what goes beyond it, so accept(2) and socket(2) never meet EMFILE, and a part that is full
//! starves no other.
//!
//! ```text
//!  open files ┬─ a fixed few   the program itself, the admin listener, the last words to a client
//!             ├─ an eighth     HTTP, and connections that have proved nothing
//!             ├─ 3 eighths     WebSockets and event streams
//!             └─ the rest      the relay: listeners, relay sockets, TURN over TCP and TLS
//! ```
//!
//! Where nothing is relayed, the relay has an eighth, and WebSockets what is left.
//!
//! The middle two take no more than their limits say; what they leave is the relay's.

use crate::limits::{
    ADMIN_CONNECTIONS_MAX, HTTP_CONNECTIONS_MAX, HTTP_CONNECTIONS_PER_SOURCE_MAX, LINGERING_MAX,
    WEBSOCKETS_PER_SOURCE_MAX, WEBSOCKETS_SPARE,
};

/// Who may open how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Descriptors {
    /// All there are.
    pub(crate) open_files: u64,
    /// TCP connections of all public listeners that are neither WebSockets nor event streams, nor
    /// of TURN clients with an allocation.
    pub(crate) http: usize,
    /// The same of one source.
    pub(crate) http_per_source: u32,
    /// WebSockets, event streams, and clients that poll.
    pub(crate) websockets: usize,
    /// The same of one source.
    pub(crate) websockets_per_source: u32,
    /// What the relay has.
    pub(crate) relay: u32,
}

impl Descriptors {
    /// Divides `open_files`, where so many WebSockets are wanted, and something is relayed or not.
    /// `None` when there are too few to serve anybody.
    pub(crate) fn divide(open_files: u64, connections_max: usize, relays: bool) -> Option<Self> {
        if open_files < OPEN_FILES_MIN {
            return None;
        }
        let all = usize::try_from(open_files).unwrap_or(usize::MAX);
        let http = HTTP_CONNECTIONS_MAX.min(all / 8);
        let share = if relays { all / 8 * 3 } else { all - FIXED - http - all / 8 };
        let websockets = connections_max.saturating_add(WEBSOCKETS_SPARE).min(share);
        let relay = all - FIXED - http - websockets;
        Some(Self {
            open_files,
            http,
            http_per_source: part_of(http, HTTP_CONNECTIONS_PER_SOURCE_MAX),
            websockets,
            websockets_per_source: part_of(share, WEBSOCKETS_PER_SOURCE_MAX),
            relay: u32::try_from(relay).unwrap_or(u32::MAX),
        })
    }
}

/// One source has a quarter at most.
fn part_of(all: usize, limit: u32) -> u32 {
    u32::try_from(all / 4).unwrap_or(u32::MAX).min(limit)
}

/// Below this there is nothing to divide.
pub(crate) const OPEN_FILES_MIN: u64 = 512;

const FIXED: usize = PROGRAM + ADMIN_CONNECTIONS_MAX + LINGERING_MAX;
/// Standard streams, the runtime, listening TCP sockets and what each of them has just accepted,
/// files that are read.
const PROGRAM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_given_out_twice_and_everybody_has_something() {
        for open_files in [512, 1000, 1024, 4096, 20_000, 65_536, 1 << 20, 1 << 30] {
            for connections_max in [1, 1000, 10_000, 1 << 30] {
                for (relays, part) in [(true, 6), (false, 8)] {
                    let it = Descriptors::divide(open_files, connections_max, relays).unwrap();
                    let given = (FIXED + it.http + it.websockets) as u64 + u64::from(it.relay);
                    assert_eq!(given, open_files, "{it:?}");
                    assert!(u64::from(it.relay) >= open_files / part, "{it:?}");
                    assert!(it.http >= 64 && it.websockets > connections_max.min(128), "{it:?}");
                    let [http, websockets] = [it.http_per_source, it.websockets_per_source];
                    assert!(http >= 16 && http as usize * 4 <= it.http, "{it:?}");
                    assert!(websockets >= 32, "{it:?}");
                }
            }
        }
    }

    #[test]
    fn without_a_relay_ten_thousand_fit_into_twice_as_many() {
        let websockets = |relays| Descriptors::divide(20_000, 10_000, relays).unwrap().websockets;
        assert_eq!((websockets(true), websockets(false)), (7500, 10_064));
    }

    #[test]
    fn where_there_are_plenty_the_limits_are_what_they_say() {
        let it = Descriptors::divide(1 << 20, 10_000, true).unwrap();
        assert_eq!((it.http, it.websockets), (4096, 10_064));
        assert_eq!((it.http_per_source, it.websockets_per_source), (512, 2000));
        assert_eq!(Descriptors::divide(511, 1, true), None);
    }
}
