//! What the HTTP side refused, counted by code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::response::Response;

use super::App;
use super::error::HttpError;

/// How often each refusal was given.
#[derive(Debug)]
pub(crate) struct Counts {
    refusals: [AtomicU64; HttpError::ALL.len()],
}

impl Default for Counts {
    fn default() -> Self {
        Self { refusals: [const { AtomicU64::new(0) }; HttpError::ALL.len()] }
    }
}

impl Counts {
    /// Every refusal's code, and how often it was given.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.refusals.iter().map(|count| count.load(Ordering::Relaxed));
        HttpError::ALL.into_iter().map(HttpError::code).zip(counts)
    }
}

/// Stands behind every route.
pub(crate) async fn count(State(app): State<Arc<App>>, response: Response) -> Response {
    let refusal = response.extensions().get::<HttpError>();
    if let Some(count) = refusal.and_then(|error| app.counts.refusals.refusals.get(*error as usize))
    {
        count.fetch_add(1, Ordering::Relaxed);
    }
    response
}
