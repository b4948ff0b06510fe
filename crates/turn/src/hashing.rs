//! The hash of the tables that packets are looked up in: keyed, so that nobody outside can choose
//! addresses and ports that meet in one bucket.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// Builds hashers with a key of this server's own.
#[derive(Clone, Copy)]
pub(crate) struct KeyedHash {
    key: [u8; 16],
}

impl KeyedHash {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key }
    }
}

impl BuildHasher for KeyedHash {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.key)
    }
}
