//! RFC 6062 §6.2.1: CONNECTION-ID.

use super::{Attribute, AttributeType, sized};
use crate::error::ParseError;
use crate::header::TransactionId;

/// "uniquely identifies a peer data connection. It is a 32-bit unsigned integral value."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

impl Attribute<'_> for ConnectionId {
    const TYPE: AttributeType = AttributeType::CONNECTION_ID;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self(u32::from_be_bytes(sized(value)?)))
    }

    fn value_len(&self) -> usize {
        size_of::<u32>()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&self.0.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_four_bytes_in_network_order() {
        for (value, expect) in [
            (&b"\x01\x02\x03\x04"[..], Ok(ConnectionId(0x0102_0304))),
            (b"\xff\xff\xff\xff", Ok(ConnectionId(u32::MAX))),
            (b"\x01\x02\x03", Err(ParseError::AttributeLength)),
            (b"\x01\x02\x03\x04\x05", Err(ParseError::AttributeLength)),
        ] {
            let found = ConnectionId::decode(value, TransactionId([0; 12]));
            assert_eq!(found, expect);
            if let Ok(id) = found {
                let mut written = [0; 4];
                id.encode(&mut written, TransactionId([0; 12]));
                assert_eq!(&written, value);
            }
        }
    }
}
