//! RFC 8489 §14.10: NONCE.

use super::text::text_attribute;

/// What the server wants to see again, to know that the request is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce<'a>(pub &'a str);

text_attribute!(Nonce, NONCE);
