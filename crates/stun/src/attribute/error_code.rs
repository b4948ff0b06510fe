//! RFC 8489 §14.8: ERROR-CODE; RFC 8656 §19: STUN Error Response Codes; RFC 6062 §6.3: New STUN
//! Error Codes.
//!
//! ```text
//! ┌───────────────────────────────────────┬─────┬─────────────────┐
//! │              reserved, 0              │class│ number, 0..=99  │
//! ├───────────────────────────────────────┴─────┴─────────────────┤
//! │ reason phrase: ignored when read, left out when written       │
//! └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! The phrase would tell a person nothing that the number does not, and every byte of an answer to
//! an unauthenticated request is a byte of amplification.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Why a request was refused: 300 to 699. A code that is not listed here keeps its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(u16);

impl ErrorCode {
    /// 400 (Bad Request)
    pub const BAD_REQUEST: Self = Self(400);
    /// 401 (Unauthenticated)
    pub const UNAUTHENTICATED: Self = Self(401);
    /// 403 (Forbidden)
    pub const FORBIDDEN: Self = Self(403);
    /// 420 (Unknown Attribute)
    pub const UNKNOWN_ATTRIBUTE: Self = Self(420);
    /// 437 (Allocation Mismatch)
    pub const ALLOCATION_MISMATCH: Self = Self(437);
    /// 438 (Stale Nonce)
    pub const STALE_NONCE: Self = Self(438);
    /// 440 (Address Family not Supported)
    pub const ADDRESS_FAMILY_NOT_SUPPORTED: Self = Self(440);
    /// 441 (Wrong Credentials)
    pub const WRONG_CREDENTIALS: Self = Self(441);
    /// 442 (Unsupported Transport Protocol)
    pub const UNSUPPORTED_TRANSPORT_PROTOCOL: Self = Self(442);
    /// 443 (Peer Address Family Mismatch)
    pub const PEER_ADDRESS_FAMILY_MISMATCH: Self = Self(443);
    /// 446 (Connection Already Exists)
    pub const CONNECTION_ALREADY_EXISTS: Self = Self(446);
    /// 447 (Connection Timeout or Failure)
    pub const CONNECTION_TIMEOUT_OR_FAILURE: Self = Self(447);
    /// 486 (Allocation Quota Reached)
    pub const ALLOCATION_QUOTA_REACHED: Self = Self(486);
    /// 500 (Server Error)
    pub const SERVER_ERROR: Self = Self(500);
    /// 508 (Insufficient Capacity)
    pub const INSUFFICIENT_CAPACITY: Self = Self(508);

    /// The code as people know it: 401.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl Attribute<'_> for ErrorCode {
    const TYPE: AttributeType = AttributeType::ERROR_CODE;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[_, _, class, number, ..] = value else { return Err(ParseError::AttributeLength) };
        match (class & 0b111, number) {
            (class @ 3..=6, number @ 0..=99) => {
                Ok(Self(u16::from(class) * 100 + u16::from(number)))
            }
            _ => Err(ParseError::ErrorCodeRange),
        }
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&[0, 0, (self.0 / 100) as u8, (self.0 % 100) as u8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn class_and_number_make_the_code() {
        for (value, expect) in [
            (&b"\0\0\x04\x01Unauthorized"[..], Ok(401)),
            (b"\xff\xff\xfc\x25", Ok(437)),
            (b"\0\0\x03\0", Ok(300)),
            (b"\0\0\x06\x63", Ok(699)),
            (b"\0\0\x02\x63", Err(ParseError::ErrorCodeRange)),
            (b"\0\0\x07\0", Err(ParseError::ErrorCodeRange)),
            (b"\0\0\x04\x64", Err(ParseError::ErrorCodeRange)),
            (b"\0\0\x04", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(ErrorCode::decode(value, ID).map(ErrorCode::number), expect);
        }
    }

    #[test]
    fn it_is_written_without_a_reason_phrase() {
        let mut value = [0xFF; 4];
        assert_eq!(ErrorCode::INSUFFICIENT_CAPACITY.value_len(), value.len());
        ErrorCode::INSUFFICIENT_CAPACITY.encode(&mut value, ID);
        assert_eq!(value, *b"\0\0\x05\x08");
    }
}
