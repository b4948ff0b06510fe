//! Why a measurement could not be made.

use std::fmt;
use std::io;

/// Each says what is to be set right, or what the server said.
#[derive(Debug)]
pub(crate) enum BenchError {
    /// A server could not be started.
    Start { name: String, source: io::Error },
    /// It is not there at all.
    Missing { what: String, cure: &'static str },
    /// It was started and does not answer.
    NotReady { name: String },
    /// It ended while it was measured.
    Ended { name: String },
    /// It refused what the load consists of.
    Refused { said: String },
    /// No certificate could be made.
    Tls { said: String },
    /// Hot functions take more instructions than they did.
    Longer { paths: String },
    /// Clients did not get as far as they should have.
    Stuck { what: &'static str },
    /// A socket, or a file.
    Io { what: &'static str, source: io::Error },
}

impl BenchError {
    /// For `map_err`: what was being done.
    pub(crate) fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { name, source } => write!(f, "{name} could not be started: {source}"),
            Self::Missing { what, cure } => write!(f, "{what} is missing: {cure}"),
            Self::NotReady { name } => write!(f, "{name} was started and is not ready"),
            Self::Ended { name } => write!(f, "{name} ended while it was measured"),
            Self::Refused { said } => write!(f, "the server refused the load: {said}"),
            Self::Tls { said } => write!(f, "a certificate: {said}"),
            Self::Longer { paths } => {
                write!(f, "more instructions than were kept: {paths}. If that is meant: --keep")
            }
            Self::Stuck { what } => write!(f, "stuck: {what}"),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
        }
    }
}

impl std::error::Error for BenchError {}
