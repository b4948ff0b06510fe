//! RFC 8489 §9.2: Long-Term Credential Mechanism. Nonces that the server need not remember.
//!
//! ```text
//!  "obMatJos2" "gAAA"   time (4)  HMAC-SHA256(key, features ‖ time ‖ address ‖ port), 10 bytes
//!  └── nonce cookie ──┘ └────────────────────── base64, 19 letters ────────────────────────┘
//!   cookie and 24 feature bits                   32 letters together
//! ```
//!
//! The feature bits (§18.1) are counted from the most significant: bit 0, password algorithms, is
//! 0x800000, and bit 1, username anonymity, 0x400000. The example of §B.1 counts from the other
//! end, the text of §9.2 and §18.1 does not.
//!
//! "The server MUST NOT choose the same NONCE for two requests unless they have the same source IP
//! address and port" (§9.2.4): both are under the HMAC. So whoever echoes a valid nonce receives
//! packets at the address it sends from, and an unauthenticated request leaves nothing behind.

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use kopru_stun::time::Now;
use sha2::Sha256;

use crate::five_tuple::ClientAddr;
use crate::limits::{NONCE_LIFETIME_S, NONCE_SKEW_S};

/// A nonce for one client, as it goes on the wire.
#[derive(Clone, Copy)]
pub(crate) struct ServerNonce {
    letters: [u8; NONCE_LEN],
}

/// What a challenge offers, as the nonce cookie tells it: an attacker who takes an offer out of a
/// challenge can't take it out of here (§9.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Features {
    /// Nothing: there was no room for an offer. Such a nonce is never valid, so that whoever
    /// authenticates with it gets the offer then.
    None,
    /// "Password algorithms".
    PasswordAlgorithms,
    /// "Password algorithms" and "Username anonymity".
    UsernameAnonymity,
}

impl Features {
    /// The 24 bits in base64.
    fn letters(self) -> &'static str {
        match self {
            Self::None => "AAAA",
            Self::PasswordAlgorithms => "gAAA",
            Self::UsernameAnonymity => "wAAA",
        }
    }
}

/// Whether `nonce` has the nonce cookie with the bit of password algorithms set, whoever made it.
pub(crate) fn offers_password_algorithms(nonce: &str) -> bool {
    let letters = nonce.strip_prefix(COOKIE).and_then(|rest| rest.get(..FEATURES_LEN));
    let bits = letters.and_then(|letters| STANDARD_NO_PAD.decode(letters).ok());
    bits.is_some_and(|bits| bits.first().is_some_and(|byte| byte & 0x80 != 0))
}

impl ServerNonce {
    /// A fresh nonce for this client.
    pub(crate) fn mint(key: &[u8; 32], features: Features, now: Now, client: ClientAddr) -> Self {
        let features = features.letters();
        let time = (now.unix as u32).to_be_bytes();
        let mut body = [0; BODY_LEN];
        let (front, tag) = body.split_at_mut(time.len());
        front.copy_from_slice(&time);
        let full = mac(key, features, time, client).finalize().into_bytes();
        tag.iter_mut().zip(full).for_each(|(tag, full)| *tag = full);

        let mut letters = [0; NONCE_LEN];
        let (cookie, rest) = letters.split_at_mut(COOKIE.len());
        cookie.copy_from_slice(COOKIE.as_bytes());
        let (bits, rest) = rest.split_at_mut(FEATURES_LEN);
        bits.copy_from_slice(features.as_bytes());
        let written = STANDARD_NO_PAD.encode_slice(body, rest);
        debug_assert_eq!(written, Ok(BODY_LETTERS));
        Self { letters }
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.letters).unwrap_or_default()
    }
}

/// Whether this server, or another with the same key, gave `nonce` to this client not long ago,
/// together with its offer.
pub(crate) fn is_valid(key: &[u8; 32], now: Now, client: ClientAddr, nonce: &str) -> bool {
    if !offers_password_algorithms(nonce) {
        return false;
    }
    let letters = nonce.strip_prefix(COOKIE);
    let Some((features, letters)) = letters.and_then(|rest| rest.split_at_checked(FEATURES_LEN))
    else {
        return false;
    };
    let mut body = [0; BODY_LEN];
    if STANDARD_NO_PAD.decode_slice(letters, &mut body) != Ok(BODY_LEN) {
        return false;
    }
    let Some((&time, tag)) = body.split_first_chunk() else { return false };
    let minted_at = u64::from(u32::from_be_bytes(time));
    // The clock's low 32 bits; a nonce in the future is of a server whose clock is ahead.
    let age_s = (now.unix & u64::from(u32::MAX)) as i64 - minted_at as i64;
    let fresh = -(NONCE_SKEW_S as i64)..NONCE_LIFETIME_S as i64;
    fresh.contains(&age_s) && mac(key, features, time, client).verify_truncated_left(tag).is_ok()
}

