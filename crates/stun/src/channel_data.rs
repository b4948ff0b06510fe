//! RFC 8656 §12.4: The ChannelData Message.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! ┌───────────────────────────────┬───────────────────────────────┐
//! │        channel number         │  length of application data   │
//! ├───────────────────────────────┴───────────────────────────────┤
//! │ application data; over UDP more bytes may follow, as padding  │
//! └───────────────────────────────────────────────────────────────┘
//! ```

use std::ops::Range;

use crate::error::ParseError;

/// Length of the ChannelData header in bytes.
pub const CHANNEL_HEADER_LEN: usize = 4;

/// Number of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelNumber(pub u16);

/// Which numbers a channel may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChannelRange {
    /// 0x4000 to 0x4FFF (RFC 8656 §12).
    #[default]
    Rfc8656,
    /// 0x4000 to 0x7FFF (RFC 5766 §11): for clients that still choose from it.
    Rfc5766,
}

impl ChannelNumber {
    /// Whether a channel may have this number.
    #[inline]
    pub const fn is_allowed(self, channels: ChannelRange) -> bool {
        self.0 >= 0x4000 && self.0 <= channels.last()
    }
}

impl ChannelRange {
    /// The highest number.
    #[inline]
    pub(crate) const fn last(self) -> u16 {
        match self {
            Self::Rfc8656 => 0x4FFF,
            Self::Rfc5766 => 0x7FFF,
        }
    }
}

/// The four bytes in front of the application data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelHeader {
    /// The channel.
    pub channel: ChannelNumber,
    /// Length of the application data in bytes; 0 is valid.
    pub len: u16,
}

impl ChannelHeader {
    /// Reads the header of a ChannelData message that came in a UDP datagram (§12.6).
    ///
    /// # Errors
    /// Too short for a header or for the length it claims, or no channel number of that range.
    #[inline]
    pub fn read(datagram: &[u8], channels: ChannelRange) -> Result<Self, ParseError> {
        let Some((&[n0, n1, l0, l1], data)) = datagram.split_first_chunk() else {
            return Err(ParseError::TooShort);
        };
        let channel = ChannelNumber(u16::from_be_bytes([n0, n1]));
        let len = u16::from_be_bytes([l0, l1]);
        if !channel.is_allowed(channels) {
            return Err(ParseError::NotAChannel);
        }
        if usize::from(len) > data.len() {
            return Err(ParseError::WrongLength);
        }
        Ok(Self { channel, len })
    }

    /// The header as bytes.
    #[inline]
    pub const fn to_bytes(self) -> [u8; CHANNEL_HEADER_LEN] {
        let [n0, n1] = self.channel.0.to_be_bytes();
        let [l0, l1] = self.len.to_be_bytes();
        [n0, n1, l0, l1]
    }

    /// Where in the datagram the application data lies.
    #[inline]
    pub fn data_range(self) -> Range<usize> {
        CHANNEL_HEADER_LEN..CHANNEL_HEADER_LEN + usize::from(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChannelRange::{Rfc5766, Rfc8656};

    #[test]
    fn both_ends_of_both_ranges() {
        for (number, in_8656, in_5766) in [
            (0x0000, false, false),
            (0x3FFF, false, false),
            (0x4000, true, true),
            (0x4FFF, true, true),
            (0x5000, false, true),
            (0x7FFF, false, true),
            (0x8000, false, false),
            (0xFFFF, false, false),
        ] {
            let channel = ChannelNumber(number);
            assert_eq!(channel.is_allowed(Rfc8656), in_8656, "{number:#x}");
            assert_eq!(channel.is_allowed(Rfc5766), in_5766, "{number:#x}");
        }
    }

    #[test]
    fn the_datagram_contains_the_claimed_length() {
        for (datagram, expect) in [
            (&b"\x40\x01\0\x05hello"[..], Ok((0x4001, 4..9))),
            (b"\x40\x01\0\x05hello\0\0\0", Ok((0x4001, 4..9))),
            (b"\x40\x01\0\0", Ok((0x4001, 4..4))),
            (b"\x40\x01\0\x06hello", Err(ParseError::WrongLength)),
            (b"\x40\x01\xff\xffhello", Err(ParseError::WrongLength)),
            (b"\x40\x01\0", Err(ParseError::TooShort)),
            (b"", Err(ParseError::TooShort)),
            (b"\x50\x01\0\0", Err(ParseError::NotAChannel)),
            (b"\0\x01\0\0", Err(ParseError::NotAChannel)),
        ] {
            let found = ChannelHeader::read(datagram, Rfc8656);
            assert_eq!(found.map(|header| (header.channel.0, header.data_range())), expect);
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let header = ChannelHeader { channel: ChannelNumber(0x7ABC), len: 0 };
        assert_eq!(header.to_bytes(), *b"\x7a\xbc\0\0");
        assert_eq!(ChannelHeader::read(&header.to_bytes(), Rfc5766), Ok(header));
    }
}
