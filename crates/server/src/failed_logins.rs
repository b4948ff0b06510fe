//! Tokens and keys that were not valid, counted by the network they came from: whoever guesses is
//! slow, and what guessing costs has an end.
//!
//! ```text
//!             ┌ keyed hash ┐
//!  prefix ───▶│            ├──▶ row 0 │ . │ . │ ■ │ . │ . │      a place: the instant up to which
//!             │            ├──▶ row 1 │ ■ │ . │ . │ . │ . │      its failures are paid for
//!             └────────────┘
//! ```
//!
//! The table never grows and remembers nobody's name. A failure is noted in both places of its
//! prefix, which may try again while one of them has room: so whoever shares one place with a
//! guesser is not locked out.
//!
//! Not counted are loopback and trusted proxies, which stand for many. A token that was good once
//! is no guess, and a request without any is none either.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kopru_turn::five_tuple::ClientAddr;
use kopru_turn::{Cidr, SourcePrefix};

/// The failures of all networks.
pub(crate) struct FailedLogins {
    proxies: Vec<Cidr>,
    hash: RandomState,
    paid_until: Mutex<Box<[Option<Instant>]>>,
}

impl FailedLogins {
    /// Nobody has failed yet.
    pub(crate) fn new(proxies: &[Cidr]) -> Self {
        let paid_until = Mutex::new(vec![None; ROWS * ROW_LEN].into());
        Self { proxies: proxies.to_vec(), hash: RandomState::new(), paid_until }
    }

    /// Whether what comes from there is looked at.
    pub(crate) fn may_try(&self, source: IpAddr) -> bool {
        self.may_try_at(Instant::now(), source)
    }

    /// Notes that it was not valid.
    pub(crate) fn note(&self, source: IpAddr) {
        self.note_at(Instant::now(), source);
    }

    fn may_try_at(&self, now: Instant, source: IpAddr) -> bool {
        let Some(places) = self.places(source) else { return true };
        let paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room =
            |place: usize| paid_until[place].is_none_or(|until| until + INTERVAL <= now + BURST);
        places.into_iter().any(has_room)
    }

    fn note_at(&self, now: Instant, source: IpAddr) {
        let Some(places) = self.places(source) else { return };
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        for place in places {
            let until = paid_until[place].map_or(now, |until| until.max(now)) + INTERVAL;
            // Who fails in many connections at once waits no longer than who fails in one.
            paid_until[place] = Some(until.min(now + BURST));
        }
    }

    /// Each row is found by other bits of the hash. `None` for who is not counted.
    fn places(&self, source: IpAddr) -> Option<[usize; ROWS]> {
        let source = source.to_canonical();
        if source.is_loopback() || self.proxies.iter().any(|block| block.contains(source)) {
            return None;
        }
        let hash = self.hash.hash_one(SourcePrefix::of(ClientAddr((source, 0).into())));
        Some(std::array::from_fn(|row| row * ROW_LEN + (hash >> (32 * row)) as usize % ROW_LEN))
    }
}

/// A network may fail once in this time,
const INTERVAL: Duration = Duration::from_secs(1);
/// and after a pause so many times at once as fit into this.
const BURST: Duration = Duration::from_secs(50);
/// By then one more is looked at.
pub(crate) const RETRY_AFTER_S: u32 = 1;

const ROWS: usize = 2;
const ROW_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const AT_ONCE: u32 = 50;

    fn failures(logins: &FailedLogins, now: Instant, source: IpAddr) -> u32 {
        let mut count = 0;
        while count < 1000 && logins.may_try_at(now, source) {
            logins.note_at(now, source);
            count += 1;
        }
        count
    }

    #[test]
    fn a_network_may_fail_so_often_and_then_once_a_second() {
        let (logins, now) = (FailedLogins::new(&[]), Instant::now());
        assert_eq!(failures(&logins, now, ip("198.51.100.1")), AT_ONCE);
        assert!(!logins.may_try_at(now, ip("198.51.100.200")), "a /24 is one network");
        assert!(logins.may_try_at(now, ip("198.51.101.1")));
        let retry_at = now + Duration::from_secs(RETRY_AFTER_S.into());
        assert_eq!(failures(&logins, retry_at, ip("198.51.100.1")), 1);
        assert_eq!(failures(&logins, now + 10 * BURST, ip("198.51.100.1")), AT_ONCE);
        assert_eq!(failures(&logins, now, ip("2001:db8:7::1")), AT_ONCE);
        assert!(!logins.may_try_at(now, ip("2001:db8:7:ffff::1")), "a /48 is one network");
    }

    #[test]
    fn failures_beyond_the_limit_make_nobody_wait_longer() {
        let (logins, now) = (FailedLogins::new(&[]), Instant::now());
        (0..10 * AT_ONCE).for_each(|_| logins.note_at(now, ip("198.51.100.1")));
        assert!(!logins.may_try_at(now, ip("198.51.100.1")));
        assert!(logins.may_try_at(now + INTERVAL, ip("198.51.100.1")));
    }

    #[test]
    fn who_stands_for_many_is_not_counted() {
        let logins = FailedLogins::new(&["192.0.2.0/24".parse().unwrap()]);
        for source in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "192.0.2.9"] {
            assert_eq!(failures(&logins, Instant::now(), ip(source)), 1000, "{source}");
        }
    }

    #[test]
    fn one_guesser_locks_nobody_else_out() {
        let (logins, now) = (FailedLogins::new(&[]), Instant::now());
        failures(&logins, now, ip("198.51.100.1"));
        let others = (0..=255).flat_map(|a| (0..=255).map(move |b| IpAddr::from([10, a, b, 1])));
        // Both places are shared by one of sixteen million.
        assert!(others.filter(|other| !logins.may_try_at(now, *other)).count() <= 1);
    }
}
