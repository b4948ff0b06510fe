//! RFC 8489 §14.11: PASSWORD-ALGORITHMS; RFC 8489 §14.12: PASSWORD-ALGORITHM.
//!
//! ```text
//! ┌───────────────────────────────┬───────────────────────────────┐
//! │ algorithm                     │ length of its parameters      │  once, or once for each
//! ├───────────────────────────────┴───────────────────────────────┤  algorithm of the list
//! │ parameters, padded: of MD5 and SHA-256 there are none         │
//! └───────────────────────────────────────────────────────────────┘
//! ```

use super::{Attribute, AttributeType, split_first};
use crate::error::ParseError;
use crate::header::TransactionId;

/// How a long-term key is made from a password: RFC 8489 §18.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PasswordAlgorithm {
    /// "MUST only be used for compatibility with legacy systems": 16 bytes.
    Md5,
    /// 32 bytes.
    Sha256,
}

impl PasswordAlgorithm {
    const fn number(self) -> u16 {
        match self {
            Self::Md5 => 1,
            Self::Sha256 => 2,
        }
    }

    fn with_parameters(number: u16, parameters: &[u8]) -> Option<Self> {
        let mut known = [Self::Md5, Self::Sha256].into_iter();
        known.find(|algorithm| algorithm.number() == number && parameters.is_empty())
    }
}

impl Attribute<'_> for PasswordAlgorithm {
    const TYPE: AttributeType = AttributeType::PASSWORD_ALGORITHM;

    fn decode(value: &[u8], _: TransactionId) -> Result<Self, ParseError> {
        // Number, length, parameters, padding: an entry is laid out as an attribute is.
        let entry = split_first(value).map_err(|_| ParseError::AttributeLength)?;
        let algorithm = Self::with_parameters(entry.attribute_type.0, entry.value);
        algorithm.filter(|_| entry.rest.is_empty()).ok_or(ParseError::UnknownPasswordAlgorithm)
    }

    fn value_len(&self) -> usize {
        4
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        let [n0, n1] = self.number().to_be_bytes();
        value.copy_from_slice(&[n0, n1, 0, 0]);
    }
}

/// The algorithms that a server knows, the one it likes best first: as they lie in the attribute,
/// since a client echoes them byte for byte and the server compares (§9.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordAlgorithms<'a>(pub &'a [u8]);

impl PasswordAlgorithms<'_> {
    /// SHA-256, else MD5.
    pub const SHA256_OR_MD5: PasswordAlgorithms<'static> =
        PasswordAlgorithms(b"\0\x02\0\0\0\x01\0\0");
    /// MD5 alone.
    pub const MD5: PasswordAlgorithms<'static> = PasswordAlgorithms(b"\0\x01\0\0");

    /// Those that are known here, in the order of the list.
    pub fn supported(&self) -> impl Iterator<Item = PasswordAlgorithm> {
        let mut rest = self.0;
        let entries = std::iter::from_fn(move || {
            let entry = split_first(rest).ok()?;
            rest = entry.rest;
            Some(entry)
        });
        entries.filter_map(|entry| {
            PasswordAlgorithm::with_parameters(entry.attribute_type.0, entry.value)
        })
    }
}

impl<'a> Attribute<'a> for PasswordAlgorithms<'a> {
    const TYPE: AttributeType = AttributeType::PASSWORD_ALGORITHMS;

    fn decode(value: &'a [u8], _: TransactionId) -> Result<Self, ParseError> {
        Ok(Self(value))
    }

    fn value_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, value: &mut [u8], _: TransactionId) {
        value.copy_from_slice(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::PasswordAlgorithm::{Md5, Sha256};
    use super::*;

    const ID: TransactionId = TransactionId([0; 12]);

    #[test]
    fn an_algorithm_is_known_by_number_and_without_parameters() {
        for (value, expect) in [
            (&b"\0\x01\0\0"[..], Ok(Md5)),
            (b"\0\x02\0\0", Ok(Sha256)),
            (b"\0\0\0\0", Err(ParseError::UnknownPasswordAlgorithm)),
            (b"\0\x03\0\0", Err(ParseError::UnknownPasswordAlgorithm)),
            (b"\0\x02\0\x01x\0\0\0", Err(ParseError::UnknownPasswordAlgorithm)),
            (b"\0\x02\0\0\0\x01\0\0", Err(ParseError::UnknownPasswordAlgorithm)),
            (b"", Err(ParseError::AttributeLength)),
            (b"\0\x02", Err(ParseError::AttributeLength)),
            (b"\0\x02\0\x04x", Err(ParseError::AttributeLength)),
        ] {
            assert_eq!(PasswordAlgorithm::decode(value, ID), expect, "{value:02x?}");
        }
        for algorithm in [Md5, Sha256] {
            let mut value = [0xFF; 4];
            algorithm.encode(&mut value, ID);
            assert_eq!(PasswordAlgorithm::decode(&value, ID), Ok(algorithm));
        }
    }

    #[test]
    fn a_list_is_read_as_far_as_it_is_understood() {
        for (list, expect) in [
            (PasswordAlgorithms::SHA256_OR_MD5.0, &[Sha256, Md5][..]),
            (PasswordAlgorithms::MD5.0, &[Md5]),
            (b"\0\x07\0\x05hello...\0\x02\0\0", &[Sha256]),
            (b"\0\x02\0\x01x...\0\x01\0\0", &[Md5]),
            (b"\0\x01\0\0\0\x02\0\x09", &[Md5]),
            (b"", &[]),
        ] {
            let supported: Vec<_> = PasswordAlgorithms(list).supported().collect();
            assert_eq!(supported, expect, "{list:02x?}");
        }
    }
}
