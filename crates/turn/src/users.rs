//! RFC 8489 §9.2.4: whose user name or userhash is valid. The users that an operator lists.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kopru_stun::attribute::{PasswordAlgorithm, Userhash};
use kopru_stun::credentials::LongTermKey;

/// The listed users, by name and by userhash.
#[derive(Clone, Debug, Default)]
pub struct Users {
    by_name: BTreeMap<Arc<str>, UserKeys>,
    by_hash: HashMap<Userhash, Arc<str>>,
    some_lack_sha256: bool,
}

/// The keys of one user: derived from name, realm and password, which is not stored itself
/// (RFC 8656 §6).
#[derive(Clone, Copy, Debug)]
pub struct UserKeys {
    /// The key that every client can make.
    pub md5: [u8; 16],
    /// The key of RFC 8489 §18.5.1.2; `None` where only the other was given. Then no user is
    /// offered this algorithm, since nobody knows who will answer a challenge.
    pub sha256: Option<[u8; 32]>,
}

impl UserKeys {
    /// Both keys, made from the password.
    pub fn derive(username: &str, realm: &str, password: &str) -> Self {
        let derive = |algorithm| LongTermKey::derive(algorithm, username, realm, password);
        let mut keys = Self { md5: [0; 16], sha256: None };
        for key in [PasswordAlgorithm::Md5, PasswordAlgorithm::Sha256].map(derive) {
            match key {
                LongTermKey::Md5(key) => keys.md5 = key,
                LongTermKey::Sha256(key) => keys.sha256 = Some(key),
            }
        }
        keys
    }
}

impl Users {
    /// These users, in this realm.
    pub fn new(realm: &str, users: impl IntoIterator<Item = (String, UserKeys)>) -> Self {
        let users = users.into_iter().map(|(name, keys)| (Arc::from(name), keys));
        let by_name: BTreeMap<Arc<str>, UserKeys> = users.collect();
        let hashed = |name: &Arc<str>| (Userhash::of(name, realm), Arc::clone(name));
        let by_hash = by_name.keys().map(hashed).collect();
        let some_lack_sha256 = by_name.values().any(|keys| keys.sha256.is_none());
        Self { by_name, by_hash, some_lack_sha256 }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(crate) fn contains(&self, username: &str) -> bool {
        self.by_name.contains_key(username)
    }

    /// The name that has this userhash.
    pub(crate) fn name(&self, hash: &Userhash) -> Option<&Arc<str>> {
        self.by_hash.get(hash)
    }

    pub(crate) fn key(&self, username: &str, algorithm: PasswordAlgorithm) -> Option<LongTermKey> {
        let keys = self.by_name.get(username)?;
        match algorithm {
            PasswordAlgorithm::Md5 => Some(LongTermKey::Md5(keys.md5)),
            PasswordAlgorithm::Sha256 => keys.sha256.map(LongTermKey::Sha256),
        }
    }

    pub(crate) fn all_have_sha256(&self) -> bool {
        !self.some_lack_sha256
    }
}
