//! What an operator decides about sockets and threads.

use std::fmt;
use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::str::FromStr;

use crate::start_error::StartError;

/// The settings of [`Workers::start`](crate::Workers::start).
#[derive(Clone)]
pub struct Settings {
    /// UDP addresses to serve clients on. Port 0 takes any free port. May be empty: clients over
    /// streams come through [`Workers::handover`](crate::Workers::handover).
    pub listen: Vec<SocketAddr>,
    /// A second port, so that clients can compare what each of the two sees.
    pub second_port: SecondPort,
    /// RFC 5780: two addresses of this host, of one family; another two of the other family, if
    /// wanted. They are served with the first and the second port, listed or not.
    pub nat_discovery: Vec<[RelayAddress; 2]>,
    /// Addresses on which relayed transport addresses are opened. None: STUN only.
    pub relay_addresses: Vec<RelayAddress>,
    /// Ports of the relayed transport addresses, on each of the relay addresses.
    pub relay_ports: PortRange,
    /// Worker threads; 0: one for each core this process may run on.
    pub workers: usize,
    /// Allocations of all users on all workers together, beyond which Allocate is answered 486;
    /// 0 means no limit.
    pub allocations_total: u32,
    /// Descriptors that the workers may have open together: what they need themselves, relay
    /// sockets, and connections of clients. Beyond it Allocate is answered 508, and a connection
    /// is closed.
    pub descriptors: u32,
    /// The protocol's part. `limits.allocations_per_user` counts on all workers together; 0 means
    /// no limit. To `peers`, [`Workers::start`](crate::Workers::start) adds what it knows best: the
    /// UDP listeners, the relay addresses and this host's addresses; and it says in `nat_discovery`
    /// which ports there are.
    pub turn: kopru_turn::Settings,
}

impl Settings {
    /// What can be said without touching a socket.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if self.workers > WORKERS_MAX {
            return Err(StartError::TooManyWorkers { asked: self.workers, limit: WORKERS_MAX });
        }
        for (index, &address) in self.listen.iter().enumerate() {
            let earlier = &self.listen[..index];
            if let Some(&other) = earlier.iter().find(|other| overlap(**other, address)) {
                return Err(StartError::ListenOverlap { address, other });
            }
        }
        if let (Some(&first), SecondPort::Port(port)) = (self.listen.first(), self.second_port)
            && port == first.port()
            && port != 0
        {
            return Err(StartError::ListenOverlap { address: first, other: first });
        }
        for pair in &self.nat_discovery {
            pair.iter().try_for_each(|address| address.check())?;
            let [first, second] = pair;
            let same = first.bound == second.bound || first.advertised == second.advertised;
            if same || first.bound.is_ipv4() != second.bound.is_ipv4() {
                return Err(StartError::NatDiscoveryPair(*pair));
            }
        }
        for (index, &address) in self.relay_addresses.iter().enumerate() {
            address.check()?;
            let same = |other: &RelayAddress| {
                other.advertised == address.advertised || other.bound == address.bound
            };
            if self.relay_addresses[..index].iter().any(same) {
                return Err(StartError::RelayAddressTwice(address));
            }
        }
        Ok(())
    }
}

/// A second UDP port at every address that has the first one (the port of the first address in
/// [`Settings::listen`]). A client that sends a Binding request to each port, from one socket,
/// learns from the two answers whether its mapping depends on the port it sends to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondPort {
    /// There is none.
    #[default]
    None,
    /// The one above the first. If it is taken there is none, which
    /// [`Workers::second_port_refused`](crate::Workers::second_port_refused) tells; with NAT
    /// discovery that is an error.
    NextIfFree,
    /// This one, or an error. Port 0 takes any free port.
    Port(u16),
}

/// An address on which relayed transport addresses are opened; also one of NAT discovery.
///
/// The two differ behind a 1:1 NAT, as clouds have it: peers send to the public address, the
/// socket has the private one. Written `public=private`, or as one address when they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    /// What clients and peers are told.
    pub advertised: IpAddr,
    /// What the sockets are bound to: an address of this host, never a wildcard.
    pub bound: IpAddr,
}

impl RelayAddress {
    fn check(self) -> Result<(), StartError> {
        if self.advertised.is_unspecified() || self.bound.is_unspecified() {
            return Err(StartError::RelayAddressUnspecified(self));
        }
        if self.advertised.is_ipv4() != self.bound.is_ipv4() {
            return Err(StartError::RelayAddressFamilies(self));
        }
        Ok(())
    }
}

