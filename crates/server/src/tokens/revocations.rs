//! Tokens that a back end has taken back: all that an identity had at one moment.
//!
//! What was issued later is good again, so nobody has to be let in by name. An entry goes when no
//! token from before it can be good any more.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Of which identities, and since when.
#[derive(Default)]
pub(super) struct Revocations {
    by_identity: Mutex<HashMap<Box<str>, Revocation>>,
}

/// Tokens issued up to `at` are taken back; from `until` on, all of them have ended. Unix time.
struct Revocation {
    at: u64,
    until: u64,
}

/// As many identities as there is room for; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RevocationsFull;

impl fmt::Display for RevocationsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tokens of {REVOCATIONS_MAX} identities are taken back already")
    }
}

impl std::error::Error for RevocationsFull {}

impl Revocations {
    /// Takes back what `identity` has `now`, where no token is good for longer than `life_s`.
    pub(super) fn add(&self, now: u64, identity: &str, life_s: u64) -> Result<(), RevocationsFull> {
        let mut entries = self.by_identity.lock().unwrap_or_else(PoisonError::into_inner);
        if !entries.contains_key(identity) {
            if entries.len() >= REVOCATIONS_MAX {
                entries.retain(|_, revocation| revocation.until > now);
            }
            if entries.len() >= REVOCATIONS_MAX {
                return Err(RevocationsFull);
            }
        }
        let revocation = Revocation { at: now, until: now.saturating_add(life_s) };
        entries.insert(identity.into(), revocation);
        Ok(())
    }

    /// Whether a token of `identity` is among them that was `issued` then. One that does not say
    /// when it was may be older.
    pub(super) fn include(&self, identity: &str, issued: Option<u64>) -> bool {
        let entries = self.by_identity.lock().unwrap_or_else(PoisonError::into_inner);
        let revocation = entries.get(identity);
        revocation.is_some_and(|revocation| issued.is_none_or(|issued| issued <= revocation.at))
    }
}

/// Each has at most 128 characters: 34 MiB if all are taken.
const REVOCATIONS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_issued_before_is_taken_back_and_what_comes_later_is_not() {
        let revocations = Revocations::default();
        revocations.add(1000, "ada", 60).unwrap();
        for (issued, expect) in [(None, true), (Some(1000), true), (Some(1001), false)] {
            assert_eq!(revocations.include("ada", issued), expect, "{issued:?}");
        }
        assert!(!revocations.include("bo", None));
        revocations.add(2000, "ada", 60).unwrap();
        assert!(revocations.include("ada", Some(1001)));
    }

    #[test]
    fn the_table_has_an_end_and_makes_room_of_what_has_expired() {
        let revocations = Revocations::default();
        for number in 0..REVOCATIONS_MAX {
            revocations.add(1000, &number.to_string(), 60).unwrap();
        }
        assert_eq!(revocations.add(1000, "ada", 60), Err(RevocationsFull));
        assert!(!revocations.include("ada", None));
        revocations.add(1001, "7", 60).expect("who is in it stays in it");
        revocations.add(1060, "ada", 60).expect("the others have expired");
        assert!(revocations.include("ada", None) && revocations.include("7", None));
        assert!(!revocations.include("8", None));
    }
}
