//! RFC 8656 §21.3.1: how much a second. Token buckets of one number each.
//!
//! ```text
//!     now                 paid until                    now + BURST
//!  ────┼──────────────────────┼──────────────────────────────┼────▶ time
//!      └──── used already ────┘└─── passes at once ──────────┘
//! ```
//!
//! A bucket is the instant up to which what has passed is paid for (the generic cell rate
//! algorithm). What comes while that instant lies less than [`BURST`] ahead passes, and moves it.
//! So the last datagram of a burst may overshoot, and the next ones wait for it: a datagram larger
//! than a second's worth still passes, and the average is kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::limits::BURST;

/// So many a second; 0 means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSecond(pub u64);

impl PerSecond {
    /// The rate that keeps both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self.0, other.0) {
            (0, rate) | (rate, 0) => Self(rate),
            (one, other) => Self(one.min(other)),
        }
    }

    /// What each of `count` may use for all of them to keep this rate together, rounded up.
    #[must_use]
    pub fn share_of(self, count: u64) -> Self {
        Self(self.0.div_ceil(count.max(1)))
    }

    /// The time that `amount` takes at this rate, rounded up.
    fn cost_ns(self, amount: u64) -> u64 {
        let cost = (u128::from(amount) * NS).div_ceil(u128::from(self.0.max(1)));
        if self.0 == 0 { 0 } else { u64::try_from(cost).unwrap_or(u64::MAX) }
    }
}

/// Two rates that hold together: of what is relayed, in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayRate {
    /// Bits of payload.
    pub bits: PerSecond,
    /// Datagrams.
    pub packets: PerSecond,
}

impl RelayRate {
    /// Whether it limits anything.
    pub fn is_limit(self) -> bool {
        self != Self::default()
    }

    fn costs_ns(self, payload_len: usize) -> (u64, u64) {
        (self.bits.cost_ns(8 * payload_len as u64), self.packets.cost_ns(1))
    }
}

/// Which way something is relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client.
    ToPeer,
    /// From a peer.
    ToClient,
}

/// One bucket, owned by one thread. Instants are nanoseconds since a beginning of the caller's.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    paid_until_ns: u64,
}

impl Bucket {
    /// Whether something may pass now.
    pub(crate) fn has_room(self, now_ns: u64) -> bool {
        self.wait_ns(now_ns) == 0
    }

    /// How long until something may pass.
    fn wait_ns(self, now_ns: u64) -> u64 {
        wait_ns(self.paid_until_ns, now_ns)
    }

    /// Notes that `amount` passes.
    pub(crate) fn pay(&mut self, now_ns: u64, rate: PerSecond, amount: u64) {
        self.paid_until_ns = paid(self.paid_until_ns, now_ns, rate.cost_ns(amount));
    }
}

/// The buckets of one direction of one allocation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RelayBuckets {
    bits: Bucket,
    packets: Bucket,
}

impl RelayBuckets {
    /// Whether a datagram with this payload passes. `false`, and nothing noted, when it does not.
    pub(crate) fn take(&mut self, now_ns: u64, rate: RelayRate, payload_len: usize) -> bool {
        let room = self.wait_ns(now_ns) == 0;
        if room {
            self.pay(now_ns, rate, payload_len);
        }
        room
    }

    /// How long until something passes.
    pub(crate) fn wait_ns(&self, now_ns: u64) -> u64 {
        self.bits.wait_ns(now_ns).max(self.packets.wait_ns(now_ns))
    }

    /// Notes that this payload passes.
    pub(crate) fn pay(&mut self, now_ns: u64, rate: RelayRate, payload_len: usize) {
        self.bits.pay(now_ns, rate.bits, 8 * payload_len as u64);
        self.packets.pay(now_ns, rate.packets, 1);
    }
}

/// What one user may relay on all workers together, a bucket for each direction.
///
/// Shared without a lock: two workers that look in the same instant may both find the last room,
/// so a direction may overshoot by one datagram for each worker. The next ones pay for it, and the
/// average is exact. The buckets are all that two workers write for a datagram, and only where
/// users have a rate; each direction has cache lines of its own, and what is only read has another.
#[derive(Debug)]
pub struct UserRate {
    rate: RelayRate,
    began: Instant,
    /// By direction.
    buckets: [SharedBuckets; 2],
}

/// Two lines, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct SharedBuckets {
    bits_ns: AtomicU64,
    packets_ns: AtomicU64,
}

impl UserRate {
    /// Full buckets. No datagram is older than `began`.
    pub fn new(rate: RelayRate, began: Instant) -> Self {
        Self { rate, began, buckets: Default::default() }
    }

    /// How much it is.
    pub fn rate(&self) -> RelayRate {
        self.rate
    }

    /// Whether a datagram passes in this direction. `false`, and nothing noted, when it does not.
    pub(crate) fn take(&self, now: Instant, direction: Direction, payload_len: usize) -> bool {
        let buckets = &self.buckets[direction as usize];
        buckets.take(since(self.began, now), self.rate, payload_len)
    }

    /// How long until something passes in this direction.
    pub(crate) fn wait_ns(&self, now: Instant, direction: Direction) -> u64 {
        self.buckets[direction as usize].wait_ns(since(self.began, now))
    }

