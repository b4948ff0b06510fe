//! `cargo xtask`: the checks and the test run behind the words of the Makefile.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod fuzz;
mod schema;
mod test_run;
mod tidy;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let root = root();
    match words.as_slice() {
        ["tidy"] => tidy::run(&root),
        ["rfc"] => tidy::run_rfc(&root),
        ["fuzz", targets @ ..] => fuzz::run(&root, targets),
        ["schema"] => schema::run(&root),
        ["setup"] => test_run::setup(&root),
        ["test"] => test_run::run(&root, &[]),
        ["test", steps @ ..] => test_run::run(&root, steps),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// The folder of the workspace: xtask is compiled in the tree that it checks.
fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

const USAGE: &str = "\
cargo xtask tidy          the checks that no compiler makes: layers, sizes, names, links
cargo xtask rfc           of these, whether docs/rfc/ and the citations name what exists
cargo xtask fuzz [TARGET…]  libFuzzer on every target, or the named ones, FUZZ_SECONDS each;
                          FUZZ_SEEDS may be a folder of further inputs
cargo xtask schema        writes the JSON Schemas and the OpenAPI description in docs/schema/
cargo xtask setup         installs what the tests need: Debian packages, npm's, Python's
cargo xtask test [STEP…]  every step of the test run, or the named ones, then the totals";
