//! How many tests ran, read from what the test runners print.

use std::fmt;
use std::ops::Add;

/// Counts of one step, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
}

impl Totals {
    /// The counts in the light of the exit status: a step that ended badly without naming a failed
    /// test (it did not compile, it was stuck) has one.
    pub(super) fn judged(mut self, ended_well: bool) -> Self {
        if !ended_well && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// Whether the run may be called green. In a `strict` run nothing may be skipped.
    pub(super) fn is_good(self, strict: bool) -> bool {
        self.failed == 0 && self.passed > 0 && !(strict && self.skipped > 0)
    }
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// A step that is one check by itself.
pub(super) fn one(_: &str) -> Totals {
    Totals { passed: 1, ..Totals::default() }
}

/// A step that only prepares: it counts when it fails.
pub(super) fn none(_: &str) -> Totals {
    Totals::default()
}

/// `cargo test`: a "test result: ok. 5 passed; 0 failed; 1 ignored; …" for each binary.
pub(super) fn libtest(output: &str) -> Totals {
    let results = output.lines().filter(|line| line.starts_with("test result: "));
    let sum = results.fold(Totals::default(), |sum, line| {
        let named = |what| number_before(line, what).unwrap_or(0);
        let (passed, failed) = (named("passed"), named("failed"));
        sum + Totals { passed, failed, skipped: named("ignored") }
    });
    some_ran(sum)
}

/// `cargo xtask tidy`: "tidy: 12 passed, 0 failed, 0 skipped".
pub(super) fn tidy(output: &str) -> Totals {
    let line = output.lines().rfind(|line| line.starts_with("tidy: ")).unwrap_or_default();
    let named = |what| number_before(line, what).unwrap_or(0);
    some_ran(Totals { passed: named("passed"), failed: named("failed"), skipped: 0 })
}

/// vitest: "      Tests  1 failed | 12 passed | 2 skipped | 1 todo (16)". A package may run it
/// more than once.
pub(super) fn vitest(output: &str) -> Totals {
    let lines = output.lines().filter(|line| line.trim_start().starts_with("Tests "));
    let sum = lines.fold(Totals::default(), |sum, line| {
        let named = |what| number_before(line, what).unwrap_or(0);
        let skipped = named("skipped") + named("todo");
        sum + Totals { passed: named("passed"), failed: named("failed"), skipped }
    });
    some_ran(sum)
}

/// node:test: "ℹ pass 5" (spec) or "# pass 5" (TAP) at the end, one line for each count. A group
/// of tests that is skipped as a whole has a line of its own, but is not in its counts.
pub(super) fn node_test(output: &str) -> Totals {
    let named = |what: &str| -> usize {
        let lines = output.lines().filter_map(|line| line.strip_prefix(['ℹ', '#']));
        let numbers = lines.filter_map(|line| line.trim_start().strip_prefix(what));
        numbers.filter_map(|number| number.trim().parse::<usize>().ok()).sum()
    };
    let failed = named("fail ") + named("cancelled ");
    let skipped = (named("skipped ") + named("todo ")).max(skip_reasons(output).count());
    some_ran(Totals { passed: named("pass "), failed, skipped })
}

/// What the skipped tests of a node:test run give as their reasons ("… # reason").
pub(super) fn skip_reasons(output: &str) -> impl Iterator<Item = &str> {
    output.lines().filter_map(|line| line.trim_start().strip_prefix("﹣ "))
}

/// A test runner that ran nothing did not test anything: that is a failure, not a success.
fn some_ran(totals: Totals) -> Totals {
    if totals == Totals::default() { Totals { failed: 1, ..totals } } else { totals }
}

/// The number in front of a word: `number_before("… 5 passed; …", "passed")` is 5.
fn number_before(line: &str, word: &str) -> Option<usize> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|it| it.trim_end_matches([',', ';']) == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(passed: usize, failed: usize, skipped: usize) -> Totals {
        Totals { passed, failed, skipped }
    }

    #[test]
    fn cargo_test_is_summed_over_its_binaries() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 10 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s
a test may print: 99 passed; 99 failed
";
        assert_eq!(libtest(output), totals(12, 4, 1));
        assert_eq!(libtest("error: could not compile"), totals(0, 1, 0));
    }

    #[test]
    fn vitest_is_read_with_and_without_failures() {
        let green = " Test Files  3 passed (3)\n      Tests  12 passed (12)\n";
        assert_eq!(vitest(green), totals(12, 0, 0));
        let mixed = "      Tests  1 failed | 12 passed | 2 skipped | 1 todo (16)\n";
        assert_eq!(vitest(mixed), totals(12, 1, 3));
        assert_eq!(vitest(&format!("{green}{mixed}")), totals(24, 1, 3));
        assert_eq!(vitest("npm error Missing script: \"test\""), totals(0, 1, 0));
    }

    #[test]
    fn node_test_is_read_from_both_reporters() {
        let spec = "ℹ tests 9\nℹ pass 5\nℹ fail 1\nℹ cancelled 1\nℹ skipped 2\nℹ todo 0\n";
        assert_eq!(node_test(spec), totals(5, 2, 2));
        let tap = "# tests 3\n# pass 3\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n";
        assert_eq!(node_test(tap), totals(3, 0, 0));
        let group = "﹣ Firefox (0.1ms) # not installed here\nℹ pass 7\nℹ fail 0\nℹ skipped 0\n";
        assert_eq!(node_test(group), totals(7, 0, 1));
        assert_eq!(node_test("Error: Cannot find package 'ws'"), totals(0, 1, 0));
    }

    #[test]
    fn a_skipped_test_says_why() {
        let spec = "✔ passes (1ms)\n  ﹣ Firefox (0.1ms) # firefox is not installed here\n";
        let reasons: Vec<&str> = skip_reasons(spec).collect();
        assert_eq!(reasons, ["Firefox (0.1ms) # firefox is not installed here"]);
    }

    #[test]
    fn tidy_is_read_from_its_last_line() {
        assert_eq!(tidy("ok   x\ntidy: 11 passed, 1 failed, 0 skipped\n"), totals(11, 1, 0));
        assert_eq!(tidy("tidy: cargo metadata: no such file"), totals(0, 1, 0));
    }

    #[test]
    fn the_exit_status_has_the_last_word() {
        assert_eq!(totals(5, 0, 0).judged(false), totals(5, 1, 0));
        assert_eq!(totals(5, 2, 0).judged(false), totals(5, 2, 0));
        assert_eq!(totals(5, 0, 0).judged(true), totals(5, 0, 0));
        assert_eq!(one("").judged(false).failed, 1);
        assert_eq!(none("").judged(false).failed, 1);
    }

    #[test]
    fn nothing_run_and_strict_skips_are_not_good() {
        let table = [
            (totals(1, 0, 0), true, true),
            (totals(0, 0, 0), false, false),
            (totals(0, 0, 3), false, false),
            (totals(9, 1, 0), false, false),
            (totals(9, 0, 1), false, true),
            (totals(9, 0, 1), true, false),
        ];
        for (counts, strict, good) in table {
            assert_eq!(counts.is_good(strict), good, "{counts} strict: {strict}");
        }
    }

    #[test]
    fn the_closing_line_has_its_form() {
        assert_eq!(totals(3, 2, 1).to_string(), "3 passed, 2 failed, 1 skipped");
    }
}
