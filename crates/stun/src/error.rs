//! The one error of this crate: the bytes are not what they claim to be.

use std::fmt;

/// Why bytes are not a message, or an attribute's value not of its type.
///
/// Small and `Copy`, with nothing of the sender in it: it is made for every stray datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// Fewer bytes than the header has.
    TooShort,
    /// The first two bits of a STUN message must be zeroes (RFC 8489 §5).
    NotStun,
    /// No magic cookie: not STUN, or a client of RFC 3489 (RFC 8489 §5).
    WrongCookie,
    /// The header declares another length than the bytes have, or one that is no multiple of four.
    WrongLength,
    /// An attribute reaches past the end of the message.
    AttributeOverrun,
    /// An attribute follows FINGERPRINT, which must be the last one (RFC 8489 §14.7).
    AfterFingerprint,
    /// The length of an attribute's value is not one that its type allows.
    AttributeLength,
    /// An address is of neither family (RFC 8489 §14.1).
    UnknownFamily,
    /// The text of an attribute is not UTF-8.
    NotUtf8,
    /// The class of an ERROR-CODE is not 3..=6 or its number not 0..=99 (RFC 8489 §14.8).
    ErrorCodeRange,
    /// A password algorithm that is not registered, or parameters of one that has none (RFC 8489
    /// §18.5).
    UnknownPasswordAlgorithm,
    /// The first two bytes of a ChannelData message are no channel number (RFC 8656 §12).
    NotAChannel,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "shorter than a header",
            Self::NotStun => "first two bits are not zeroes",
            Self::WrongCookie => "no magic cookie",
            Self::WrongLength => "declared length is not the length of the message",
            Self::AttributeOverrun => "attribute reaches past the end of the message",
            Self::AfterFingerprint => "attribute after FINGERPRINT",
            Self::AttributeLength => "attribute value has a wrong length",
            Self::UnknownFamily => "unknown address family",
            Self::NotUtf8 => "text is not UTF-8",
            Self::ErrorCodeRange => "error code out of range",
            Self::UnknownPasswordAlgorithm => "unknown password algorithm",
            Self::NotAChannel => "not a channel number",
        })
    }
}

impl std::error::Error for ParseError {}

const _: () = assert!(size_of::<Result<(), ParseError>>() == 1);
