//! What a test run consists of, cheapest answers first.

use std::time::Duration;

use super::totals::{self, Totals};

/// One command whose output is logged and counted.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// Relative to the root.
    pub(super) folder: &'static str,
    pub(super) command: &'static [&'static str],
    /// The program without which the step is skipped.
    pub(super) needs: &'static str,
    /// Whether it uses what setup installs.
    pub(super) after_setup: bool,
    /// Whether it runs only when it is named, after a longer setup.
    pub(super) extra: bool,
    pub(super) count: fn(&str) -> Totals,
    /// After this long it is stuck.
    pub(super) limit: Duration,
}

const CARGO: Step = Step {
    name: "",
    folder: ".",
    command: &[],
    needs: "cargo",
    after_setup: false,
    extra: false,
    count: totals::one,
    limit: Duration::from_secs(900),
};

const NODE: Step =
    Step { needs: "npm", after_setup: true, limit: Duration::from_secs(300), ..CARGO };

/// The steps in their order.
pub(super) const STEPS: &[Step] = &[
    Step { name: "format", command: &["cargo", "fmt", "--all", "--check"], ..CARGO },
    Step {
        name: "tidy",
        command: &["cargo", "run", "--quiet", "--package", "xtask", "--", "tidy"],
        count: totals::tidy,
        ..CARGO
    },
    Step {
        name: "clippy",
        command: &["cargo", "clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        ..CARGO
    },
    Step {
        name: "unit",
        command: &["cargo", "test", "--workspace", "--locked", "--no-fail-fast"],
        count: totals::libtest,
        ..CARGO
    },
    // Not what `unit` left: as `make run` builds it, without the features that only tests turn on.
    Step {
        name: "build",
        command: &["cargo", "build", "--locked", "--bin", "kopru"],
        count: totals::none,
        ..CARGO
    },
    // Whether it runs, not how fast anything is.
    Step {
        name: "bench-signal",
        command: &[
            "cargo",
            "run",
            "--quiet",
            "--locked",
            "--bin",
            "kopru-bench",
            "--",
            "signal",
            "smoke",
        ],
        needs: "taskset",
        limit: Duration::from_secs(120),
        ..CARGO
    },
    Step {
        name: "bench-relay",
        command: &[
            "cargo",
            "run",
            "--quiet",
            "--locked",
            "--bin",
            "kopru-bench",
            "--",
            "relay",
            "smoke",
        ],
        needs: "taskset",
        limit: Duration::from_secs(120),
        ..CARGO
    },
    Step { name: "sdk-types", folder: "sdk/js", command: &["npm", "run", "check"], ..NODE },
    Step {
        name: "sdk",
        folder: "sdk/js",
        command: &["npm", "test"],
        count: totals::vitest,
        ..NODE
    },
    Step { name: "ui-types", folder: "ui", command: &["npm", "run", "check"], ..NODE },
    Step { name: "ui", folder: "ui", command: &["npm", "test"], count: totals::vitest, ..NODE },
    // The committed pages are what the sources build.
    Step { name: "pages", folder: "ui", command: &["npm", "run", "verify"], ..NODE },
    Step {
        name: "interop",
        folder: "interop",
        command: &["npm", "test"],
        count: totals::node_test,
        limit: Duration::from_secs(900),
        ..NODE
    },
    // Stacks that take minutes to install or to compile.
    Step {
        name: "interop-more",
        folder: "interop",
        command: &["npm", "test", "--", "--more"],
        extra: true,
        count: totals::node_test,
        limit: Duration::from_secs(900),
        ..NODE
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_step_has_a_command() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(!step.command.is_empty(), "{}", step.name);
            assert!(STEPS[..index].iter().all(|other| other.name != step.name), "{}", step.name);
        }
    }
}
