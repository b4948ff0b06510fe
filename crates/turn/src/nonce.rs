//! RFC 8489 §9.2: Long-Term Credential Mechanism. Nonces that the server need not remember.
//!
//! ```text
//!  "obMatJos2" "AAAA"   time (4 bytes)  HMAC-SHA256(key, time ‖ client address ‖ port), 10 bytes
//!  └── nonce cookie ──┘ └───────────────────── base64, 19 letters ─────────────────────────────┘
//!   cookie and features, all 24 bits zero              32 letters together
//! ```
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

impl ServerNonce {
    /// A fresh nonce for this client.
    pub(crate) fn mint(key: &[u8; 32], now: Now, client: ClientAddr) -> Self {
        let time = (now.unix as u32).to_be_bytes();
        let mut body = [0; BODY_LEN];
        let (front, tag) = body.split_at_mut(time.len());
        front.copy_from_slice(&time);
        let full = mac(key, time, client).finalize().into_bytes();
        tag.iter_mut().zip(full).for_each(|(tag, full)| *tag = full);

        let mut letters = [0; NONCE_LEN];
        let (cookie, rest) = letters.split_at_mut(COOKIE.len());
        cookie.copy_from_slice(COOKIE.as_bytes());
        let written = STANDARD_NO_PAD.encode_slice(body, rest);
        debug_assert_eq!(written, Ok(NONCE_LEN - COOKIE.len()));
        Self { letters }
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.letters).unwrap_or_default()
    }
}

/// Whether this server, or another with the same key, gave `nonce` to this client not long ago.
pub(crate) fn is_valid(key: &[u8; 32], now: Now, client: ClientAddr, nonce: &str) -> bool {
    let Some(letters) = nonce.strip_prefix(COOKIE) else { return false };
    let mut body = [0; BODY_LEN];
    if STANDARD_NO_PAD.decode_slice(letters, &mut body) != Ok(BODY_LEN) {
        return false;
    }
    let Some((&time, tag)) = body.split_first_chunk() else { return false };
    let minted_at = u64::from(u32::from_be_bytes(time));
    // The clock's low 32 bits; a nonce in the future is of a server whose clock is ahead.
    let age_s = (now.unix & u64::from(u32::MAX)) as i64 - minted_at as i64;
    let fresh = -(NONCE_SKEW_S as i64)..NONCE_LIFETIME_S as i64;
    fresh.contains(&age_s) && mac(key, time, client).verify_truncated_left(tag).is_ok()
}

fn mac(key: &[u8; 32], time: [u8; 4], ClientAddr(client): ClientAddr) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key length");
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

/// "obMatJos2" and 24 feature bits, none of them set.
const COOKIE: &str = "obMatJos2AAAA";
/// Time and tag.
const BODY_LEN: usize = 14;
/// Without padding, 14 bytes are 19 letters.
const NONCE_LEN: usize = COOKIE.len() + 19;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn client(text: &str) -> ClientAddr {
        ClientAddr(text.parse().unwrap())
    }

    fn at(unix: u64) -> Now {
        #[expect(clippy::disallowed_methods, reason = "any instant will do: nonces have Unix time")]
        Now { instant: Instant::now(), unix }
    }

    #[test]
    fn it_is_short_and_carries_the_cookie() {
        let nonce = ServerNonce::mint(&KEY, at(1_800_000_000), client("1.2.3.4:5"));
        assert_eq!((nonce.as_str().len(), &nonce.as_str()[..13]), (32, "obMatJos2AAAA"));
    }

    #[test]
    fn it_is_valid_for_its_client_and_its_time_alone() {
        let minted = ServerNonce::mint(&KEY, at(10_000), client("1.2.3.4:5"));
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
    fn no_letter_of_it_can_be_changed() {
        let (now, from) = (at(10_000), client("1.2.3.4:5"));
        let minted = ServerNonce::mint(&KEY, now, from);
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
