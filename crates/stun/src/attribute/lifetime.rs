//! RFC 8656 §18.2: LIFETIME.

use super::{Attribute, AttributeType, sized};
use crate::error::ParseError;
use crate::header::TransactionId;

/// How long the server keeps an allocation that is not refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Time to expiry in seconds; 0 in a Refresh request ends the allocation.
    pub seconds: u32,
}

impl Attribute<'_> for Lifetime {
    const TYPE: AttributeType = AttributeType::LIFETIME;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self { seconds: u32::from_be_bytes(sized(value)?) })
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&self.seconds.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn it_is_32_bits_of_seconds() {
        for (value, expect) in [
            (&b"\0\0\x02\x58"[..], Ok(600)),
            (b"\xff\xff\xff\xff", Ok(u32::MAX)),
            (b"\0\0\x58", Err(ParseError::AttributeLength)),
            (b"\0\0\0\x02\x58", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(Lifetime::decode(value, ID).map(|lifetime| lifetime.seconds), expect);
        }
    }
}
