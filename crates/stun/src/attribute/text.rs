//! RFC 8489 §14.3: USERNAME; RFC 8489 §14.9: REALM; RFC 8489 §14.10: NONCE.
//! What the three have in common: they are text.

use crate::error::ParseError;

/// How many bytes of text an attribute may be sent with: "fewer than 509 bytes".
pub const TEXT_LEN_MAX: usize = 508;

/// Makes `$name`, a tuple struct around a `&str`, the attribute `$number`.
macro_rules! text_attribute {
    ($name:ident, $number:ident) => {
        impl<'a> crate::attribute::Attribute<'a> for $name<'a> {
            const TYPE: crate::attribute::AttributeType = crate::attribute::AttributeType::$number;

            fn decode(
                value: &'a [u8],
                _: crate::header::TransactionId,
            ) -> Result<Self, crate::error::ParseError> {
                crate::attribute::text::decode(value).map(Self)
            }

            fn value_len(&self) -> usize {
                self.0.len()
            }

            fn encode(&self, value: &mut [u8], _: crate::header::TransactionId) {
                value.copy_from_slice(self.0.as_bytes());
            }
        }
    };
}

pub(super) use text_attribute;

pub(super) fn decode(value: &[u8]) -> Result<&str, ParseError> {
    if value.len() > DECODED_LEN_MAX {
        return Err(ParseError::AttributeLength);
    }
    str::from_utf8(value).map_err(|_| ParseError::NotUtf8)
}

/// How many bytes must be understood when received: those of agents of RFC 5389 too.
const DECODED_LEN_MAX: usize = 763;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_of_at_most_763_bytes() {
        assert_eq!(decode(b""), Ok(""));
        assert_eq!(decode("マトリックス".as_bytes()), Ok("マトリックス"));
        assert_eq!(decode(&[b'x'; 763]).map(str::len), Ok(763));
        assert_eq!(decode(&[b'x'; 764]), Err(ParseError::AttributeLength));
        assert_eq!(decode(b"\xe3\x83"), Err(ParseError::NotUtf8));
    }
}
