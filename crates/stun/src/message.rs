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
    integrity_sha256_at: Option<usize>,
    fingerprint_at: Option<usize>,
}

/// What [`Message::verify_integrity`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// The message has neither MESSAGE-INTEGRITY nor MESSAGE-INTEGRITY-SHA256.
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
        let mut checked = Self {
            bytes: message,
            header,
            integrity_at: None,
            integrity_sha256_at: None,
            fingerprint_at: None,
        };
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
                AttributeType::MESSAGE_INTEGRITY_SHA256 => {
                    expect_sha256_len(len)?;
                    checked.integrity_sha256_at.get_or_insert(at);
                    sealed = true;
                }
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

    /// Compares MESSAGE-INTEGRITY-SHA256 with `key`, or MESSAGE-INTEGRITY where there is no other
    /// (§9.2.4), in a time that does not depend on the bytes.
    ///
    /// The key is a [`LongTermKey`](crate::credentials::LongTermKey), or the password itself in the
    /// short-term credential mechanism (§9.1.1).
    pub fn verify_integrity(&self, key: &(impl AsRef<[u8]> + ?Sized)) -> Integrity {
        let key = key.as_ref();
        let sha256 = self.split_at_value(self.integrity_sha256_at);
        let sha1 = self.split_at_value(self.integrity_at);
        let valid = match (sha256, sha1) {
            (Some((covered, value)), _) => message_integrity::is_valid_sha256(covered, key, value),
            (None, Some((covered, value))) => message_integrity::is_valid(covered, key, value),
            (None, None) => return Integrity::Absent,
        };
        if valid { Integrity::Valid } else { Integrity::Invalid }
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

/// §14.6: "at most 32 bytes, but it MUST be at least 16 bytes and MUST be a multiple of 4 bytes".
fn expect_sha256_len(len: usize) -> Result<(), ParseError> {
    let lens = message_integrity::SHA256_VALUE_LEN_MIN..=message_integrity::SHA256_VALUE_LEN;
    let well_formed = lens.contains(&len) && len.is_multiple_of(4);
    if well_formed { Ok(()) } else { Err(ParseError::AttributeLength) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::{Data, Lifetime, Username, XorPeerAddress};
    use crate::builder::MessageBuilder;
    use crate::method::MessageType;

    const ID: TransactionId = TransactionId([7; 12]);
    const KEY: &str = "short-term password";
    const LIFETIME: &[u8] = b"\0\x0d\0\x04\0\0\x02\x58";
    const USERNAME: &[u8] = b"\0\x06\0\x01a\xff\xff\xff";
    const SHA256: &[u8] = b"\0\x1c\0\x10................";

    /// A Refresh request of these attributes, given as bytes.
    fn message(attributes: &[&[u8]]) -> Vec<u8> {
        let attributes = attributes.concat();
        let message_type = MessageType::new(Method::REFRESH, Class::Request);
        let header = Header { message_type, transaction_id: ID };
        [&header.to_bytes(attributes.len() as u16), &attributes[..]].concat()
    }

    /// The last attribute of a message that has `covered` in front of it.
    fn integrity(covered: &[&[u8]]) -> Vec<u8> {
        let hmac = message_integrity::hmac(&message(covered), KEY.as_ref());
        [b"\0\x08\0\x14", &hmac[..]].concat()
    }

    fn visible(bytes: &[u8]) -> Vec<u16> {
        let message = Message::parse(bytes).unwrap();
        message.attributes().map(|(attribute_type, _)| attribute_type.0).collect()
    }

    #[test]
    fn the_first_of_its_type_wins_and_padding_is_not_looked_at() {
        let bytes = message(&[USERNAME, LIFETIME, b"\0\x06\0\x02bc\0\0", b"\0\x0d\0\0"]);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.get(), Ok(Some(Username("a"))));
        assert_eq!(message.get(), Ok(Some(Lifetime { seconds: 600 })));
        assert_eq!(message.get::<XorPeerAddress>(), Ok(None));
        let all: Vec<_> = message.get_all().collect();
        assert_eq!(all, [Ok(Username("a")), Ok(Username("bc"))]);
        let lifetimes: Vec<_> = message.get_all::<Lifetime>().collect();
        assert_eq!(lifetimes[1], Err(ParseError::AttributeLength));
    }

    #[test]
    fn what_follows_integrity_is_invisible() {
        let sha1 = &integrity(&[USERNAME])[..];
        let fingerprint = b"\x80\x28\0\x04....";
        for (attributes, expect) in [
            (&[USERNAME, sha1, LIFETIME][..], &[6, 8][..]),
            (&[USERNAME, sha1, LIFETIME, fingerprint], &[6, 8, 0x8028]),
            (&[USERNAME, sha1, sha1, SHA256, SHA256], &[6, 8, 0x1c, 0x1c]),
            (&[SHA256, sha1, USERNAME], &[0x1c]),
            (&[fingerprint], &[0x8028]),
        ] {
            assert_eq!(visible(&message(attributes)), expect);
        }
    }

    #[test]
    fn integrity_covers_what_is_in_front_of_it_and_nothing_else() {
        let sha1 = &integrity(&[USERNAME])[..];
        for (attributes, key, expect) in [
            (&[USERNAME, sha1][..], KEY, Integrity::Valid),
            (&[USERNAME, sha1, LIFETIME], KEY, Integrity::Valid),
            (&[USERNAME, sha1], "another key", Integrity::Invalid),
            (&[LIFETIME, sha1], KEY, Integrity::Invalid),
            (&[sha1], KEY, Integrity::Invalid),
            (&[USERNAME], KEY, Integrity::Absent),
            (&[SHA256, sha1], KEY, Integrity::Invalid),
            (&[USERNAME, sha1, SHA256], KEY, Integrity::Invalid),
            (&[], KEY, Integrity::Absent),
        ] {
            let bytes = message(attributes);
            assert_eq!(Message::parse(&bytes).unwrap().verify_integrity(key), expect);
        }
    }

    #[test]
    fn integrity_with_sha256_goes_before_the_other_and_is_never_cut_short() {
        let message_type = MessageType::new(Method::REFRESH, Class::Request);
        let mut buffer = [0; 100];
        for sha1_key in [KEY, "another key"] {
            let mut builder = MessageBuilder::new(&mut buffer, message_type, ID);
            builder.add(&Username("a")).add_integrity(sha1_key).add_integrity_sha256(KEY);
            let len = builder.add_fingerprint().finish();
            let both = Message::parse(&buffer[..len]).unwrap();
            assert_eq!(both.verify_integrity(KEY), Integrity::Valid);
            assert_eq!(both.verify_integrity("another key"), Integrity::Invalid);
        }
        let whole = message_integrity::hmac_sha256(&message(&[USERNAME]), KEY.as_ref());
        for (len, parsed) in [(12, false), (16, true), (18, false), (28, true), (36, false)] {
            let value = [&whole[..], &[0; 4]].concat();
            let cut = [b"\0\x1c\0", &[len as u8][..], &value[..len], &[0; 2][..len % 4]].concat();
            let bytes = message(&[USERNAME, &cut]);
            let outcome = Message::parse(&bytes).map(|cut| cut.verify_integrity(KEY));
            let expect = parsed.then_some(Integrity::Invalid).ok_or(ParseError::AttributeLength);
            assert_eq!(outcome, expect, "{len}");
        }
    }

    #[test]
    fn the_frame_of_every_attribute_is_checked() {
        let sha1 = &integrity(&[])[..];
        let fingerprint = b"\x80\x28\0\x04....";
        for (attributes, error) in [
            (&[USERNAME, b"\0\x06\0\x05abcd"][..], ParseError::AttributeOverrun),
            (&[sha1, b"\0\x06\xff\xff"], ParseError::AttributeOverrun),
            (&[fingerprint, LIFETIME], ParseError::AfterFingerprint),
            (&[fingerprint, fingerprint], ParseError::AfterFingerprint),
            (&[b"\x80\x28\0\x03...."], ParseError::AttributeLength),
            (&[b"\0\x08\0\x10................"], ParseError::AttributeLength),
        ] {
            assert_eq!(Message::parse(&message(attributes)).err(), Some(error));
        }
    }

    #[test]
    fn a_fingerprint_is_absent_right_or_wrong() {
        let message_type = MessageType::new(Method::REFRESH, Class::Success);
        let mut buffer = [0; 60];
        let mut builder = MessageBuilder::new(&mut buffer, message_type, ID);
        let len = builder.add_integrity(KEY).add_fingerprint().finish();
        let sealed = Message::parse(&buffer[..len]).unwrap();
        assert_eq!(sealed.verify_integrity(KEY), Integrity::Valid);
        assert_eq!(sealed.verify_fingerprint(), Some(true));
        assert_eq!(Message::parse(&message(&[USERNAME])).unwrap().verify_fingerprint(), None);
        buffer[30] ^= 1;
        assert_eq!(Message::parse(&buffer[..len]).unwrap().verify_fingerprint(), Some(false));
    }

    #[test]
    fn unknown_attributes_are_judged_by_the_comprehension_rule() {
        let optional = b"\xc0\x57\0\x04....";
        let bytes = message(&[USERNAME, b"\0\x1e\0\0", optional, LIFETIME, b"\0\x1e\0\0"]);
        let message = Message::parse(&bytes).unwrap();
        let unknown = message.unknown_required(&[Username::TYPE, Lifetime::TYPE]);
        assert_eq!(unknown.types(), [AttributeType(0x001E)]);
        let unknown = message.unknown_required(&[]);
        assert_eq!(unknown.types(), [0x0006, 0x001E, 0x000D].map(AttributeType));
        let known = [Username::TYPE, Lifetime::TYPE, AttributeType(0x001E)];
        assert!(message.unknown_required(&known).is_empty());
    }

    #[test]
    fn a_value_is_found_where_it_lies() {
        let bytes = message(&[USERNAME, b"\0\x13\0\x05hello\0\0\0", LIFETIME]);
        let message = Message::parse(&bytes).unwrap();
        let range = message.value_range(Data::TYPE).unwrap();
        assert_eq!(&bytes[range], b"hello");
        assert_eq!(message.value_range(AttributeType::NONCE), None);
    }
}
