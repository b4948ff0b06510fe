//! RFC 8489 §5: transaction IDs of the indications that the server sends, "uniformly and randomly
//! chosen" as far as anybody outside can tell.

use std::hash::Hasher;

use kopru_stun::TransactionId;
use siphasher::sip128::{Hasher128, SipHasher13};

/// A count under a keyed hash.
pub(crate) struct TransactionIds {
    key: [u8; 16],
    count: u64,
}

impl TransactionIds {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self { key, count: 0 }
    }

    pub(crate) fn next(&mut self) -> TransactionId {
        self.count = self.count.wrapping_add(1);
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u64(self.count);
        let [id @ .., _, _, _, _] = hasher.finish128().as_bytes();
        TransactionId(id)
    }
}
