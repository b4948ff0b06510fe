//! RFC 8489 §14.1: MAPPED-ADDRESS; RFC 8489 §14.2: XOR-MAPPED-ADDRESS;
//! RFC 8656 §18.3: XOR-PEER-ADDRESS; RFC 8656 §18.5: XOR-RELAYED-ADDRESS;
//! RFC 5780 §7.3: RESPONSE-ORIGIN; RFC 5780 §7.4: OTHER-ADDRESS. Attributes of one form, of which
//! some are masked.
//!
//! ```text
//! ┌───────────────┬───────────────┬───────────────────────────────┐
//! │       0       │ family 1 or 2 │ port ^ first half of cookie   │
//! ├───────────────┴───────────────┴───────────────────────────────┤
//! │ IPv4: address ^ cookie        IPv6: address ^ (cookie ‖ ID)   │
//! └───────────────────────────────────────────────────────────────┘
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Attribute, AttributeType, sized};
use crate::error::ParseError;
use crate::header::{MAGIC_COOKIE, TransactionId};

/// The client's transport address as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XorMappedAddress(pub SocketAddr);

/// The transport address of a peer as the server sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XorPeerAddress(pub SocketAddr);

/// The relayed transport address that the server allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XorRelayedAddress(pub SocketAddr);

/// The same as [`XorMappedAddress`], in plain sight of whoever rewrites addresses on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedAddress(pub SocketAddr);

/// The transport address that the response was sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseOrigin(pub SocketAddr);

/// The transport address of the server that differs in both IP address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherAddress(pub SocketAddr);

macro_rules! address {
    ($name:ident, $number:ident, $mask:expr) => {
        impl Attribute<'_> for $name {
            const TYPE: AttributeType = AttributeType::$number;

            #[inline]
            fn decode(value: &[u8], transaction_id: TransactionId) -> Result<Self, ParseError> {
                decode(value, $mask(transaction_id)).map(Self)
            }

            #[inline]
            fn value_len(&self) -> usize {
                if self.0.is_ipv4() { V4_LEN } else { V6_LEN }
            }

            #[inline]
            fn encode(&self, value: &mut [u8], transaction_id: TransactionId) {
                encode(self.0, value, $mask(transaction_id));
            }
        }
    };
}

address!(XorMappedAddress, XOR_MAPPED_ADDRESS, Mask::xor);
address!(XorPeerAddress, XOR_PEER_ADDRESS, Mask::xor);
address!(XorRelayedAddress, XOR_RELAYED_ADDRESS, Mask::xor);
address!(MappedAddress, MAPPED_ADDRESS, Mask::none);
address!(ResponseOrigin, RESPONSE_ORIGIN, Mask::none);
address!(OtherAddress, OTHER_ADDRESS, Mask::none);

/// What port and address are XORed with.
#[derive(Clone, Copy)]
struct Mask {
    /// Its first bytes are those for a port and for an IPv4 address.
    bits: u128,
}

impl Mask {
    #[inline]
    fn xor(TransactionId(id): TransactionId) -> Self {
        let mut mask = [0; 16];
        let (cookie, rest) = mask.split_at_mut(4);
        cookie.copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        rest.copy_from_slice(&id);
        Self { bits: u128::from_be_bytes(mask) }
    }

    #[inline]
    fn none(_: TransactionId) -> Self {
        Self { bits: 0 }
    }

    #[inline]
    fn port(self) -> u16 {
        (self.bits >> 112) as u16
    }

    #[inline]
    fn v4(self) -> u32 {
        (self.bits >> 96) as u32
    }
}

#[inline]
fn decode(value: &[u8], mask: Mask) -> Result<SocketAddr, ParseError> {
    let Some(([_, family, p0, p1], address)) = value.split_first_chunk() else {
        return Err(ParseError::AttributeLength);
    };
    let port = u16::from_be_bytes([*p0, *p1]) ^ mask.port();
    let ip = match *family {
        FAMILY_V4 => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from_be_bytes(sized(address)?) ^ mask.v4()))
        }
        FAMILY_V6 => {
            IpAddr::V6(Ipv6Addr::from_bits(u128::from_be_bytes(sized(address)?) ^ mask.bits))
        }
        _ => return Err(ParseError::UnknownFamily),
    };
    Ok(SocketAddr::new(ip, port))
}

#[inline]
fn encode(address: SocketAddr, value: &mut [u8], mask: Mask) {
    let (front, ip) = value.split_at_mut(4);
    let [p0, p1] = (address.port() ^ mask.port()).to_be_bytes();
    match address.ip() {
        IpAddr::V4(v4) => {
            front.copy_from_slice(&[0, FAMILY_V4, p0, p1]);
            ip.copy_from_slice(&(v4.to_bits() ^ mask.v4()).to_be_bytes());
        }
        IpAddr::V6(v6) => {
            front.copy_from_slice(&[0, FAMILY_V6, p0, p1]);
            ip.copy_from_slice(&(v6.to_bits() ^ mask.bits).to_be_bytes());
        }
    }
}

const FAMILY_V4: u8 = 0x01;
const FAMILY_V6: u8 = 0x02;
const V4_LEN: usize = 8;
const V6_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId(*b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");
    /// RFC 5769 §2.2 and §2.3.
    const V4: (&str, &[u8]) = ("192.0.2.1:32853", b"\x00\x01\xa1\x47\xe1\x12\xa6\x43");
    const V6: (&str, &[u8]) = (
        "[2001:db8:1234:5678:11:2233:4455:6677]:32853",
        b"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9",
    );

    #[test]
    fn addresses_of_both_families_there_and_back() {
        for (text, bytes) in [V4, V6] {
            let address = XorPeerAddress(text.parse().unwrap());
            let mut value = vec![0xFF; address.value_len()];
            address.encode(&mut value, ID);
            assert_eq!(value, bytes);
            assert_eq!(XorPeerAddress::decode(bytes, ID), Ok(address));
        }
    }

    #[test]
    fn what_is_not_masked_is_in_plain_sight() {
        for (text, bytes) in [
            ("192.0.2.1:32853", &b"\x00\x01\x80\x55\xc0\x00\x02\x01"[..]),
            ("[2001:db8::7]:80", b"\x00\x02\x00\x50\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"),
        ] {
            let address = OtherAddress(text.parse().unwrap());
            let mut value = vec![0xFF; address.value_len()];
            address.encode(&mut value, ID);
            assert_eq!(value, bytes);
            assert_eq!(OtherAddress::decode(bytes, ID), Ok(address));
        }
    }

    #[test]
    fn the_first_byte_is_ignored() {
        let bytes = b"\xff\x01\xa1\x47\xe1\x12\xa6\x43";
        assert_eq!(decode(bytes, Mask::xor(ID)), Ok(V4.0.parse().unwrap()));
    }

    #[test]
    fn family_and_length_must_agree() {
        for (value, error) in [
            (&b""[..], ParseError::AttributeLength),
            (b"\x00\x01\xa1", ParseError::AttributeLength),
            (b"\x00\x01\xa1\x47\xe1\x12\xa6", ParseError::AttributeLength),
            (b"\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00", ParseError::AttributeLength),
            (b"\x00\x02\xa1\x47\xe1\x12\xa6\x43", ParseError::AttributeLength),
            (b"\x00\x00\xa1\x47\xe1\x12\xa6\x43", ParseError::UnknownFamily),
            (b"\x00\x03\xa1\x47\xe1\x12\xa6\x43", ParseError::UnknownFamily),
        ] {
            assert_eq!(decode(value, Mask::xor(ID)), Err(error), "{value:02x?}");
        }
    }
}
