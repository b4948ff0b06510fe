//! RFC 8489 §9.2.4: keys of time-limited user names that authenticated lately. A client makes one
//! allocation for each of its interfaces and servers, with one user name, in one second: its key is
//! derived for the first of them.
//!
//! ```text
//!  user name ── keyed hash ──▶ │ . │ ada, key │ . │ . │ bob, key │ . │     it never grows
//! ```
//!
//! Only what has authenticated is entered, so a flood of user names that somebody made up changes
//! nothing here. Two that meet in a place push each other out, and are derived again: that costs
//! them two digests, and who meets whom nobody can choose, since the hash has a key. A key is a
//! function of user name, realm and secret, which a server keeps for life; whether the name has
//! expired or was taken back is asked for each request beside.

use std::hash::BuildHasher;

use kopru_stun::attribute::PasswordAlgorithm;
use kopru_stun::credentials::LongTermKey;

use crate::hashing::KeyedHash;
use crate::limits::KNOWN_KEYS;

/// User names and their keys.
pub(crate) struct KnownKeys {
    hash: KeyedHash,
    places: Box<[Option<Known>]>,
}

struct Known {
    username: Box<str>,
    key: LongTermKey,
}

impl KnownKeys {
    /// Without any.
    pub(crate) fn new(hash: KeyedHash) -> Self {
        Self { hash, places: (0..KNOWN_KEYS).map(|_| None).collect() }
    }

    /// The key of this user name, if it is known.
    pub(crate) fn find(&self, username: &str, algorithm: PasswordAlgorithm) -> Option<LongTermKey> {
        let known = self.places.get(self.place(username))?.as_ref()?;
        let fits = *known.username == *username && known.key.algorithm() == algorithm;
        fits.then_some(known.key)
    }

    /// Enters the key that a user name has authenticated with.
    pub(crate) fn enter(&mut self, username: &str, key: LongTermKey) {
        let place = self.place(username);
        if let Some(place) = self.places.get_mut(place) {
            *place = Some(Known { username: username.into(), key });
        }
    }

    fn place(&self, username: &str) -> usize {
        self.hash.hash_one(username) as usize % KNOWN_KEYS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> LongTermKey {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        LongTermKey::Md5(bytes)
    }

    #[test]
    fn the_table_has_one_size_and_tells_no_wrong_key() {
        let mut keys = KnownKeys::new(KeyedHash::new([7; 16]));
        let name = |number: u32| format!("1900000000:{number}");
        for number in 0..20_000 {
            keys.enter(&name(number), key(number));
            let found = keys.find(&name(number), PasswordAlgorithm::Md5);
            assert_eq!(found.unwrap().as_ref(), key(number).as_ref());
            assert!(keys.find(&name(number), PasswordAlgorithm::Sha256).is_none());
        }
        let found = (0..20_000).filter_map(|number| {
            let found = keys.find(&name(number), PasswordAlgorithm::Md5)?;
            assert_eq!(found.as_ref(), key(number).as_ref());
            Some(())
        });
        assert_eq!((found.count(), keys.places.len()), (KNOWN_KEYS, KNOWN_KEYS), "all are taken");
        assert!(keys.find("", PasswordAlgorithm::Md5).is_none());
    }
}
