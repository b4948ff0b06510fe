//! RFC 8656 §12: Channels (Table 3); RFC 7983 §7: Updates to RFC 5764.
//!
//! ```text
//!   first byte     0..=3   STUN
//!                 64..=79  TURN channel  (..=127 where RFC 5766 numbers are taken)
//!                  others  nothing that a TURN server listens to: dropped
//! ```

use crate::channel_data::ChannelRange;

/// What a datagram from a client claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A STUN message.
    Stun,
    /// A ChannelData message.
    ChannelData,
    /// Neither.
    Other,
}

/// Tells by the first byte of a datagram how to go on with it.
#[inline]
pub const fn classify(first_byte: u8, channels: ChannelRange) -> Protocol {
    if first_byte <= 3 {
        return Protocol::Stun;
    }
    let [last_channel_byte, _] = channels.last().to_be_bytes();
    if 0x40 <= first_byte && first_byte <= last_channel_byte {
        return Protocol::ChannelData;
    }
    Protocol::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_border_of_the_table() {
        use Protocol::{ChannelData, Other, Stun};
        for (first_byte, in_8656, in_5766) in [
            (0, Stun, Stun),
            (3, Stun, Stun),
            (4, Other, Other),
            (16, Other, Other),
            (63, Other, Other),
            (64, ChannelData, ChannelData),
            (79, ChannelData, ChannelData),
            (80, Other, ChannelData),
            (127, Other, ChannelData),
            (128, Other, Other),
            (255, Other, Other),
        ] {
            assert_eq!(classify(first_byte, ChannelRange::Rfc8656), in_8656, "{first_byte}");
            assert_eq!(classify(first_byte, ChannelRange::Rfc5766), in_5766, "{first_byte}");
        }
    }
}
