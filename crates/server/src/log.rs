//! The log: lines on standard error. Never a secret; SDP and addresses of clients at debug only.

use std::io::{IsTerminal, stderr};
use std::str::FromStr;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging as `KOPRU_LOG` asks. `false` when it asks for something that is no level.
pub(crate) fn start() -> bool {
    let wish = std::env::var("KOPRU_LOG").unwrap_or_default();
    let parsed = Targets::from_str(&wish);
    let is_readable = parsed.is_ok();
    let targets = match parsed {
        Ok(targets) if !wish.is_empty() => targets,
        _ => Targets::new().with_default(Level::INFO),
    };
    // These two say at debug what they do byte by byte.
    let quiet = [("hyper", LevelFilter::INFO), ("rustls", LevelFilter::INFO)];
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    tracing_subscriber::registry().with(targets.with_targets(quiet)).with(lines).init();
    is_readable
}
