//! RFC 8656 §18.11: ADDITIONAL-ADDRESS-FAMILY.

use super::{Attribute, AttributeType, RequestedAddressFamily};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Asks for relayed transport addresses of both families: this one, and IPv4. "It is encoded in the
/// same way as the REQUESTED-ADDRESS-FAMILY attribute."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditionalAddressFamily(pub RequestedAddressFamily);

impl Attribute<'_> for AdditionalAddressFamily {
    const TYPE: AttributeType = AttributeType::ADDITIONAL_ADDRESS_FAMILY;

    fn decode(value: &[u8], transaction_id: TransactionId) -> Result<Self, ParseError> {
        RequestedAddressFamily::decode(value, transaction_id).map(Self)
    }

    fn value_len(&self) -> usize {
        self.0.value_len()
    }

    fn encode(&self, value: &mut [u8], transaction_id: TransactionId) {
        self.0.encode(value, transaction_id);
    }
}
