//! RFC 8656 §18.10: RESERVATION-TOKEN.

use super::{Attribute, AttributeType, sized};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Names a relayed transport address that is held in reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReservationToken(pub [u8; 8]);

impl Attribute<'_> for ReservationToken {
    const TYPE: AttributeType = AttributeType::RESERVATION_TOKEN;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        sized(value).map(Self)
    }

    fn value_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_8_bytes_long() {
        let token = ReservationToken(*b"a token.");
        for (value, expect) in [
            (&b"a token."[..], Ok(token)),
            (b"a token", Err(ParseError::AttributeLength)),
            (b"a token..", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(ReservationToken::decode(value, TransactionId([0; 12])), expect);
        }
    }
}
