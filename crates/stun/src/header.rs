//! RFC 8489 §5: STUN Message Structure. The 20 bytes in front of the attributes.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! ┌───┬───────────────────────────┬───────────────────────────────┐
//! │0 0│     message type (14)     │  message length, header not   │
//! │   │                           │  counted, a multiple of four  │
//! ├───┴───────────────────────────┴───────────────────────────────┤
//! │                    magic cookie 0x2112A442                    │
//! ├───────────────────────────────────────────────────────────────┤
//! │                    transaction ID (96 bits)                   │
//! └───────────────────────────────────────────────────────────────┘
//! ```

use crate::error::ParseError;
use crate::method::MessageType;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 20;

/// The fixed value in bytes 4 to 7 of every message.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// "A 96-bit identifier, used to uniquely identify STUN transactions": chosen by whoever sends the
/// request, echoed in the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

/// The header of a message whose bytes agree with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) message_type: MessageType,
    pub(crate) transaction_id: TransactionId,
}

impl Header {
    /// Reads the header of `message` and checks all that §6.3 asks of it, the length included:
    /// exactly as long as the header says, or it is no message.
    #[inline]
    pub(crate) fn read(message: &[u8]) -> Result<Self, ParseError> {
        let Some((header, attributes)) = message.split_first_chunk::<HEADER_LEN>() else {
            return Err(ParseError::TooShort);
        };
        let [t0, t1, l0, l1, c0, c1, c2, c3, transaction_id @ ..] = *header;
        let message_type = u16::from_be_bytes([t0, t1]);
        let Some(message_type) = MessageType::from_bits(message_type) else {
            return Err(ParseError::NotStun);
        };
        if u32::from_be_bytes([c0, c1, c2, c3]) != MAGIC_COOKIE {
            return Err(ParseError::WrongCookie);
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if length != attributes.len() || !length.is_multiple_of(4) {
            return Err(ParseError::WrongLength);
        }
        Ok(Self { message_type, transaction_id: TransactionId(transaction_id) })
    }

    /// The header as bytes, in front of `length` bytes of attributes.
    pub(crate) fn to_bytes(self, length: u16) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..2].copy_from_slice(&self.message_type.bits().to_be_bytes());
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes[8..].copy_from_slice(&self.transaction_id.0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::{Class, Method};

    const BINDING_REQUEST: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";

    fn changed(at: usize, to: u8) -> [u8; 20] {
        let mut bytes = BINDING_REQUEST;
        bytes[at] = to;
        bytes
    }

    #[test]
    fn what_is_read_is_what_is_written() {
        let header = Header::read(&BINDING_REQUEST).unwrap();
        assert_eq!(header.message_type, MessageType::new(Method::BINDING, Class::Request));
        assert_eq!(header.transaction_id, TransactionId(*b"abcdefghijkl"));
        assert_eq!(header.to_bytes(0), BINDING_REQUEST);
    }

    #[test]
    fn every_field_is_checked() {
        for (bytes, error) in [
            (&BINDING_REQUEST[..19], ParseError::TooShort),
            (&[], ParseError::TooShort),
            (&changed(0, 0x40), ParseError::NotStun),
            (&changed(0, 0x80), ParseError::NotStun),
            (&changed(4, 0x20), ParseError::WrongCookie),
            (&changed(7, 0x43), ParseError::WrongCookie),
            (&changed(3, 4), ParseError::WrongLength),
            (&[&BINDING_REQUEST[..], &[0; 4]].concat(), ParseError::WrongLength),
            (&[&changed(3, 2)[..], &[0; 2]].concat(), ParseError::WrongLength),
        ] {
            assert_eq!(Header::read(bytes), Err(error), "{bytes:02x?}");
        }
    }
}
