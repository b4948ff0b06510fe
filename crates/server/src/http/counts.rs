//! What the HTTP side refused, counted by code; and when each is to try again: of many who are
//! refused together not all hear the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header;
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
pub(crate) async fn count(State(app): State<Arc<App>>, mut response: Response) -> Response {
    let Some(&error) = response.extensions().get::<HttpError>() else { return response };
    let Some(count) = app.counts.refusals.refusals.get(error as usize) else { return response };
    let before = count.fetch_add(1, Ordering::Relaxed);
    if let Some(spread) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, spread.nth(before).into());
    }
    response
}
