//! The log: lines on standard error. Never a secret; SDP and addresses of clients at debug only.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write, stderr};
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
        .with_writer(|| Lines)
        .with_ansi(stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    tracing_subscriber::registry().with(targets.with_targets(quiet)).with(lines).init();
    is_readable
}

/// Does `work`. The lines that this thread logs meanwhile leave at its end, in one write: where
/// there are hundreds a second, writing each would cost more than making them.
pub(crate) fn together<T>(work: impl FnOnce() -> T) -> T {
    GATHERED.set(Some(Vec::new()));
    let _until_the_end = Gathering;
    work()
}

/// Lines are being gathered, until this ends, in whatever way.
struct Gathering;

impl Drop for Gathering {
    fn drop(&mut self) {
        // Whom could it be told? The same goes for each line by itself.
        let _ = stderr().write_all(&GATHERED.take().unwrap_or_default());
    }
}

/// Where lines go.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        GATHERED.with_borrow_mut(|gathered| match gathered {
            Some(lines) => lines.write(line),
            None => stderr().write(line),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    /// The lines of a thread that gathers them.
    static GATHERED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_gathered_on_one_thread_and_until_the_end() {
        together(|| {
            Lines.write_all(b"one\n").unwrap();
            Lines.write_all(b"two\n").unwrap();
            std::thread::spawn(|| assert!(GATHERED.take().is_none())).join().unwrap();
            GATHERED.with_borrow_mut(|lines| assert_eq!(lines.take().unwrap(), b"one\ntwo\n"));
        });
        let panics = || together(|| panic!("with lines that nobody has seen"));
        std::panic::catch_unwind(panics).unwrap_err();
        assert!(GATHERED.take().is_none(), "no line waits for ever");
    }
}
