//! Why the workers did not start. Each variant is a sentence an operator can act on.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::settings::RelayAddress;

/// Why [`Workers::start`](crate::Workers::start) refused.
#[derive(Debug)]
pub enum StartError {
    /// Two listen addresses that can't both have a socket.
    ListenOverlap {
        /// The later of the two.
        address: SocketAddr,
        /// The earlier of the two.
        other: SocketAddr,
    },
    /// Somebody else has the port.
    AddressInUse(SocketAddr),
    /// The system refuses a listen address.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What it says.
        error: io::Error,
    },
    /// A relay address, or what it is bound to, is a wildcard.
    RelayAddressUnspecified(RelayAddress),
    /// A relay address of one family is bound to an address of the other.
    RelayAddressFamilies(RelayAddress),
    /// A relay address, or what it is bound to, was given before.
    RelayAddressTwice(RelayAddress),
    /// The system refuses to bind a relay address.
    RelayAddress {
        /// The address.
        address: RelayAddress,
        /// What it says.
        error: io::Error,
    },
    /// The second port can't be had.
    SecondPort(Box<StartError>),
    /// An address of NAT discovery can't have both ports.
    NatDiscovery(Box<StartError>),
    /// Two addresses that can't serve NAT discovery together.
    NatDiscoveryPair([RelayAddress; 2]),
    /// The system refuses to bind an address of NAT discovery.
    NatDiscoveryAddress {
        /// The address.
        address: RelayAddress,
        /// What it says.
        error: io::Error,
    },
    /// NAT discovery without a UDP address to listen on, or without a second port.
    NoSecondPort,
    /// More worker threads than make sense.
    TooManyWorkers {
        /// How many were asked for.
        asked: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The system refuses something that every relay needs.
    System {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        error: io::Error,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListenOverlap { address, other } => {
                write!(f, "udp:{address} overlaps udp:{other}: one of the two is enough")
            }
            Self::AddressInUse(address) => {
                write!(f, "udp:{address} is already in use by another process")
            }
            Self::Listen { address, error } => write!(f, "can't listen on udp:{address}: {error}"),
            Self::RelayAddressUnspecified(address) => {
                write!(f, "relay address {address}: a wildcard can't be told to a peer")
            }
            Self::RelayAddressFamilies(address) => {
                write!(f, "relay address {address}: one side is IPv4 and the other IPv6")
            }
            Self::RelayAddressTwice(address) => {
                write!(f, "relay address {address} is given twice")
            }
            Self::RelayAddress { address, error } => {
                write!(f, "relay address {address}: can't open a socket on {}", address.bound)?;
                write!(f, ": {error}")
            }
            Self::SecondPort(why) | Self::NatDiscovery(why) => why.fmt(f),
            Self::NatDiscoveryPair([first, second]) => {
                write!(f, "NAT discovery at {first} and {second}: ")?;
                f.write_str("two different addresses of one family are needed")
            }
            Self::NatDiscoveryAddress { address, error } => {
                write!(f, "NAT discovery at {address}: can't open a socket on ")?;
                write!(f, "{}: {error}", address.bound)
            }
            Self::NoSecondPort => {
                f.write_str("NAT discovery needs a UDP address to listen on and a second port")
            }
            Self::TooManyWorkers { asked, limit } => {
                write!(f, "{asked} workers are too many, {limit} is the limit")
            }
            Self::System { what, error } => write!(f, "can't {what}: {error}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { error, .. }
            | Self::RelayAddress { error, .. }
            | Self::NatDiscoveryAddress { error, .. }
            | Self::System { error, .. } => Some(error),
            Self::SecondPort(why) | Self::NatDiscovery(why) => Some(why),
            _ => None,
        }
    }
}
