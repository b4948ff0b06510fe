//! RFC 8489 §9.2.2: HMAC Key; RFC 8489 §18.5.1: Password Algorithms;
//! draft-uberti-behave-turn-rest-00: time-limited credentials.
//!
//! Where signaling and TURN meet: the one mints what the other checks, with the same functions.
//!
//! ```text
//!   secret ──┬── mint(now, ttl, id) ──▶ username "expiry:id", password   handed to the client
//!            │                                    │
//!            │                                    ▼
//!            │                          USERNAME, MESSAGE-INTEGRITY      in its requests
//!            │                                    │
//!            └── password(username) ──▶ LongTermKey::derive ──▶ verify_integrity
//! ```

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::digest::Output;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

use crate::attribute::PasswordAlgorithm;
use crate::time::Now;

mod limited_id;
mod opaque_string;

pub use limited_id::{id_and_limit, limited_id};
pub use opaque_string::{PasswordError, opaque_string};

/// The key that MESSAGE-INTEGRITY, of either kind, is made with in the long-term credential
/// mechanism.
///
/// As good as the password, within its realm: `Debug` does not show it.
#[derive(Clone, Copy)]
pub enum LongTermKey {
    /// MD5(username ":" realm ":" password): what SIP calls H(A1).
    Md5([u8; 16]),
    /// SHA-256(username ":" realm ":" password).
    Sha256([u8; 32]),
}

impl LongTermKey {
    /// The key that this algorithm makes of text that went through [`opaque_string`] where people
    /// typed it.
    ///
    /// Quotes and trailing nulls, which §9.2.2 would have removed, are taken as they are: clients
    /// in the field remove nothing either.
    pub fn derive(
        algorithm: PasswordAlgorithm,
        username: &str,
        realm: &str,
        password: &str,
    ) -> Self {
        let parts = [username, ":", realm, ":", password];
        match algorithm {
            PasswordAlgorithm::Md5 => Self::Md5(digest::<Md5>(parts).into()),
            PasswordAlgorithm::Sha256 => Self::Sha256(digest::<Sha256>(parts).into()),
        }
    }

    /// What it was made with.
    pub const fn algorithm(&self) -> PasswordAlgorithm {
        match self {
            Self::Md5(_) => PasswordAlgorithm::Md5,
            Self::Sha256(_) => PasswordAlgorithm::Sha256,
        }
    }
}

impl AsRef<[u8]> for LongTermKey {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Md5(key) => key,
            Self::Sha256(key) => key,
        }
    }
}

fn digest<D: Digest>(parts: [&str; 5]) -> Output<D> {
    let mut digest = D::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

impl fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LongTermKey(…)")
    }
}

/// What the signaling side and the TURN side share. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// A secret as configured.
    pub fn new(secret: impl Into<Box<str>>) -> Self {
        Self(secret.into())
    }

    /// The password that belongs to a time-limited user name: base64(HMAC-SHA1(secret, username)).
    pub fn password(&self, username: &str) -> String {
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(self.0.as_bytes())
            .expect("HMAC takes any key length");
        mac.update(username.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A user name with its password, for a client to show to the TURN server until it expires.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeLimited {
    /// `expiry:credential-id`.
    pub username: String,
    /// Belongs to the user name; worthless once that has expired.
    pub password: String,
}

impl fmt::Debug for TimeLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLimited").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Mints credentials that open allocations for `ttl` from `now` on.
///
/// `credential_id` names whoever they are for and is seen by everybody on the path: it should be
/// opaque. A user name has room for [`TEXT_LEN_MAX`](crate::attribute::TEXT_LEN_MAX) bytes.
pub fn mint(secret: &Secret, now: Now, ttl: Duration, credential_id: &str) -> TimeLimited {
    let expiry = now.unix.saturating_add(ttl.as_secs());
    let username = format!("{expiry}:{credential_id}");
    let password = secret.password(&username);
    TimeLimited { username, password }
}

/// Splits a time-limited user name into its expiry, in seconds since 1970-01-01 UTC, and the name
/// behind it, which is empty where there is only an expiry. `None` for any other user name.
pub fn expiry_and_name(username: &str) -> Option<(u64, &str)> {
    let (expiry, name) = username.split_once(':').unwrap_or((username, ""));
    // `parse` alone would take "+1893456000" as well: two spellings of one credential.
    if !expiry.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((expiry.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_key_of_the_rfc_s_example() {
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, "user", "realm", "pass");
        assert_eq!(
            key.as_ref(),
            b"\x84\x93\xfb\xc5\x3b\xa5\x82\xfb\x4c\x04\x4c\x45\x6b\xdc\x40\xeb"
        );
    }

    #[test]
    fn a_key_of_sha256_has_32_bytes() {
        let key = LongTermKey::derive(PasswordAlgorithm::Sha256, "user", "realm", "pass");
        assert_eq!((key.as_ref().len(), key.algorithm()), (32, PasswordAlgorithm::Sha256));
    }

    #[test]
    fn the_worked_example_of_time_limited_credentials() {
        let secret = Secret::new("s3cr3t");
        let username = "1893456000:alice";
        let password = secret.password(username);
        assert_eq!(password, "W2pH7hZX7AGtrPAHFj61wSpifMA=");
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, username, "example.org", &password);
        assert_eq!(
            key.as_ref(),
            b"\x7f\xa2\x25\x23\xcc\x3c\x46\xa6\xff\x4c\x8d\x1d\xdd\x9a\x18\x7c"
        );
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test is allowed to make an Instant")]
    fn what_is_minted_is_what_is_checked() {
        let secret = Secret::new("s3cr3t");
        let now = Now { instant: Instant::now(), unix: 1_893_455_400 };
        let minted = mint(&secret, now, Duration::from_secs(600), "alice");
        assert_eq!(minted.username, "1893456000:alice");
        assert_eq!(minted.password, secret.password(&minted.username));
        assert_eq!(expiry_and_name(&minted.username), Some((1_893_456_000, "alice")));
        let for_good = mint(&secret, now, Duration::MAX, "alice");
        assert_eq!(expiry_and_name(&for_good.username), Some((u64::MAX, "alice")));
    }

    #[test]
    fn an_expiry_is_decimal_digits_in_front_of_the_first_colon() {
        for (username, expect) in [
            ("1893456000:alice", Some((1_893_456_000, "alice"))),
            ("1893456000:a:b", Some((1_893_456_000, "a:b"))),
            ("1893456000:", Some((1_893_456_000, ""))),
            ("1893456000", Some((1_893_456_000, ""))),
            ("0:x", Some((0, "x"))),
            ("18446744073709551615:x", Some((u64::MAX, "x"))),
            ("18446744073709551616:x", None),
            ("alice", None),
            ("alice:1893456000", None),
            ("", None),
            (":alice", None),
            ("+1893456000:alice", None),
            ("-1:alice", None),
            (" 1893456000:alice", None),
            ("١٢٣:alice", None),
        ] {
            assert_eq!(expiry_and_name(username), expect, "{username}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = Secret::new("s3cr3t");
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, "user", "realm", "pass");
        let minted = TimeLimited { username: "1:x".into(), password: "W2pH7hZX".into() };
        assert_eq!(format!("{secret:?} {key:?}"), "Secret(…) LongTermKey(…)");
        assert_eq!(format!("{minted:?}"), "TimeLimited { username: \"1:x\", .. }");
    }
}
