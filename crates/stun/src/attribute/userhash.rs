//! RFC 8489 §14.4: USERHASH.

use sha2::{Digest, Sha256};

use super::{Attribute, AttributeType, sized};
use crate::error::ParseError;
use crate::header::TransactionId;

/// Stands in for USERNAME where the user name is not to be seen on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Userhash(pub [u8; 32]);

impl Userhash {
    /// SHA-256(username ":" realm), of text that went through
    /// [`opaque_string`](crate::credentials::opaque_string) where people typed it.
    pub fn of(username: &str, realm: &str) -> Self {
        let digest = Sha256::new().chain_update(username).chain_update(":").chain_update(realm);
        Self(digest.finalize().into())
    }
}

impl Attribute<'_> for Userhash {
    const TYPE: AttributeType = AttributeType::USERHASH;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        sized(value).map(Self)
    }

    fn value_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_32_bytes_long() {
        let hash = Userhash::of("user", "realm");
        for (value, expect) in [
            (&hash.0[..], Ok(hash)),
            (&hash.0[..31], Err(ParseError::AttributeLength)),
            (&[0; 33], Err(ParseError::AttributeLength)),
            (b"", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(Userhash::decode(value, TransactionId([0; 12])), expect);
        }
    }
}
