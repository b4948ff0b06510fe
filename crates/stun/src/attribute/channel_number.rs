//! RFC 8656 §18.1: CHANNEL-NUMBER.

use super::{Attribute, AttributeType};
use crate::channel_data::ChannelNumber;
use crate::error::ParseError;
use crate::header::TransactionId;

/// Carries any number: whether a channel may have it is [`ChannelNumber::is_allowed`]'s to say, and
/// a ChannelBind request with a wrong one gets an answer (RFC 8656 §12.2).
impl Attribute<'_> for ChannelNumber {
    const TYPE: AttributeType = AttributeType::CHANNEL_NUMBER;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[n0, n1, _, _] = value else { return Err(ParseError::AttributeLength) };
        Ok(Self(u16::from_be_bytes([n0, n1])))
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        let [n0, n1] = self.0.to_be_bytes();
        value.copy_from_slice(&[n0, n1, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn what_is_reserved_is_ignored_and_written_as_zero() {
        assert_eq!(ChannelNumber::decode(b"\x40\x01\xff\xff", ID), Ok(ChannelNumber(0x4001)));
        let mut value = [0xFF; 4];
        ChannelNumber(0x4001).encode(&mut value, ID);
        assert_eq!(value, *b"\x40\x01\0\0");
    }

    #[test]
    fn it_is_four_bytes_long() {
        for value in [&b"\x40\x01"[..], b"\x40\x01\0", b"\x40\x01\0\0\0"] {
            assert_eq!(ChannelNumber::decode(value, ID), Err(ParseError::AttributeLength));
        }
    }
}
