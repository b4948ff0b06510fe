//! RFC 8489 §5: STUN Message Structure (the message type); RFC 8656 §17: STUN Methods; RFC 6062
//! §6.1: New STUN Methods.
//!
//! ```text
//!    0   1   2   3   4   5   6   7   8   9  10  11  12  13  14  15
//!  ┌───┬───┬───────────────────┬───┬───────────┬───┬───────────────┐
//!  │ 0 │ 0 │   method 11..7    │ C1│method 6..4│ C0│  method 3..0  │
//!  └───┴───┴───────────────────┴───┴───────────┴───┴───────────────┘
//! ```

/// What a message is about: a number of 12 bits. A method that is not listed here keeps its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method(u16);

impl Method {
    /// Binding (RFC 8489 §12).
    pub const BINDING: Self = Self(0x001);
    /// Allocate (RFC 8656 §7).
    pub const ALLOCATE: Self = Self(0x003);
    /// Refresh (RFC 8656 §8).
    pub const REFRESH: Self = Self(0x004);
    /// Send, an indication only (RFC 8656 §11).
    pub const SEND: Self = Self(0x006);
    /// Data, an indication only (RFC 8656 §11).
    pub const DATA: Self = Self(0x007);
    /// CreatePermission (RFC 8656 §10).
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// ChannelBind (RFC 8656 §12).
    pub const CHANNEL_BIND: Self = Self(0x009);
    /// Connect (RFC 6062 §5.2).
    pub const CONNECT: Self = Self(0x00a);
    /// ConnectionBind (RFC 6062 §5.4).
    pub const CONNECTION_BIND: Self = Self(0x00b);
    /// ConnectionAttempt, an indication only (RFC 6062 §5.3).
    pub const CONNECTION_ATTEMPT: Self = Self(0x00c);

    /// The number of the method.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// The part that a message has in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 0b00: wants a response.
    Request,
    /// 0b01: wants none.
    Indication,
    /// 0b10: a success response.
    Success,
    /// 0b11: an error response.
    Error,
}

/// Method and class: the first 16 bits of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageType {
    /// The method.
    pub method: Method,
    /// The class.
    pub class: Class,
}

impl MessageType {
    /// The type of a message of this method and class.
    pub const fn new(method: Method, class: Class) -> Self {
        Self { method, class }
    }

    /// `None` when one of the two most significant bits is set.
    pub(crate) const fn from_bits(bits: u16) -> Option<Self> {
        if bits & 0xC000 != 0 {
            return None;
        }
        let method = bits & 0x000F | (bits & 0x00E0) >> 1 | (bits & 0x3E00) >> 2;
        let class = match (bits & C1 != 0, bits & C0 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        Some(Self { method: Method(method), class })
    }

    pub(crate) const fn bits(self) -> u16 {
        let method = self.method.0;
        let method = method & 0x000F | (method & 0x0070) << 1 | (method & 0x0F80) << 2;
        method
            | match self.class {
                Class::Request => 0,
                Class::Indication => C0,
                Class::Success => C1,
                Class::Error => C1 | C0,
            }
    }
}

const C0: u16 = 0x0010;
const C1: u16 = 0x0100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_as_the_rfcs_and_their_implementations_print_them() {
        for (bits, method, class) in [
            (0x0001, Method::BINDING, Class::Request),
            (0x0011, Method::BINDING, Class::Indication),
            (0x0101, Method::BINDING, Class::Success),
            (0x0111, Method::BINDING, Class::Error),
            (0x0003, Method::ALLOCATE, Class::Request),
            (0x0113, Method::ALLOCATE, Class::Error),
            (0x0104, Method::REFRESH, Class::Success),
            (0x0016, Method::SEND, Class::Indication),
            (0x0017, Method::DATA, Class::Indication),
            (0x0108, Method::CREATE_PERMISSION, Class::Success),
            (0x0119, Method::CHANNEL_BIND, Class::Error),
            (0x000a, Method::CONNECT, Class::Request),
            (0x010b, Method::CONNECTION_BIND, Class::Success),
            (0x001c, Method::CONNECTION_ATTEMPT, Class::Indication),
            (0x3EEF, Method(0xFFF), Class::Request),
        ] {
            let message_type = MessageType::new(method, class);
            assert_eq!(message_type.bits(), bits);
            assert_eq!(MessageType::from_bits(bits), Some(message_type));
        }
    }

    #[test]
    fn all_14_bits_survive_and_the_other_two_are_refused() {
        for bits in 0..0x4000 {
            assert_eq!(MessageType::from_bits(bits).map(MessageType::bits), Some(bits));
        }
        for bits in [0x4000, 0x8001, 0xC001] {
            assert_eq!(MessageType::from_bits(bits), None);
        }
    }
}
