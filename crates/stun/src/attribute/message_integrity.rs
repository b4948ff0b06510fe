//! RFC 8489 §14.5: MESSAGE-INTEGRITY.
//!
//! ```text
//!             ┌────────┬──────────────────┬──────────────────────────┬─ … ──┐
//!   message   │ header │ attributes       │ MESSAGE-INTEGRITY (4+20) │ more │
//!             └────────┴──────────────────┴──────────────────────────┴─ … ──┘
//!   HMAC over └────── these bytes ────────┘                          ▲
//!   with the length field of the header saying that the message ends here
//! ```

use hmac::digest::MacError;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::ATTRIBUTE_HEADER_LEN;
use crate::header::HEADER_LEN;

/// Length of the HMAC-SHA1 in bytes.
pub(crate) const VALUE_LEN: usize = 20;

/// The HMAC of the message whose bytes in front of MESSAGE-INTEGRITY, header included, are
/// `covered`.
pub(crate) fn hmac(covered: &[u8], key: &[u8]) -> [u8; VALUE_LEN] {
    started(covered, key).finalize().into_bytes().into()
}

/// Whether `value` is that HMAC, in a time that does not depend on the bytes.
pub(crate) fn is_valid(covered: &[u8], key: &[u8], value: &[u8]) -> bool {
    let result: Result<(), MacError> = started(covered, key).verify_slice(value);
    result.is_ok()
}

fn started(covered: &[u8], key: &[u8]) -> Hmac<Sha1> {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(key).expect("HMAC takes any key length");
    let (front, rest) = covered.split_at(covered.len().min(2));
    mac.update(front);
    let length = (covered.len() + ATTRIBUTE_HEADER_LEN + VALUE_LEN).saturating_sub(HEADER_LEN);
    mac.update(&(length as u16).to_be_bytes());
    mac.update(rest.get(2..).unwrap_or_default());
    mac
}
