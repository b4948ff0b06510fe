//! RFC 8489 §14.3, §14.9, §14.10: what USERNAME, REALM and NONCE have in common.

use crate::error::ParseError;

/// How many bytes of text an attribute may be sent with: "fewer than 509 bytes".
pub const TEXT_LEN_MAX: usize = 508;

/// How many bytes must be understood when received: those of agents of RFC 5389 too.
const DECODED_LEN_MAX: usize = 763;

pub(super) fn decode(value: &[u8]) -> Result<&str, ParseError> {
    if value.len() > DECODED_LEN_MAX {
        return Err(ParseError::AttributeLength);
    }
    str::from_utf8(value).map_err(|_| ParseError::NotUtf8)
}

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
