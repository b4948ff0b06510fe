//! RFC 5780 §7.2: CHANGE-REQUEST.
//!
//! ```text
//! ┌─────────────────────────────────────────────────────┬──┬──┬───┐
//! │ 0                                                   │IP│po│ 0 │
//! └─────────────────────────────────────────────────────┴──┴──┴───┘
//! ```

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Asks for an answer from another address of the server than the one that was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeRequest {
    /// The "change IP" flag: from its other IP address.
    pub ip: bool,
    /// The "change port" flag: from its other port.
    pub port: bool,
}

impl Attribute<'_> for ChangeRequest {
    const TYPE: AttributeType = AttributeType::CHANGE_REQUEST;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[_, _, _, flags] = value else { return Err(ParseError::AttributeLength) };
        Ok(Self { ip: flags & IP != 0, port: flags & PORT != 0 })
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        let flag = |set, bit| if set { bit } else { 0 };
        value.copy_from_slice(&[0, 0, 0, flag(self.ip, IP) | flag(self.port, PORT)]);
    }
}

const IP: u8 = 0x04;
const PORT: u8 = 0x02;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn two_bits_there_and_back() {
        for (value, ip, port) in [
            (b"\0\0\0\0", false, false),
            (b"\0\0\0\x02", false, true),
            (b"\0\0\0\x04", true, false),
            (b"\0\0\0\x06", true, true),
        ] {
            let change = ChangeRequest { ip, port };
            let mut written = [0xFF; 4];
            change.encode(&mut written, ID);
            assert_eq!(written, *value);
            assert_eq!(ChangeRequest::decode(value, ID), Ok(change));
        }
    }

    #[test]
    fn the_other_bits_do_not_count_and_the_length_does() {
        let nothing = ChangeRequest::default();
        assert_eq!(ChangeRequest::decode(b"\xff\xff\xff\xf9", ID), Ok(nothing));
        for value in [&b""[..], b"\0\0\x06", b"\0\0\0\x06\0"] {
            assert_eq!(ChangeRequest::decode(value, ID), Err(ParseError::AttributeLength));
        }
    }
}
