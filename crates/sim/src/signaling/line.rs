//! One connection between a device and the hub, and what happens to frames on the way.

use std::time::{Duration, Instant};

use crate::random::Random;

/// What carries a device's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket: frames arrive in order, and once.
    Socket,
    /// Requests one after the other: what is asked again on the way arrives twice.
    Requests,
    /// Requests at the same time: they overtake each other, too.
    ParallelRequests,
}

/// How long frames take, and how often a request arrives twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The shortest time that a frame takes.
    pub latency: Duration,
    /// At most this much comes on top.
    pub jitter: Duration,
    /// How many requests in a hundred arrive twice.
    pub copies: u8,
}

impl Default for Weather {
    fn default() -> Self {
        let (latency, jitter) = (Duration::from_millis(20), Duration::from_millis(40));
        Self { latency, jitter, copies: 20 }
    }
}

/// A line that is cut: what still arrives, and who notices when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// So many of the frames on their way to the hub still arrive.
    pub to_hub: usize,
    /// So many of those on their way to the device.
    pub to_device: usize,
    /// When the hub is told; `None`: it has to notice by silence.
    pub hub_notices: Option<Duration>,
    /// When the device notices.
    pub device_notices: Duration,
}

impl Cut {
    /// Everything under way is lost, and both sides know at once.
    pub fn clean() -> Self {
        let at_once = Duration::ZERO;
        Self { to_hub: 0, to_device: 0, hub_notices: Some(at_once), device_notices: at_once }
    }

    /// One of any kind.
    pub fn any(random: &mut Random) -> Self {
        let late = |random: &mut Random| Duration::from_millis(random.below(4_000));
        Self {
            to_hub: random.below(6) as usize,
            to_device: random.below(6) as usize,
            hub_notices: random.percent(80).then(|| late(random)),
            device_notices: late(random),
        }
    }
}

/// A line as it is now.
#[derive(Debug)]
pub(super) struct Line {
    /// Whose it is.
    pub(super) device: usize,
    transport: Transport,
    /// When the last frame of each direction arrives.
    hub_busy_until: Instant,
    device_busy_until: Instant,
    pub(super) is_cut: bool,
    /// The hub has been told of it.
    pub(super) is_known: bool,
}

impl Line {
    pub(super) fn new(device: usize, transport: Transport, now: Instant) -> Self {
        let (hub_busy_until, device_busy_until) = (now, now);
        let (is_cut, is_known) = (false, false);
        Self { device, transport, hub_busy_until, device_busy_until, is_cut, is_known }
    }

    /// When a frame arrives at the hub, and when it does so again.
    pub(super) fn carry_to_hub(
        &mut self,
        now: Instant,
        weather: Weather,
        random: &mut Random,
    ) -> (Instant, Option<Instant>) {
        let at = now + weather.delay(random);
        let at = match self.transport {
            Transport::ParallelRequests if self.is_known => at,
            _ => at.max(self.hub_busy_until),
        };
        self.hub_busy_until = self.hub_busy_until.max(at);
        let is_copied = self.transport != Transport::Socket && random.percent(weather.copies);
        // Before the device can have an answer: a request is repeated for want of one.
        let micros = weather.latency.as_micros() as u64;
        (at, is_copied.then(|| at + Duration::from_micros(random.below(micros))))
    }

    /// When a frame arrives at the device: always in order.
    pub(super) fn carry_to_device(
        &mut self,
        now: Instant,
        weather: Weather,
        random: &mut Random,
    ) -> Instant {
        self.device_busy_until = self.device_busy_until.max(now + weather.delay(random));
        self.device_busy_until
    }
}

impl Weather {
    fn delay(&self, random: &mut Random) -> Duration {
        let micros = self.jitter.as_micros() as u64 + 1;
        self.latency + Duration::from_micros(random.below(micros))
    }
}
