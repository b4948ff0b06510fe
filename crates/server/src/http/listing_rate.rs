//! How often each identity may ask which rooms there are. To answer, many rooms may have to be
//! looked at, and held against every pattern of a token.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use kopru_signal::{Paces, Rate};

use super::error::HttpError;

/// Lists of rooms, by the identity of who asks. Back ends have keys, and are not counted.
pub(crate) struct ListingRate {
    rate: Rate,
    paces: Mutex<Paces<String>>,
}

impl ListingRate {
    /// Nobody has asked yet.
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, paces: Mutex::default() }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`HttpError::RateLimited`]
    pub(super) fn take(&self, identity: &str) -> Result<(), HttpError> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = paces.take(identity.to_owned(), Instant::now(), self.rate);
        taken.map_err(|_| HttpError::RateLimited)
    }
}
