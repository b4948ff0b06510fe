//! RFC 8489 §14.13: UNKNOWN-ATTRIBUTES.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// The comprehension-required attributes that a request had and its receiver does not know, each
/// once, in the order of the request.
///
/// Bounded: the first [`LEN_MAX`](Self::LEN_MAX) say enough, and the list is kept beside the
/// message without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAttributes {
    types: [AttributeType; Self::LEN_MAX],
    len: usize,
}

impl UnknownAttributes {
    /// How many are listed at most.
    pub const LEN_MAX: usize = 16;

    pub(crate) const fn none() -> Self {
        Self { types: [AttributeType(0); Self::LEN_MAX], len: 0 }
    }

    /// Lists `attribute_type`, unless it is there already or the list is full.
    pub(crate) fn note(&mut self, attribute_type: AttributeType) {
        if self.types().contains(&attribute_type) {
            return;
        }
        if let Some(free) = self.types.get_mut(self.len) {
            *free = attribute_type;
            self.len += 1;
        }
    }

    /// Whether there are none: the message can be processed.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The list.
    pub fn types(&self) -> &[AttributeType] {
        self.types.get(..self.len).unwrap_or_default()
    }
}

impl Attribute<'_> for UnknownAttributes {
    const TYPE: AttributeType = AttributeType::UNKNOWN_ATTRIBUTES;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let (types, []) = value.as_chunks() else { return Err(ParseError::AttributeLength) };
        let mut unknown = Self::none();
        types.iter().for_each(|number| unknown.note(AttributeType(u16::from_be_bytes(*number))));
        Ok(unknown)
    }

    fn value_len(&self) -> usize {
        2 * self.len
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        for (number, attribute_type) in value.chunks_exact_mut(2).zip(self.types()) {
            number.copy_from_slice(&attribute_type.0.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn each_type_is_listed_once_up_to_the_limit() {
        let mut unknown = UnknownAttributes::none();
        assert!(unknown.is_empty());
        for number in (0..16).chain(0..16).chain(16..20) {
            unknown.note(AttributeType(number));
        }
        assert_eq!(unknown.types(), (0..16).map(AttributeType).collect::<Vec<_>>());
        assert_eq!(unknown.value_len(), 32);
    }

    #[test]
    fn a_list_there_and_back() {
        let value = b"\0\x1e\0\x1d\0\x1c";
        let unknown = UnknownAttributes::decode(value, ID).unwrap();
        assert_eq!(unknown.types(), [0x1e, 0x1d, 0x1c].map(AttributeType));
        let mut written = [0xFF; 6];
        unknown.encode(&mut written, ID);
        assert_eq!(written, *value);
        assert!(UnknownAttributes::decode(b"", ID).unwrap().is_empty());
        assert_eq!(UnknownAttributes::decode(b"\0\x1e\0", ID), Err(ParseError::AttributeLength));
    }
}
