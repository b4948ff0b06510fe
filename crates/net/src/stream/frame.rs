//! RFC 8489 §6.2.2: Sending over TCP or TLS-over-TCP; RFC 8656 §12.5: Sending a ChannelData
//! Message. Where a message ends in a stream.
//!
//! ```text
//!  ┌─ 00 ─┬ length ┬ cookie ┬ ID ┬ attributes ┐┌─ 01 ─┬ length ┬ data ┬ 0-3 ┐┌─ …
//!  └──────┴────────┴────────┴────┴────────────┘└──────┴────────┴──────┴─────┘└─
//!   STUN: 20 bytes and what its length says     ChannelData: 4 bytes and what its length says,
//!                                               "padded to a multiple of four bytes"
//! ```

use kopru_stun::attribute::padding_len;
use kopru_stun::channel_data::CHANNEL_HEADER_LEN;
use kopru_stun::{HEADER_LEN, MAGIC_COOKIE};

/// What stands at the front of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, with all its bytes.
    Whole {
        /// Its length, without padding.
        len: usize,
        /// With padding: where the next one begins.
        on_wire: usize,
    },
    /// A part of a message.
    Partial {
        /// How many bytes there must be at least to know more.
        wanted: usize,
    },
}

/// What stands there is the beginning of no message. There is no way to find the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFramed;

impl Frame {
    /// Looks at the front of `bytes`.
    ///
    /// # Errors
    /// [`NotFramed`], from which there is no way back.
    pub fn at_front(bytes: &[u8]) -> Result<Self, NotFramed> {
        let Some(&[first, _, l0, l1]) = bytes.first_chunk() else {
            return match bytes.first() {
                Some(first) if first >> 6 > 1 => Err(NotFramed),
                _ => Ok(Self::Partial { wanted: CHANNEL_HEADER_LEN }),
            };
        };
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let len = match first >> 6 {
            0b00 if length.is_multiple_of(4) && may_be_cookie(&bytes[4..]) => HEADER_LEN + length,
            0b01 => CHANNEL_HEADER_LEN + length,
            _ => return Err(NotFramed),
        };
        let on_wire = len + padding_len(len);
        if bytes.len() < on_wire {
            return Ok(Self::Partial { wanted: on_wire });
        }
        Ok(Self::Whole { len, on_wire })
    }
}

/// Whether `bytes` are the cookie, as far as they go.
fn may_be_cookie(bytes: &[u8]) -> bool {
    MAGIC_COOKIE.to_be_bytes().iter().zip(bytes).all(|(expect, byte)| expect == byte)
}

/// The longest frame: a STUN message whose length field is as large as it can be.
pub const FRAME_MAX: usize = HEADER_LEN + 65_532;

const _: () = assert!(FRAME_MAX >= CHANNEL_HEADER_LEN + 65_536);

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: &[u8] = b"\x00\x01\x00\x04\x21\x12\xa4\x42abcdefghijkl\x80\x22\x00\x00";

    #[test]
    fn both_kinds_end_where_their_length_says() {
        for (bytes, expect) in [
            (BINDING, Ok(Frame::Whole { len: 24, on_wire: 24 })),
            (b"\x40\x01\0\x05hello\0\0\0", Ok(Frame::Whole { len: 9, on_wire: 12 })),
            (b"\x40\x01\0\x04four\x40", Ok(Frame::Whole { len: 8, on_wire: 8 })),
            (b"\x7f\xff\0\0", Ok(Frame::Whole { len: 4, on_wire: 4 })),
            (b"\x40\x01\0\x05hello", Ok(Frame::Partial { wanted: 12 })),
            (b"\x40\x01\xff\xff", Ok(Frame::Partial { wanted: 65_540 })),
            (b"\x00\x01\xff\xfc", Ok(Frame::Partial { wanted: FRAME_MAX })),
            (b"\x00\x01\x00\x02", Err(NotFramed)),
            (b"\x00\x01\x00\x00\x21\x13", Err(NotFramed)),
            (b"\x80", Err(NotFramed)),
            (b"GET ", Ok(Frame::Partial { wanted: 4 + 0x5420 })),
            (b"\xff\0\0\0", Err(NotFramed)),
        ] {
            assert_eq!(Frame::at_front(bytes), expect, "{bytes:02x?}");
        }
    }

    #[test]
    fn every_part_of_a_message_asks_for_more() {
        for len in 0..BINDING.len() {
            let wanted = if len < 4 { 4 } else { 24 };
            let found = Frame::at_front(&BINDING[..len]);
            assert_eq!(found, Ok(Frame::Partial { wanted }), "{len}");
        }
    }
}
