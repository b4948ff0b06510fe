//! RFC 8489 §6.3: Receiving a STUN Message. A checked view over the bytes.
//!
//! ```text
//!   ┌────────┬─────┬─────┬─────┬───────────────────┬─────────┬─────────────┐
//!   │ header │  A  │  B  │  A  │ MESSAGE-INTEGRITY │ C   …   │ FINGERPRINT │
//!   └────────┴─────┴─────┴─────┴───────────────────┴─────────┴─────────────┘
//!              ▲           ▲                         ▲
//!              the first   ignored (§14)             unprotected: invisible (§9)
//!              of its type
//! ```

use std::ops::Range;

use crate::attribute::{
    Attribute, AttributeType, UnknownAttributes, fingerprint, message_integrity, padding_len,
    split_first,
};
use crate::error::ParseError;
use crate::header::{HEADER_LEN, Header, TransactionId};
use crate::method::{Class, Method};

/// A message whose header and attribute frame have been checked. Values are checked when read.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    header: Header,
    integrity_at: Option<usize>,
    fingerprint_at: Option<usize>,
}

/// What [`Message::verify_integrity`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// The message has no MESSAGE-INTEGRITY.
    Absent,
    /// It was made with this key, and no protected byte has changed since.
    Valid,
    /// It was not.
    Invalid,
}

impl<'a> Message<'a> {
    /// Checks that `message` is one whole message, and nothing behind it.
    ///
    /// # Errors
    /// The header or the frame of an attribute is not what §5 and §14 ask for.
    pub fn parse(message: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::read(message)?;
        let mut checked = Self { bytes: message, header, integrity_at: None, fingerprint_at: None };
        let mut sealed = false;
        let mut rest = checked.all_attributes();
        while !rest.is_empty() {
            if checked.fingerprint_at.is_some() {
                return Err(ParseError::AfterFingerprint);
            }
            let at = message.len() - rest.len();
            let attribute = split_first(rest)?;
            let len = attribute.value.len();
            match attribute.attribute_type {
                AttributeType::MESSAGE_INTEGRITY if !sealed => {
                    expect_len(len, message_integrity::VALUE_LEN)?;
                    checked.integrity_at = Some(at);
                    sealed = true;
                }
                AttributeType::MESSAGE_INTEGRITY_SHA256 => sealed = true,
                AttributeType::FINGERPRINT => {
                    expect_len(len, fingerprint::VALUE_LEN)?;
                    checked.fingerprint_at = Some(at);
                }
                _ => {}
            }
            rest = attribute.rest;
        }
        Ok(checked)
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.header.message_type.method
    }

    /// The class.
    pub fn class(&self) -> Class {
        self.header.message_type.class
    }

    /// The transaction ID.
    pub fn transaction_id(&self) -> TransactionId {
        self.header.transaction_id
    }

    /// The first attribute of type `A`; `None` when there is none.
    ///
    /// # Errors
    /// There is one, but its value is not of its type.
    #[inline]
    pub fn get<A: Attribute<'a>>(&self) -> Result<Option<A>, ParseError> {
        self.get_all().next().transpose()
    }

    /// All attributes of type `A`, for the one that may be repeated: XOR-PEER-ADDRESS in a
    /// CreatePermission request (RFC 8656 §10.1).
    #[inline]
    pub fn get_all<A: Attribute<'a>>(&self) -> impl Iterator<Item = Result<A, ParseError>> + 'a {
        let transaction_id = self.header.transaction_id;
        self.attributes()
            .filter(|(attribute_type, _)| *attribute_type == A::TYPE)
            .map(move |(_, value)| A::decode(value, transaction_id))
    }

    /// Where in the message the value of the first attribute of that type lies: for surgery on the
    /// datagram, once the message itself is done with.
    #[inline]
    pub fn value_range(&self, attribute_type: AttributeType) -> Option<Range<usize>> {
        let mut attributes = self.attributes();
        let (_, value) = attributes.find(|(found, _)| *found == attribute_type)?;
        let end = self.bytes.len() - attributes.rest.len() - padding_len(value.len());
        Some(end - value.len()..end)
    }

    /// The visible attributes with their values, in order, whether known or not.
    #[inline]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.all_attributes(), sealed: false }
    }

    /// The comprehension-required attributes that are not among `known` (§6.3.1).
    pub fn unknown_required(&self, known: &[AttributeType]) -> UnknownAttributes {
        let mut unknown = UnknownAttributes::none();
        for (attribute_type, _) in self.attributes() {
            if attribute_type.is_comprehension_required() && !known.contains(&attribute_type) {
                unknown.note(attribute_type);
            }
        }
        unknown
    }

    /// Compares MESSAGE-INTEGRITY with `key`, in a time that does not depend on the bytes.
    ///
    /// The key is a [`LongTermKey`](crate::credentials::LongTermKey), or the password itself in the
    /// short-term credential mechanism (§9.1.1).
    pub fn verify_integrity(&self, key: &(impl AsRef<[u8]> + ?Sized)) -> Integrity {
        let Some((covered, value)) = self.split_at_value(self.integrity_at) else {
            return Integrity::Absent;
        };
        if message_integrity::is_valid(covered, key.as_ref(), value) {
            Integrity::Valid
        } else {
            Integrity::Invalid
        }
    }

    /// Whether FINGERPRINT is right; `None` when the message has none.
    pub fn verify_fingerprint(&self) -> Option<bool> {
        let (covered, value) = self.split_at_value(self.fingerprint_at)?;
        Some(fingerprint::fingerprint(covered) == value)
    }

    fn all_attributes(&self) -> &'a [u8] {
        self.bytes.get(HEADER_LEN..).unwrap_or_default()
    }

    /// The bytes in front of the attribute that starts `at`, and its value.
    fn split_at_value(&self, at: Option<usize>) -> Option<(&'a [u8], &'a [u8])> {
        let (covered, attribute) = self.bytes.split_at_checked(at?)?;
        Some((covered, split_first(attribute).ok()?.value))
    }
}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types = self.attributes().map(|(attribute_type, _)| attribute_type);
        write!(f, "{:?} {:?} ", self.method(), self.class())?;
        f.debug_list().entries(types).finish()
    }
}

/// Iterator over the attributes of a message that may be looked at.
#[derive(Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
    /// A MESSAGE-INTEGRITY of either kind has been passed: what follows is not protected by it.
    sealed: bool,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (AttributeType, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let attribute = split_first(self.rest).ok()?;
            self.rest = attribute.rest;
            let visible = match attribute.attribute_type {
                AttributeType::FINGERPRINT => true,
                AttributeType::MESSAGE_INTEGRITY_SHA256 => {
                    self.sealed = true;
                    true
                }
                AttributeType::MESSAGE_INTEGRITY => !std::mem::replace(&mut self.sealed, true),
                _ => !self.sealed,
            };
            if visible {
                return Some((attribute.attribute_type, attribute.value));
            }
        }
        None
    }
}

fn expect_len(len: usize, expected: usize) -> Result<(), ParseError> {
    if len == expected { Ok(()) } else { Err(ParseError::AttributeLength) }
}