impl From<IpAddr> for RelayAddress {
    fn from(ip: IpAddr) -> Self {
        Self { advertised: ip, bound: ip }
    }
}

impl FromStr for RelayAddress {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let (advertised, bound) = text.split_once('=').unwrap_or((text, text));
        Ok(Self { advertised: advertised.trim().parse()?, bound: bound.trim().parse()? })
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.advertised == self.bound {
            write!(f, "{}", self.bound)
        } else {
            write!(f, "{}={}", self.advertised, self.bound)
        }
    }
}

/// Ports from a first to a last, both included, none of them 0. Written `49152-65535`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// RFC 8656 §7.2: relayed transport addresses come from the dynamic ports, 49152 to 65535.
    pub const DYNAMIC: Self = Self { first: 49_152, last: u16::MAX };

    /// The ports from `first` to `last`.
    ///
    /// # Errors
    /// When `first` is 0 or above `last`.
    pub fn new(first: u16, last: u16) -> Result<Self, PortRangeError> {
        match first {
            0 => Err(PortRangeError::Zero),
            _ if first > last => Err(PortRangeError::Backwards { first, last }),
            _ => Ok(Self { first, last }),
        }
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let (first, last) = text.split_once('-').ok_or(PortRangeError::Syntax)?;
        let port = |text: &str| text.trim().parse().map_err(|_| PortRangeError::Syntax);
        Self::new(port(first)?, port(last)?)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Why something is not a port range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortRangeError {
    /// Not two numbers up to 65535 with a dash between them.
    Syntax,
    /// Port 0 is no port.
    Zero,
    /// The first is above the last.
    Backwards {
        /// The port before the dash.
        first: u16,
        /// The port behind the dash.
        last: u16,
    },
}

impl fmt::Display for PortRangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("a port range is FIRST-LAST, such as 49152-65535"),
            Self::Zero => f.write_str("a port range can't begin with port 0"),
            Self::Backwards { first, last } => {
                write!(f, "the port range runs backwards, from {first} to {last}")
            }
        }
    }
}

impl std::error::Error for PortRangeError {}

/// Whether two sockets could not have these addresses at the same time.
pub(crate) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let same_ip = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() == b.port() && a.port() != 0 && a.is_ipv4() == b.is_ipv4() && same_ip
}

/// More threads than any machine has cores; each has 2 MiB of buffers.
const WORKERS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_ranges_are_read_strictly_and_written_back() {
        for (text, expect) in [
            ("49152-65535", Ok(PortRange::DYNAMIC)),
            ("7-7", Ok(PortRange { first: 7, last: 7 })),
            ("0-7", Err(PortRangeError::Zero)),
            ("8-7", Err(PortRangeError::Backwards { first: 8, last: 7 })),
            ("7", Err(PortRangeError::Syntax)),
            ("7-65536", Err(PortRangeError::Syntax)),
            ("7-8-9", Err(PortRangeError::Syntax)),
            ("", Err(PortRangeError::Syntax)),
        ] {
            assert_eq!(text.parse::<PortRange>(), expect, "{text}");
            if let Ok(range) = expect {
                assert_eq!(range.to_string(), text);
            }
        }
    }

    #[test]
    fn relay_addresses_are_read_and_written_back() {
        for (text, advertised, bound) in [
            ("203.0.113.7", "203.0.113.7", "203.0.113.7"),
            ("203.0.113.7=10.0.0.7", "203.0.113.7", "10.0.0.7"),
            ("2001:db8::7=fd00::7", "2001:db8::7", "fd00::7"),
        ] {
            let address: RelayAddress = text.parse().unwrap();
            let [advertised, bound] = [advertised, bound].map(|ip| ip.parse().unwrap());
            assert_eq!(address, RelayAddress { advertised, bound });
            assert_eq!(address.to_string(), text);
        }
        for text in ["", "=", "203.0.113.7=", "turn.example.org", "203.0.113.7:1"] {
            assert!(text.parse::<RelayAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_overlap_on_the_same_port_of_the_same_family() {
        for (a, b, expect) in [
            ("0.0.0.0:3478", "192.0.2.1:3478", true),
            ("192.0.2.1:3478", "0.0.0.0:3478", true),
            ("192.0.2.1:3478", "192.0.2.1:3478", true),
            ("192.0.2.1:3478", "192.0.2.2:3478", false),
            ("0.0.0.0:3478", "0.0.0.0:3479", false),
            ("0.0.0.0:3478", "[::]:3478", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            assert_eq!(overlap(a.parse().unwrap(), b.parse().unwrap()), expect, "{a} {b}");
        }
    }
}
