//! `cargo xtask schema`: writes `docs/schema/` as the code says it is. The tests that compare it
//! are told to write it instead.

use std::path::Path;
use std::process::{Command, ExitCode};

/// Fails when the code does not compile, or says what it can't mean.
pub(crate) fn run(root: &Path) -> ExitCode {
    let is_written = WRITERS.iter().all(|[package, test]| {
        let mut cargo = Command::new("cargo");
        cargo.args(["test", "--quiet", "--package", package, "--", test]);
        let status = cargo.env("KOPRU_RENEW_SCHEMA", "1").current_dir(root).status();
        status.is_ok_and(|status| status.success())
    });
    if is_written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Packages, and their tests.
const WRITERS: [[&str; 2]; 2] = [
    ["kopru-signal", "schema::the_committed_schemas_are_those_of_the_code"],
    ["kopru-server", "openapi::the_committed_description_is_that_of_the_code"],
];
