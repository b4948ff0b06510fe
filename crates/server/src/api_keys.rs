//! Keys that programs show. Compared in constant time: how long it takes tells nothing.

use subtle::{Choice, ConstantTimeEq};

/// The keys that open something.
#[derive(Default)]
pub(crate) struct ApiKeys(Vec<String>);

impl ApiKeys {
    pub(crate) fn new(keys: impl IntoIterator<Item = String>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this is one of them.
    pub(crate) fn know(&self, shown: Option<&str>) -> bool {
        let Some(shown) = shown else { return false };
        let known = self.0.iter().map(|key| key.as_bytes().ct_eq(shown.as_bytes()));
        known.fold(Choice::from(0), |any, this| any | this).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_themselves() {
        let keys = ApiKeys::new(["one".to_owned(), "two".to_owned()]);
        assert!(keys.know(Some("one")) && keys.know(Some("two")));
        for shown in [None, Some(""), Some("on"), Some("onetwo"), Some("ONE")] {
            assert!(!keys.know(shown), "{shown:?}");
        }
        assert!(!ApiKeys::default().know(Some("")));
    }
}
