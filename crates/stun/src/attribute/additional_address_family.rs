//! RFC 8656 §18.11: ADDITIONAL-ADDRESS-FAMILY.

use super::{Attribute, AttributeType, RequestedAddressFamily};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Asks for relayed transport addresses of both families: this one, and IPv4. "It is encoded in the
/// same way as the REQUESTED-ADDRESS-FAMILY attribute."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditionalAddressFamily(pub RequestedAddressFamily);

/// The same under 0x8032, the number that coturn up to 4.6 has for it, and with it the client that
/// Debian ships. No registered attribute has that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoturnAdditionalAddressFamily(pub RequestedAddressFamily);

macro_rules! encoded_as_requested_address_family {
    ($name:ident, $number:ident) => {
        impl Attribute<'_> for $name {
            const TYPE: AttributeType = AttributeType::$number;

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
    };
}

encoded_as_requested_address_family!(AdditionalAddressFamily, ADDITIONAL_ADDRESS_FAMILY);
encoded_as_requested_address_family!(
    CoturnAdditionalAddressFamily,
    COTURN_ADDITIONAL_ADDRESS_FAMILY
);
