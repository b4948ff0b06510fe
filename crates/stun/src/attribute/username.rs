//! RFC 8489 §14.3: USERNAME.

use super::text::text_attribute;

/// Whose credentials the message is protected with. May be sent with up to
/// [`TEXT_LEN_MAX`](super::TEXT_LEN_MAX) bytes, as REALM and NONCE may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Username<'a>(pub &'a str);

text_attribute!(Username, USERNAME);
