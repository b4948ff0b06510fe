//! RFC 8489 §14.5: MESSAGE-INTEGRITY; RFC 8489 §14.6: MESSAGE-INTEGRITY-SHA256.
//!
//! ```text
//!             ┌────────┬──────────────────┬──────────────────────────┬─ … ──┐
//!   message   │ header │ attributes       │ MESSAGE-INTEGRITY (4+20) │ more │
//!             └────────┴──────────────────┴──────────────────────────┴─ … ──┘
//!   HMAC over └────── these bytes ────────┘                          ▲
//!   with the length field of the header saying that the message ends here
//! ```
//!
//! MESSAGE-INTEGRITY-SHA256 is the same with 32 bytes. It "must be the full 32 bytes unless the
//! STUN Usage explicitly specifies that truncation is allowed": no usage of kopru does.

use hmac::digest::block_api::EagerHash;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::ATTRIBUTE_HEADER_LEN;
use crate::header::HEADER_LEN;

/// Length of the HMAC-SHA1 in bytes.
pub(crate) const VALUE_LEN: usize = 20;

/// Length of the HMAC-SHA256 in bytes.
pub(crate) const SHA256_VALUE_LEN: usize = 32;

/// Length in bytes to which another usage may have cut the HMAC-SHA256.
pub(crate) const SHA256_VALUE_LEN_MIN: usize = 16;

/// The HMAC-SHA1 of the message whose bytes in front of MESSAGE-INTEGRITY, header included, are
/// `covered`.
pub(crate) fn hmac(covered: &[u8], key: &[u8]) -> [u8; VALUE_LEN] {
    started::<Sha1>(covered, key, VALUE_LEN).finalize().into_bytes().into()
}

/// The same with SHA-256, for MESSAGE-INTEGRITY-SHA256.
pub(crate) fn hmac_sha256(covered: &[u8], key: &[u8]) -> [u8; SHA256_VALUE_LEN] {
    started::<Sha256>(covered, key, SHA256_VALUE_LEN).finalize().into_bytes().into()
}

/// Whether `value` is [`hmac`], in a time that does not depend on the bytes.
pub(crate) fn is_valid(covered: &[u8], key: &[u8], value: &[u8]) -> bool {
    started::<Sha1>(covered, key, VALUE_LEN).verify_slice(value).is_ok()
}

/// Whether `value` is the whole of [`hmac_sha256`], in a time that does not depend on the bytes.
pub(crate) fn is_valid_sha256(covered: &[u8], key: &[u8], value: &[u8]) -> bool {
    started::<Sha256>(covered, key, SHA256_VALUE_LEN).verify_slice(value).is_ok()
}

fn started<H>(covered: &[u8], key: &[u8], value_len: usize) -> Hmac<H>
where
    H: EagerHash,
{
    let mut mac = <Hmac<H> as KeyInit>::new_from_slice(key).expect("HMAC takes any key length");
    let (front, rest) = covered.split_at(covered.len().min(2));
    mac.update(front);
    let length = (covered.len() + ATTRIBUTE_HEADER_LEN + value_len).saturating_sub(HEADER_LEN);
    mac.update(&(length as u16).to_be_bytes());
    mac.update(rest.get(2..).unwrap_or_default());
    mac
}
