//! RFC 5780 §7.6: PADDING.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Makes the message so much longer, in order that it be cut into fragments on its way. What is in
/// it "does not matter": it is written as zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Length of the value in bytes.
    pub len: usize,
}

impl Attribute<'_> for Padding {
    const TYPE: AttributeType = AttributeType::PADDING;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self { len: value.len() })
    }

    fn value_len(&self) -> usize {
        self.len
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_length_counts() {
        let id = TransactionId([0; 12]);
        for value in [&b""[..], b"x", b"whatever"] {
            let padding = Padding { len: value.len() };
            assert_eq!(Padding::decode(value, id), Ok(padding));
            let mut written = vec![0xFF; padding.value_len()];
            padding.encode(&mut written, id);
            assert_eq!(written, vec![0; value.len()]);
        }
    }
}
