//! RFC 4632 §3.1: Basic Concept and Prefix Notation. A range of IP addresses as configuration
//! writes it, and the question whether an address lies in it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address, `192.0.2.1`.
///
/// Compared as a number under a mask and never byte by byte: the two differ as soon as a prefix
/// ends inside a byte or a range spans several.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The range of `prefix` leading bits of an IPv4 address; for tables known at compile time.
    pub(crate) const fn v4(octets: [u8; 4], prefix: u8) -> Self {
        let [a, b, c, d] = octets;
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    /// The range of `prefix` leading bits of an IPv6 address; for tables known at compile time.
    pub(crate) const fn v6(network: u128, prefix: u8) -> Self {
        Self { network: IpAddr::V6(Ipv6Addr::from_bits(network)), prefix }
    }

    /// Whether `ip` lies in the range. An address of the other family never does.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                (network.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                (network.to_bits() ^ ip.to_bits()).leading_zeros() >= u32::from(self.prefix)
            }
            _ => false,
        }
    }

    /// The one address this range consists of, if it is one: `/32` or `/128`.
    pub(crate) fn exact(&self) -> Option<IpAddr> {
        (self.prefix == width(self.network)).then_some(self.network)
    }

    /// The range with the bits behind its prefix cleared.
    fn trimmed(self) -> Self {
        let network = match self.network {
            IpAddr::V4(ip) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
        };
        Self { network, ..self }
    }
}

impl From<IpAddr> for Cidr {
    fn from(ip: IpAddr) -> Self {
        Self { network: ip, prefix: width(ip) }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let Some(prefix) = prefix else { return Ok(network.into()) };
        // `u8::from_str` also takes "+8".
        let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= width(network));
        let prefix = prefix.ok_or(CidrError::Prefix { max: width(network) })?;
        let range = Self { network, prefix };
        let trimmed = range.trimmed();
        if trimmed != range {
            return Err(CidrError::HostBits { meant: trimmed });
        }
        Ok(range)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidrError {
    /// What stands before the slash is no IP address.
    Address,
    /// What stands behind the slash is no number from 0 to `max`.
    Prefix {
        /// 32 for IPv4, 128 for IPv6.
        max: u8,
    },
    /// Bits behind the prefix are set, so it is not clear whether one address or the range is
    /// meant.
    HostBits {
        /// The range that contains the address.
        meant: Cidr,
    },
}

impl fmt::Display for CidrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => write!(f, "not an IP address or range such as 10.0.0.0/8"),
            Self::Prefix { max } => write!(f, "the prefix is a number from 0 to {max}"),
            Self::HostBits { meant } => {
                write!(f, "bits behind the prefix are set; the range is {meant}")
            }
        }
    }
}

impl std::error::Error for CidrError {}

/// Bits in an address of the family of `ip`.
fn width(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        for (text, written) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.1", "192.0.2.1/32"),
            ("::/0", "::/0"),
            ("2001:db8::/33", "2001:db8::/33"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(text.parse::<Cidr>().map(|range| range.to_string()), Ok(written.into()));
        }
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_reason() {
        let meant = |text: &str| CidrError::HostBits { meant: text.parse().unwrap() };
        for (text, error) in [
            ("10.0.0.0/33", CidrError::Prefix { max: 32 }),
            ("::/129", CidrError::Prefix { max: 128 }),
            ("10.0.0.0/", CidrError::Prefix { max: 32 }),
            ("10.0.0.0/+8", CidrError::Prefix { max: 32 }),
            ("10.0.0.0/-1", CidrError::Prefix { max: 32 }),
            ("10.0.0.0/8/8", CidrError::Prefix { max: 32 }),
            ("10.0.0/8", CidrError::Address),
            ("010.0.0.0/8", CidrError::Address),
            (" 10.0.0.0/8", CidrError::Address),
            ("example.org", CidrError::Address),
            ("", CidrError::Address),
            ("10.0.0.1/8", meant("10.0.0.0/8")),
            ("2001:db8::1/32", meant("2001:db8::/32")),
            ("1.2.3.4/0", meant("0.0.0.0/0")),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(error), "{text}");
        }
    }

    #[test]
    fn membership_is_a_matter_of_leading_bits() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "255.255.255.255", "::"),
            ("fc00::/7", "fdff:ffff::1", "fe00::"),
            ("2001::/23", "2001:1ff:ffff::", "2001:200::"),
            ("::/0", "ffff::", "0.0.0.0"),
        ] {
            let cidr: Cidr = range.parse().unwrap();
            assert!(cidr.contains(inside.parse().unwrap()), "{range} contains {inside}");
            assert!(!cidr.contains(outside.parse().unwrap()), "{range} lacks {outside}");
        }
    }
}
