//! RFC 8489 §14.3: USERNAME.

use super::{Attribute, AttributeType, text};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Whose credentials the message is protected with. May be sent with up to
/// [`TEXT_LEN_MAX`](super::TEXT_LEN_MAX) bytes, as REALM and NONCE may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Username<'a>(pub &'a str);

impl<'a> Attribute<'a> for Username<'a> {
    const TYPE: AttributeType = AttributeType::USERNAME;

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
