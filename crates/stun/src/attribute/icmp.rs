//! RFC 8656 §18.13: ICMP.
//!
//! ```text
//! ┌───────────────────────────────┬───────────────┬───────────────┐
//! │ reserved, 0                   │ ICMP type     │ ICMP code     │
//! ├───────────────────────────────┴───────────────┴───────────────┤
//! │ error data: the MTU of the next hop, or 0                     │
//! └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! The figure of the RFC draws a type of 7 bits and a code of 9. In ICMP both have 8.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Why a datagram to a peer was dropped on its way. Of ICMPv4 or ICMPv6: as XOR-PEER-ADDRESS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// The type field of the ICMP packet.
    pub icmp_type: u8,
    /// Its code field.
    pub code: u8,
    /// The MTU of the next hop in bytes where the datagram was too big for it, else 0.
    pub error_data: u32,
}

impl Attribute<'_> for Icmp {
    const TYPE: AttributeType = AttributeType::ICMP;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[_, _, icmp_type, code, d0, d1, d2, d3] = value else {
            return Err(ParseError::AttributeLength);
        };
        Ok(Self { icmp_type, code, error_data: u32::from_be_bytes([d0, d1, d2, d3]) })
    }

    fn value_len(&self) -> usize {
        8
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        let [d0, d1, d2, d3] = self.error_data.to_be_bytes();
        value.copy_from_slice(&[0, 0, self.icmp_type, self.code, d0, d1, d2, d3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn the_reserved_half_is_not_read() {
        let icmp = Icmp { icmp_type: 3, code: 4, error_data: 1400 };
        let mut value = [0xFF; 8];
        icmp.encode(&mut value, ID);
        assert_eq!(value, *b"\0\0\x03\x04\0\0\x05\x78");
        for (value, expect) in [
            (&value[..], Ok(icmp)),
            (b"\xff\xff\x03\x04\0\0\x05\x78", Ok(icmp)),
            (b"\0\0\x03\x04", Err(ParseError::AttributeLength)),
            (b"\0\0\x03\x04\0\0\x05\x78\0\0\0\0", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(Icmp::decode(value, ID), expect);
        }
    }
}
