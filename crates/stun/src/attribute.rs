//! RFC 8489 §14: STUN Attributes; RFC 8656 §18: STUN Attributes; RFC 5780 §7: New Attributes;
//! RFC 6062 §6.2: New STUN Attributes.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! ┌───────────────────────────────┬───────────────────────────────┐
//! │             type              │   length, padding not counted │
//! ├───────────────────────────────┴───────────────────────────────┤
//! │ value … then 0-3 bytes of padding: sent as zero, never read   │
//! └───────────────────────────────────────────────────────────────┘
//! ```
//!
//! One file for each attribute. What a message does not understand it still keeps: an
//! [`AttributeType`] is a number, and the comprehension rule judges it.

use std::fmt;

use crate::error::ParseError;
use crate::header::TransactionId;

mod additional_address_family;
mod address;
mod address_error_code;
mod change_request;
mod channel_number;
mod connection_id;
mod data;
mod dont_fragment;
mod error_code;
mod even_port;
pub(crate) mod fingerprint;
mod icmp;
mod lifetime;
pub(crate) mod message_integrity;
mod nonce;
mod padding;
mod password_algorithm;
mod realm;
mod requested_address_family;
mod requested_transport;
mod reservation_token;
mod response_port;
mod text;
mod unknown_attributes;
mod userhash;
mod username;

pub use additional_address_family::{AdditionalAddressFamily, CoturnAdditionalAddressFamily};
pub use address::{
    MappedAddress, OtherAddress, ResponseOrigin, XorMappedAddress, XorPeerAddress,
    XorRelayedAddress,
};
pub use address_error_code::AddressErrorCode;
pub use change_request::ChangeRequest;
pub use connection_id::ConnectionId;
pub use data::Data;
pub use dont_fragment::DontFragment;
pub use error_code::ErrorCode;
pub use even_port::EvenPort;
pub use icmp::Icmp;
pub use lifetime::Lifetime;
pub use nonce::Nonce;
pub use padding::Padding;
pub use password_algorithm::{PasswordAlgorithm, PasswordAlgorithms};
pub use realm::Realm;
pub use requested_address_family::RequestedAddressFamily;
pub use requested_transport::RequestedTransport;
pub use reservation_token::ReservationToken;
pub use response_port::ResponsePort;
pub use text::TEXT_LEN_MAX;
pub use unknown_attributes::UnknownAttributes;
pub use userhash::Userhash;
pub use username::Username;

/// An attribute that can be read from a message and written into one.
pub trait Attribute<'a>: Sized {
    /// Its number.
    const TYPE: AttributeType;

    /// Reads the value, padding not included. The transaction ID is needed for XORed addresses.
    ///
    /// # Errors
    /// The value is not one that this type can have.
    fn decode(value: &'a [u8], transaction_id: TransactionId) -> Result<Self, ParseError>;

    /// Length in bytes of the value that [`encode`](Self::encode) writes, padding not included.
    fn value_len(&self) -> usize;

    /// Writes the value: `value` is exactly [`value_len`](Self::value_len) bytes long, and each of
    /// them must be set.
    fn encode(&self, value: &mut [u8], transaction_id: TransactionId);
}

/// Number of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttributeType(pub u16);

/// Declares the numbers that have a name, once: the constants and what `Debug` prints.
macro_rules! attribute_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl AttributeType {
            $($(#[$doc])* pub const $name: Self = Self($number);)*
        }

        impl fmt::Debug for AttributeType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$name => f.write_str($text),)*
                    Self(number) => write!(f, "{number:#06x}"),
                }
            }
        }
    };
}

