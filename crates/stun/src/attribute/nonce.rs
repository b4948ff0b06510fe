//! RFC 8489 §14.10: NONCE.

use super::{Attribute, AttributeType, text};
use crate::error::ParseError;
use crate::header::TransactionId;

/// What the server wants to see again, to know that the request is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce<'a>(pub &'a str);

impl<'a> Attribute<'a> for Nonce<'a> {
    const TYPE: AttributeType = AttributeType::NONCE;

    fn decode(value: &'a [u8], _: TransactionId) -> Result<Self, ParseError> {
        text::decode(value).map(Self)
    }

    fn value_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(self.0.as_bytes());
    }
}
