//! RFC 8656 §18.6: REQUESTED-ADDRESS-FAMILY.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// The family of the relayed transport address that the client asks for. Any number can be read,
/// so that an unsupported one gets its answer (440).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedAddressFamily(pub u8);

impl RequestedAddressFamily {
    /// 0x01
    pub const IPV4: Self = Self(1);
    /// 0x02
    pub const IPV6: Self = Self(2);
}

impl Attribute<'_> for RequestedAddressFamily {
    const TYPE: AttributeType = AttributeType::REQUESTED_ADDRESS_FAMILY;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[family, _, _, _] = value else { return Err(ParseError::AttributeLength) };
        Ok(Self(family))
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&[self.0, 0, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_four_bytes_counts() {
        for (value, expect) in [
            (&b"\x01\0\0\0"[..], Ok(RequestedAddressFamily::IPV4)),
            (b"\x02\x01\x02\x03", Ok(RequestedAddressFamily::IPV6)),
            (b"\0\0\0\0", Ok(RequestedAddressFamily(0))),
            (b"\x01\0\0", Err(ParseError::AttributeLength)),
            (b"\x01\0\0\0\0", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(RequestedAddressFamily::decode(value, TransactionId([0; 12])), expect);
        }
    }
}