attribute_types! {
    /// RFC 8489 §14.1.
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    /// RFC 5780 §7.2.
    CHANGE_REQUEST = 0x0003, "CHANGE-REQUEST";
    /// RFC 8489 §14.3.
    USERNAME = 0x0006, "USERNAME";
    /// RFC 8489 §14.5.
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    /// RFC 8489 §14.8.
    ERROR_CODE = 0x0009, "ERROR-CODE";
    /// RFC 8489 §14.13.
    UNKNOWN_ATTRIBUTES = 0x000A, "UNKNOWN-ATTRIBUTES";
    /// RFC 8656 §18.1.
    CHANNEL_NUMBER = 0x000C, "CHANNEL-NUMBER";
    /// RFC 8656 §18.2.
    LIFETIME = 0x000D, "LIFETIME";
    /// RFC 8656 §18.3.
    XOR_PEER_ADDRESS = 0x0012, "XOR-PEER-ADDRESS";
    /// RFC 8656 §18.4.
    DATA = 0x0013, "DATA";
    /// RFC 8489 §14.9.
    REALM = 0x0014, "REALM";
    /// RFC 8489 §14.10.
    NONCE = 0x0015, "NONCE";
    /// RFC 8656 §18.5.
    XOR_RELAYED_ADDRESS = 0x0016, "XOR-RELAYED-ADDRESS";
    /// RFC 8656 §18.6.
    REQUESTED_ADDRESS_FAMILY = 0x0017, "REQUESTED-ADDRESS-FAMILY";
    /// RFC 8656 §18.7.
    EVEN_PORT = 0x0018, "EVEN-PORT";
    /// RFC 8656 §18.8.
    REQUESTED_TRANSPORT = 0x0019, "REQUESTED-TRANSPORT";
    /// RFC 8656 §18.9.
    DONT_FRAGMENT = 0x001A, "DONT-FRAGMENT";
    /// RFC 8489 §14.6.
    MESSAGE_INTEGRITY_SHA256 = 0x001C, "MESSAGE-INTEGRITY-SHA256";
    /// RFC 8489 §14.12.
    PASSWORD_ALGORITHM = 0x001D, "PASSWORD-ALGORITHM";
    /// RFC 8489 §14.4.
    USERHASH = 0x001E, "USERHASH";
    /// RFC 8489 §14.2.
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    /// RFC 8656 §18.10.
    RESERVATION_TOKEN = 0x0022, "RESERVATION-TOKEN";
    /// RFC 5780 §7.6.
    PADDING = 0x0026, "PADDING";
    /// RFC 5780 §7.5.
    RESPONSE_PORT = 0x0027, "RESPONSE-PORT";
    /// RFC 6062 §6.2.1.
    CONNECTION_ID = 0x002A, "CONNECTION-ID";
    /// RFC 8656 §18.11.
    ADDITIONAL_ADDRESS_FAMILY = 0x8000, "ADDITIONAL-ADDRESS-FAMILY";
    /// RFC 8656 §18.12.
    ADDRESS_ERROR_CODE = 0x8001, "ADDRESS-ERROR-CODE";
    /// RFC 8489 §14.11.
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    /// RFC 8656 §18.13.
    ICMP = 0x8004, "ICMP";
    /// RFC 8489 §14.7.
    FINGERPRINT = 0x8028, "FINGERPRINT";
    /// RFC 5780 §7.3.
    RESPONSE_ORIGIN = 0x802B, "RESPONSE-ORIGIN";
    /// RFC 5780 §7.4.
    OTHER_ADDRESS = 0x802C, "OTHER-ADDRESS";
    /// Not registered: see [`CoturnAdditionalAddressFamily`].
    COTURN_ADDITIONAL_ADDRESS_FAMILY = 0x8032, "ADDITIONAL-ADDRESS-FAMILY (coturn)";
}

impl AttributeType {
    /// Whether an agent that does not know this attribute must not process the message. The others
    /// are comprehension-optional: unknown ones are ignored.
    pub const fn is_comprehension_required(self) -> bool {
        self.0 < 0x8000
    }
}

/// How many bytes of padding follow a value of `value_len` bytes.
#[inline]
pub const fn padding_len(value_len: usize) -> usize {
    value_len.wrapping_neg() % 4
}

/// Length of an attribute's type and length fields in bytes.
pub(crate) const ATTRIBUTE_HEADER_LEN: usize = 4;

/// An attribute as it lies in a message.
pub(crate) struct RawAttribute<'a> {
    pub(crate) attribute_type: AttributeType,
    pub(crate) value: &'a [u8],
    /// What follows its padding.
    pub(crate) rest: &'a [u8],
}

/// A value, or what is left of one, that has one length and no other.
pub(crate) fn sized<const LEN: usize>(value: &[u8]) -> Result<[u8; LEN], ParseError> {
    value.try_into().map_err(|_| ParseError::AttributeLength)
}

/// Cuts the first attribute off `attributes`, which is not empty.
#[inline]
pub(crate) fn split_first(attributes: &[u8]) -> Result<RawAttribute<'_>, ParseError> {
    let Some((header, rest)) = attributes.split_first_chunk::<ATTRIBUTE_HEADER_LEN>() else {
        return Err(ParseError::AttributeOverrun);
    };
    let [t0, t1, l0, l1] = *header;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    let (Some(value), Some(rest)) = (rest.get(..len), rest.get(len + padding_len(len)..)) else {
        return Err(ParseError::AttributeOverrun);
    };
    Ok(RawAttribute { attribute_type: AttributeType(u16::from_be_bytes([t0, t1])), value, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comprehension_rule_divides_the_numbers_in_half() {
        assert!(AttributeType(0x0000).is_comprehension_required());
        assert!(AttributeType(0x7FFF).is_comprehension_required());
        assert!(!AttributeType(0x8000).is_comprehension_required());
        assert!(!AttributeType(0xFFFF).is_comprehension_required());
    }

    #[test]
    fn a_type_prints_as_in_the_rfc_and_an_unknown_one_as_its_number() {
        assert_eq!(format!("{:?}", AttributeType(0x0013)), "DATA");
        assert_eq!(format!("{:?}", AttributeType(0xC057)), "0xc057");
    }

    #[test]
    fn an_attribute_ends_where_its_padding_ends() {
        for (bytes, len, rest) in [
            (&b"\0\x06\0\0"[..], 0, 0),
            (b"\0\x06\0\x01a...", 1, 0),
            (b"\0\x06\0\x04abcd", 4, 0),
            (b"\0\x06\0\x03abc\xff\0\x08\0\0", 3, 4),
        ] {
            let first = split_first(bytes).unwrap();
            assert_eq!((first.value.len(), first.rest.len()), (len, rest));
        }
    }

    #[test]
    fn an_attribute_lies_in_the_message_with_its_padding() {
        for bytes in [
            &b"\0"[..],
            b"\0\x06\0",
            b"\0\x06\0\x01",
            b"\0\x06\0\x01a",
            b"\0\x06\0\x05abcd",
            b"\0\x06\0\x05abcdefg",
            b"\0\x06\xff\xffabcdefgh",
        ] {
            assert_eq!(split_first(bytes).err(), Some(ParseError::AttributeOverrun));
        }
    }
}
