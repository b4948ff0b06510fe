//! RFC 8656 §18.12: ADDRESS-ERROR-CODE.
//!
//! ```text
//! ┌─────────┬─────────────────────────────┬─────┬─────────────────┐
//! │ family  │        reserved, 0          │class│ number, 0..=99  │
//! ├─────────┴─────────────────────────────┴─────┴─────────────────┤
//! │ reason phrase: ignored when read, left out when written       │
//! └───────────────────────────────────────────────────────────────┘
//! ```

use super::{Attribute, AttributeType, ErrorCode, RequestedAddressFamily};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Why a client that asked for relayed transport addresses of both families got only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressErrorCode {
    /// The family that it did not get.
    pub family: RequestedAddressFamily,
    /// Why not.
    pub code: ErrorCode,
}

impl Attribute<'_> for AddressErrorCode {
    const TYPE: AttributeType = AttributeType::ADDRESS_ERROR_CODE;

    fn decode(value: &[u8], transaction_id: TransactionId) -> Result<Self, ParseError> {
        let code = ErrorCode::decode(value, transaction_id)?;
        let family = value.first().copied().map(RequestedAddressFamily);
        Ok(Self { family: family.ok_or(ParseError::AttributeLength)?, code })
    }

    fn value_len(&self) -> usize {
        self.code.value_len()
    }

    fn encode(&self, value: &mut [u8], transaction_id: TransactionId) {
        self.code.encode(value, transaction_id);
        if let Some(family) = value.first_mut() {
            *family = self.family.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn it_is_an_error_code_behind_a_family() {
        let (family, code) = (RequestedAddressFamily::IPV6, ErrorCode::INSUFFICIENT_CAPACITY);
        let refused = AddressErrorCode { family, code };
        let mut value = [0xFF; 4];
        refused.encode(&mut value, ID);
        assert_eq!(value, *b"\x02\0\x05\x08");
        for (value, expect) in [
            (&b"\x02\0\x05\x08"[..], Ok(refused)),
            (b"\x02\xff\xfd\x08a phrase", Ok(refused)),
            (b"\x02\0\x07\x08", Err(ParseError::ErrorCodeRange)),
            (b"\x02\0\x05", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(AddressErrorCode::decode(value, ID), expect);
        }
    }
}
