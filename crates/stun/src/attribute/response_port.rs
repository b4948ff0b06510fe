//! RFC 5780 §7.5: RESPONSE-PORT.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// The port of the client that the response is to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponsePort(pub u16);

impl Attribute<'_> for ResponsePort {
    const TYPE: AttributeType = AttributeType::RESPONSE_PORT;

    /// The value has two bytes and two of padding, which some count as part of it.
    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        match *value {
            [p0, p1] | [p0, p1, _, _] => Ok(Self(u16::from_be_bytes([p0, p1]))),
            _ => Err(ParseError::AttributeLength),
        }
    }

    fn value_len(&self) -> usize {
        2
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&self.0.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn a_port_with_its_padding_counted_or_not() {
        for (value, expect) in [
            (&b"\x80\x55"[..], Ok(ResponsePort(32_853))),
            (b"\x80\x55\xff\xff", Ok(ResponsePort(32_853))),
            (b"\0\0", Ok(ResponsePort(0))),
            (b"\x80", Err(ParseError::AttributeLength)),
            (b"\0\0\x80\x55\0", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(ResponsePort::decode(value, ID), expect);
        }
        let mut written = [0xFF; 2];
        ResponsePort(32_853).encode(&mut written, ID);
        assert_eq!(written, *b"\x80\x55");
    }
}
