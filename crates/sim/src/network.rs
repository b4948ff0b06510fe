//! What lies between hosts: lines that take time and lose things, gateways that translate, and one
//! queue of everything that is under way. A pure state machine: time is an argument, chance a seed.
//!
//! ```text
//!   host ── gateway ──── line ────┐                      ┌── server
//!                                 ├── the open network ──┤   no line: it takes no time
//!   host ── gateway ──── line ────┘                      └── peer
//!  └────────── site ──────────────┘
//! ```
//!
//! A site may stand within another one, as the NAT of a home does behind that of its provider.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::ladder::{Ladder, Rung};
use crate::random::Random;

mod gateway;
mod line;
mod tally;

use gateway::Way;
pub(crate) use gateway::{Gateway, host_address};
pub(crate) use line::Direction;
use line::Line;
pub use line::{Fate, Link};
pub use tally::{Loss, Tally};

/// A datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
    pub(crate) dont_fragment: bool,
}

/// Which site: they are counted from 0.
pub(crate) type SiteNumber = usize;

/// Hosts that reach the others through one gateway and over one line.
struct Site {
    gateway: Gateway,
    line: Line,
    hosts: Vec<IpAddr>,
    /// The site that it stands in; `None`: the open network.
    within: Option<SiteNumber>,
}

/// Everything between hosts.
pub(crate) struct Network {
    random: Random,
    sites: Vec<Site>,
    under_way: BTreeMap<(Instant, u64), (Hop, Datagram)>,
    launched: u64,
    pub(crate) tally: Tally,
    pub(crate) ladder: Ladder,
}

/// Where a datagram is next.
#[derive(Clone, Copy)]
enum Hop {
    /// Among the hosts of a site, or in the open network.
    Among(Option<SiteNumber>),
    /// Before the gateway of a site, from outside.
    Before(SiteNumber),
}

impl Network {
    pub(crate) fn new(seed: u64, now: Instant) -> Self {
        Self {
            random: Random::new(seed),
            sites: Vec::new(),
            under_way: BTreeMap::new(),
            launched: 0,
            tally: Tally::default(),
            ladder: Ladder::new(seed, now),
        }
    }

    /// Adds a site without hosts.
    pub(crate) fn add_site(&mut self, gateway: Gateway, within: Option<SiteNumber>) -> SiteNumber {
        self.sites.push(Site { gateway, line: Line::default(), hosts: Vec::new(), within });
        self.sites.len() - 1
    }

    /// How many sites there are.
    pub(crate) fn sites(&self) -> usize {
        self.sites.len()
    }

    /// Adds a host to a site, and gives the number that it has there, from 1.
    pub(crate) fn add_host(&mut self, site: SiteNumber, address: impl Fn(u8) -> IpAddr) -> IpAddr {
        let hosts = &mut self.sites[site].hosts;
        let number = u8::try_from(hosts.len() + 1).expect("a site is small");
        let address = address(number);
        hosts.push(address);
        address
    }

    /// The line of a site.
    pub(crate) fn line(&mut self, site: SiteNumber) -> &mut Line {
        &mut self.sites[site].line
    }

    /// The gateway of a site.
    pub(crate) fn gateway(&mut self, site: SiteNumber) -> &mut Gateway {
        &mut self.sites[site].gateway
    }

    /// A host sends.
    pub(crate) fn send(&mut self, now: Instant, datagram: Datagram) {
        self.tally.sent += 1;
        self.ladder.note(now, Rung::Sent, &datagram);
        let home = self.sites.iter().position(|site| site.hosts.contains(&datagram.from.ip()));
        self.launch(now, Hop::Among(home), datagram);
    }

