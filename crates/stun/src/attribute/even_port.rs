//! RFC 8656 §18.7: EVEN-PORT.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Asks for an even port in the relayed transport address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvenPort {
    /// The R bit: reserve the next-higher port as well.
    pub reserve_next: bool,
}

impl Attribute<'_> for EvenPort {
    const TYPE: AttributeType = AttributeType::EVEN_PORT;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[flags] = value else { return Err(ParseError::AttributeLength) };
        Ok(Self { reserve_next: flags & R != 0 })
    }

    fn value_len(&self) -> usize {
        1
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&[if self.reserve_next { R } else { 0 }]);
    }
}

/// The other seven bits are reserved, "set to zero on transmission and ignored on reception".
const R: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_bit_counts() {
        for (value, expect) in [
            (&b"\x00"[..], Ok(EvenPort { reserve_next: false })),
            (b"\x7f", Ok(EvenPort { reserve_next: false })),
            (b"\x80", Ok(EvenPort { reserve_next: true })),
            (b"", Err(ParseError::AttributeLength)),
            (b"\x80\0\0\0", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(EvenPort::decode(value, TransactionId([0; 12])), expect);
        }
    }
}
