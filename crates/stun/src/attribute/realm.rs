//! RFC 8489 §14.9: REALM.

use super::{Attribute, AttributeType, text};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Within which the user name means something; without the quotes that SIP puts around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realm<'a>(pub &'a str);

impl<'a> Attribute<'a> for Realm<'a> {
    const TYPE: AttributeType = AttributeType::REALM;

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
