//! RFC 8656 §18.8: REQUESTED-TRANSPORT.

use super::{Attribute, AttributeType};
use crate::error::ParseError;
use crate::header::TransactionId;

/// The protocol between server and peers that the client asks for: a protocol number of the IP
/// header. Any number can be read, so that an unsupported one gets its answer (442).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedTransport(pub u8);

impl RequestedTransport {
    /// User Datagram Protocol.
    pub const UDP: Self = Self(17);
    /// Transmission Control Protocol (RFC 6062 §4.1).
    pub const TCP: Self = Self(6);
}

impl Attribute<'_> for RequestedTransport {
    const TYPE: AttributeType = AttributeType::REQUESTED_TRANSPORT;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        let &[protocol, _, _, _] = value else { return Err(ParseError::AttributeLength) };
        Ok(Self(protocol))
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&[self.0, 0, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_four_bytes_counts() {
        for (value, expect) in [
            (&b"\x11\0\0\0"[..], Ok(RequestedTransport::UDP)),
            (b"\x11\x01\x02\x03", Ok(RequestedTransport::UDP)),
            (b"\x06\0\0\0", Ok(RequestedTransport::TCP)),
            (b"\x11", Err(ParseError::AttributeLength)),
            (b"\x11\0\0\0\0", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(RequestedTransport::decode(value, TransactionId([0; 12])), expect);
        }
    }
}