fn mac(
    key: &[u8; 32],
    features: &str,
    time: [u8; 4],
    ClientAddr(client): ClientAddr,
) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key length");
    mac.update(features.as_bytes());
    mac.update(&time);
    mac_address(&mut mac, client);
    mac
}

fn mac_address(mac: &mut Hmac<Sha256>, client: SocketAddr) {
    match client.ip() {
        IpAddr::V4(ip) => mac.update(&ip.octets()),
        IpAddr::V6(ip) => mac.update(&ip.octets()),
    }
    mac.update(&client.port().to_be_bytes());
}

/// What announces RFC 8489 and the feature bits.
const COOKIE: &str = "obMatJos2";
/// 24 bits in base64.
const FEATURES_LEN: usize = 4;
/// Time and tag.
const BODY_LEN: usize = 14;
/// The same without padding in base64.
const BODY_LETTERS: usize = 19;
const NONCE_LEN: usize = COOKIE.len() + FEATURES_LEN + BODY_LETTERS;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const PLAIN: Features = Features::PasswordAlgorithms;

    fn client(text: &str) -> ClientAddr {
        ClientAddr(text.parse().unwrap())
    }

    fn at(unix: u64) -> Now {
        #[expect(clippy::disallowed_methods, reason = "any instant will do: nonces have Unix time")]
        Now { instant: Instant::now(), unix }
    }

    #[test]
    fn it_is_short_and_carries_the_cookie() {
        for (features, cookie, offers) in [
            (Features::None, "obMatJos2AAAA", false),
            (Features::PasswordAlgorithms, "obMatJos2gAAA", true),
            (Features::UsernameAnonymity, "obMatJos2wAAA", true),
        ] {
            let nonce = ServerNonce::mint(&KEY, features, at(1_800_000_000), client("1.2.3.4:5"));
            assert_eq!((nonce.as_str().len(), &nonce.as_str()[..13]), (32, cookie));
            let valid = is_valid(&KEY, at(1_800_000_000), client("1.2.3.4:5"), nonce.as_str());
            assert_eq!((offers_password_algorithms(nonce.as_str()), valid), (offers, offers));
        }
    }

    #[test]
    fn it_is_valid_for_its_client_and_its_time_alone() {
        let minted = ServerNonce::mint(&KEY, PLAIN, at(10_000), client("1.2.3.4:5"));
        for (key, now, from, valid) in [
            (KEY, 10_000, "1.2.3.4:5", true),
            (KEY, 10_000 + NONCE_LIFETIME_S - 1, "1.2.3.4:5", true),
            (KEY, 10_000 + NONCE_LIFETIME_S, "1.2.3.4:5", false),
            (KEY, 10_000 - NONCE_SKEW_S, "1.2.3.4:5", true),
            (KEY, 10_000 - NONCE_SKEW_S - 1, "1.2.3.4:5", false),
            (KEY, 10_000, "1.2.3.4:6", false),
            (KEY, 10_000, "1.2.3.5:5", false),
            (KEY, 10_000, "[::ffff:1.2.3.4]:5", false),
            ([8; 32], 10_000, "1.2.3.4:5", false),
        ] {
            assert_eq!(is_valid(&key, at(now), client(from), minted.as_str()), valid, "{from}");
        }
    }

    #[test]
    fn the_first_feature_bit_is_the_most_significant_one() {
        for (nonce, offered) in [
            ("obMatJos2gAAA", true),
            ("obMatJos2wAAAx", true),
            ("obMatJos2AAAA", false),
            ("obMatJos2QAAA", false),
            ("obMatJos2AAAC", false),
            ("obMatJos2gAA", false),
            ("obMatJos2g=AA", false),
            ("obMatJos2gAAü", false),
            ("obmatjos2gAAA", false),
            ("gAAA", false),
            ("", false),
        ] {
            assert_eq!(offers_password_algorithms(nonce), offered, "{nonce}");
        }
    }

    #[test]
    fn no_letter_of_it_can_be_changed() {
        let (now, from) = (at(10_000), client("1.2.3.4:5"));
        let minted = ServerNonce::mint(&KEY, PLAIN, now, from);
        for place in 0..NONCE_LEN {
            let mut letters = minted.letters;
            letters[place] ^= 1;
            let changed = str::from_utf8(&letters).unwrap();
            assert!(!is_valid(&KEY, now, from, changed), "{changed}");
        }
        let whole = minted.as_str();
        for other in ["", "x", &whole[..31], &format!("{whole}A"), &"A".repeat(763)] {
            assert!(!is_valid(&KEY, now, from, other), "{other}");
        }
    }
}
