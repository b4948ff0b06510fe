//! Every frame that arrived: the last of them for whoever reads a failure, all of them as one
//! number.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// What was said, newest last.
#[derive(Debug)]
pub(super) struct Transcript {
    seed: u64,
    began: Instant,
    steps: VecDeque<(Duration, String)>,
    digest: DefaultHasher,
}

impl Transcript {
    pub(super) fn new(seed: u64, began: Instant) -> Self {
        Self { seed, began, steps: VecDeque::new(), digest: DefaultHasher::new() }
    }

    /// Adds a step, and forgets the oldest.
    pub(super) fn note(&mut self, now: Instant, step: String) {
        let at = now.saturating_duration_since(self.began);
        (at, &step).hash(&mut self.digest);
        if self.steps.len() == STEPS_MAX {
            self.steps.pop_front();
        }
        self.steps.push_back((at, step));
    }

    /// A number that follows from all steps.
    pub(super) fn digest(&self) -> u64 {
        self.digest.finish()
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, the last {} steps:", self.seed, self.steps.len())?;
        for (at, step) in &self.steps {
            writeln!(f, "{:12.6}  {step:.400}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

impl Drop for Transcript {
    #[expect(clippy::print_stderr, reason = "it ends beside the message of the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self}");
        }
    }
}

/// How many steps are kept.
const STEPS_MAX: usize = 80;
