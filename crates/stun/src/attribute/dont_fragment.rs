//! RFC 8656 §18.9: DONT-FRAGMENT.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Asks for the DF bit towards the peer; in an Allocate request, whether the server can set it. It
/// has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DontFragment;

impl Attribute<'_> for DontFragment {
    const TYPE: AttributeType = AttributeType::DONT_FRAGMENT;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        if value.is_empty() { Ok(Self) } else { Err(ParseError::AttributeLength) }
    }

    fn value_len(&self) -> usize {
        0
    }

    fn encode(&self, _: &mut [u8], _: TransactionId) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_no_value() {
        let id = TransactionId([0; 12]);
        assert_eq!(DontFragment::decode(b"", id), Ok(DontFragment));
        assert_eq!(DontFragment::decode(b"\0\0\0\0", id), Err(ParseError::AttributeLength));
    }
}