    /// When something next arrives somewhere.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|(at, _)| at.0)
    }

    /// The next datagram that has reached its host, or the open network, by now.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        while let Some(next) = self.under_way.first_entry() {
            if next.key().0 > now {
                break;
            }
            let (hop, mut datagram) = next.remove();
            let outcome = match hop {
                Hop::Among(place) => self.leave(now, place, &mut datagram),
                Hop::Before(site) => self.enter(now, site, &mut datagram),
            };
            match outcome {
                Ok(None) => return Some(datagram),
                Ok(Some(next)) => self.cross(now, next, datagram),
                Err(loss) => self.lose(now, loss, &datagram),
            }
        }
        None
    }

    /// A datagram has reached its host.
    pub(crate) fn arrive(&mut self, now: Instant, datagram: &Datagram) {
        self.tally.arrived += 1;
        self.ladder.note(now, Rung::Arrived, datagram);
    }

    /// Nothing has vanished without a reason, and nothing has come from nowhere.
    pub(crate) fn check(&self) {
        self.tally.check(self.under_way.len() as u64);
    }

    /// A datagram is lost.
    pub(crate) fn lose(&mut self, now: Instant, loss: Loss, datagram: &Datagram) {
        self.tally.lose(loss);
        self.ladder.note(now, Rung::Lost(loss), datagram);
    }

    /// From among hosts: `None` when it is for one of them, or else over which line it goes.
    fn leave(
        &mut self,
        now: Instant,
        place: Option<SiteNumber>,
        datagram: &mut Datagram,
    ) -> Result<Option<Crossing>, Loss> {
        let to = datagram.to.ip();
        if let Some(inner) = self.inner(place, to) {
            return Ok(Some(Crossing::inbound(inner)));
        }
        let Some(number) = place else {
            // A host of a site that is not known as such has a private address.
            let private = self.sites.iter().any(|site| site.hosts.contains(&to));
            return if private { Err(Loss::Unreachable) } else { Ok(None) };
        };
        let site = &mut self.sites[number];
        if site.hosts.contains(&to) {
            return Ok(None);
        }
        let (from, to) = (datagram.from, datagram.to);
        match site.gateway.outbound(now, &mut self.random, from, to)? {
            Way::Out(source) => {
                datagram.from = source;
                let to = Hop::Among(site.within);
                Ok(Some(Crossing { site: number, direction: Direction::Outbound, to }))
            }
            Way::Back(source, destination) => {
                (datagram.from, datagram.to) = (source, destination);
                self.among_hosts(number, destination.ip())
            }
        }
    }

    /// From outside, through a gateway.
    fn enter(
        &mut self,
        now: Instant,
        number: SiteNumber,
        datagram: &mut Datagram,
    ) -> Result<Option<Crossing>, Loss> {
        let site = &mut self.sites[number];
        datagram.to = site.gateway.inbound(now, datagram.from, datagram.to)?;
        let to = datagram.to.ip();
        self.among_hosts(number, to)
    }

    /// Within a site: `None` when it is for a host, which may be the gateway of a site within.
    fn among_hosts(&self, number: SiteNumber, to: IpAddr) -> Result<Option<Crossing>, Loss> {
        match self.inner(Some(number), to) {
            Some(inner) => Ok(Some(Crossing::inbound(inner))),
            None if self.sites[number].hosts.contains(&to) => Ok(None),
            None => Err(Loss::Unreachable),
        }
    }

    /// The site standing there that is known by this address.
    fn inner(&self, place: Option<SiteNumber>, to: IpAddr) -> Option<SiteNumber> {
        self.sites.iter().position(|site| site.within == place && site.is_known_as(to))
    }

    fn cross(&mut self, now: Instant, crossing: Crossing, datagram: Datagram) {
        let line = &mut self.sites[crossing.site].line;
        let delays = line.cross(crossing.direction, &mut self.random);
        if delays.is_empty() {
            return self.lose(now, Loss::Line, &datagram);
        }
        self.tally.doubled += delays.len() as u64 - 1;
        for delay in delays {
            self.launch(now + delay, crossing.to, datagram.clone());
        }
    }

    fn launch(&mut self, at: Instant, hop: Hop, datagram: Datagram) {
        self.launched += 1;
        self.under_way.insert((at, self.launched), (hop, datagram));
    }
}

impl Site {
    /// Whether this is its address, or that of a host of it, for those outside.
    fn is_known_as(&self, ip: IpAddr) -> bool {
        match &self.gateway {
            Gateway::Nat(nat) => nat.is_external(ip),
            Gateway::OneToOne(nat) => nat.is_external(ip),
            Gateway::Open | Gateway::BlocksUdp => self.hosts.contains(&ip),
        }
    }
}

/// A line to be crossed, and where it leads.
struct Crossing {
    site: SiteNumber,
    direction: Direction,
    to: Hop,
}

impl Crossing {
    fn inbound(site: SiteNumber) -> Self {
        Self { site, direction: Direction::Inbound, to: Hop::Before(site) }
    }
}

/// Time on a line unless a test says otherwise.
const LATENCY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