    /// Notes that this payload passes in this direction.
    pub(crate) fn pay(&self, now: Instant, direction: Direction, payload_len: usize) {
        let buckets = &self.buckets[direction as usize];
        buckets.pay(since(self.began, now), self.rate, payload_len);
    }
}

impl SharedBuckets {
    fn take(&self, now_ns: u64, rate: RelayRate, payload_len: usize) -> bool {
        let room = self.wait_ns(now_ns) == 0;
        if room {
            self.pay(now_ns, rate, payload_len);
        }
        room
    }

    fn wait_ns(&self, now_ns: u64) -> u64 {
        let wait = |bucket: &AtomicU64| wait_ns(bucket.load(Ordering::Relaxed), now_ns);
        wait(&self.bits_ns).max(wait(&self.packets_ns))
    }

    fn pay(&self, now_ns: u64, rate: RelayRate, payload_len: usize) {
        let (bits, packets) = rate.costs_ns(payload_len);
        for (bucket, cost) in [(&self.bits_ns, bits), (&self.packets_ns, packets)] {
            let pay = |until| Some(paid(until, now_ns, cost));
            // Can't fail: the closure refuses nothing.
            let _ = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
        }
    }
}

/// Nanoseconds from `began` to `now`.
pub(crate) fn since(began: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(began).as_nanos()).unwrap_or(u64::MAX)
}

/// Strictly less than [`BURST`] may be paid ahead.
fn wait_ns(paid_until_ns: u64, now_ns: u64) -> u64 {
    paid_until_ns.saturating_add(1).saturating_sub(now_ns.saturating_add(BURST_NS))
}

fn paid(until_ns: u64, now_ns: u64, cost_ns: u64) -> u64 {
    until_ns.max(now_ns).saturating_add(cost_ns)
}

const NS: u128 = Duration::from_secs(1).as_nanos();
const BURST_NS: u64 = BURST.as_nanos() as u64;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = NS as u64;

    #[expect(clippy::disallowed_methods, reason = "any instant will do; no test waits for it")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_second_s_worth_passes_at_once_and_then_the_rate() {
        for rate in [1, 3, 7, 1000] {
            let (mut bucket, rate) = (Bucket::default(), PerSecond(rate));
            let mut passed = |now| {
                let passes =
                    |bucket: &mut Bucket| bucket.has_room(now).then(|| bucket.pay(now, rate, 1));
                (0..5000).filter_map(|_| passes(&mut bucket)).count() as u64
            };
            assert_eq!((passed(0), passed(SECOND / 2)), (rate.0, rate.0.div_ceil(2)), "{rate:?}");
            assert_eq!(passed(100 * SECOND), rate.0, "what is not used is not saved up");
        }
    }

    #[test]
    fn what_two_workers_write_shares_no_line_with_anything_else() {
        let user = UserRate::new(RelayRate::default(), start());
        let [one, other] = user.buckets.each_ref().map(|buckets| &raw const *buckets as usize);
        assert_eq!((one % 128, one.abs_diff(other)), (0, 128));
        let read = [&raw const user.rate as usize, &raw const user.began as usize];
        assert!(read.iter().all(|at| at / 128 != one / 128 && at / 128 != other / 128));
    }

    #[test]
    fn no_limit_lets_everything_pass() {
        let mut bucket = Bucket::default();
        bucket.pay(0, PerSecond(0), u64::MAX);
        assert!(bucket.has_room(0));
        assert!(!RelayRate::default().is_limit());
    }

    #[test]
    fn what_is_larger_than_the_burst_passes_and_is_paid_for() {
        let rate = RelayRate { bits: PerSecond(800), packets: PerSecond(0) };
        let mut buckets = RelayBuckets::default();
        assert!(buckets.take(0, rate, 300));
        assert!(!buckets.take(2 * SECOND, rate, 0), "three seconds' worth: one is left to wait");
        assert!(buckets.take(2 * SECOND + 1, rate, 0));
    }

    #[test]
    fn what_has_no_room_has_it_after_the_wait_and_not_before() {
        let rate = RelayRate { bits: PerSecond(800), packets: PerSecond(3) };
        for len in [0, 70, 100, 1000] {
            let mut buckets = RelayBuckets::default();
            while buckets.take(7, rate, len) {}
            let wait = buckets.wait_ns(7);
            assert!(wait > 0 && buckets.wait_ns(7 + wait - 1) == 1, "{len}");
            assert!(buckets.take(7 + wait, rate, len), "{len}");
        }
    }

    #[test]
    fn the_shared_buckets_tell_what_the_owned_ones_tell() {
        let rate = RelayRate { bits: PerSecond(8_000), packets: PerSecond(20) };
        let (mut owned, shared) = (RelayBuckets::default(), SharedBuckets::default());
        let mut passed = 0;
        for step in 0..10_000_u64 {
            let (now, len) = (step * step % 977 * 1_000_000 + step * 10_000, (step % 90) as usize);
            let expect = owned.take(now, rate, len);
            assert_eq!(shared.take(now, rate, len), expect, "{step}");
            passed += usize::from(expect);
        }
        assert!((30..300).contains(&passed), "{passed}: both outcomes occur");
    }
}
