//! `cargo xtask fuzz`: libFuzzer on every target, for as long as `FUZZ_SECONDS` says. `FUZZ_SEEDS`
//! may name a folder of further inputs to begin with; they are only read.
//!
//! libFuzzer works on stable Rust: the coverage that it wants is a pass of LLVM, asked for with
//! `-Cpasses`. The program is built apart from all others, since every crate in it is instrumented.

use std::path::Path;
use std::process::{Command, ExitCode};

/// Where programs, found inputs and crashes are, relative to the root.
const FOLDER: &str = "target/fuzz";
const CORPUS: &str = "fuzz/corpus";
const TRIPLE: &str = "x86_64-unknown-linux-gnu";
const SECONDS: u64 = 60;

const RUSTFLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Fast, with everything that checks itself; link-time optimisation would only cost minutes.
const PROFILE: [&str; 3] = [
    "profile.release.lto='off'",
    "profile.release.codegen-units=16",
    "profile.release.debug-assertions=true",
];

/// Runs the named targets (all, when none is named), one after the other. Fails with the first
/// crash, and says where its input lies.
pub(crate) fn run(root: &Path, names: &[&str]) -> ExitCode {
    let seconds = match std::env::var("FUZZ_SECONDS").map(|text| text.parse()) {
        Ok(Ok(seconds)) => seconds,
        Ok(Err(_)) => return refuse("FUZZ_SECONDS is not a number of seconds"),
        Err(_) => SECONDS,
    };
    let targets = match targets(root) {
        Ok(targets) => targets,
        Err(error) => return refuse(&format!("{CORPUS}: {error}")),
    };
    if let Some(unknown) = names.iter().find(|name| !targets.iter().any(|it| it == **name)) {
        return refuse(&format!("no target is called {unknown}; there are: {}", targets.join(" ")));
    }
    if !build(root) {
        return ExitCode::FAILURE;
    }
    let chosen = targets.iter().filter(|it| names.is_empty() || names.contains(&it.as_str()));
    for target in chosen {
        println!("fuzz: {target} for {seconds} s");
        if let Err(why) = fuzz(root, target, seconds) {
            println!("fuzz: {target}: {why}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Each has a folder of seeds.
fn targets(root: &Path) -> std::io::Result<Vec<String>> {
    let entries = std::fs::read_dir(root.join(CORPUS))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<std::io::Result<_>>()?;
    names.sort();
    Ok(names)
}

fn build(root: &Path) -> bool {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--package", "kopru-fuzz"]);
    cargo.args(["--features", "libfuzzer", "--target", TRIPLE]);
    PROFILE.iter().for_each(|option| _ = cargo.args(["--config", option]));
    cargo.current_dir(root).env("RUSTFLAGS", RUSTFLAGS);
    cargo.env("CARGO_TARGET_DIR", root.join(FOLDER).join("build"));
    cargo.status().is_ok_and(|status| status.success())
}

/// New inputs go to a folder of their own; the seeds are only read.
fn fuzz(root: &Path, target: &str, seconds: u64) -> Result<(), String> {
    let folder = root.join(FOLDER);
    let found = folder.join("corpus").join(target);
    let crashes = folder.join("crashes").join(target);
    for folder in [&found, &crashes] {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let program = folder.join("build").join(TRIPLE).join("release").join(target);
    let mut fuzzer = Command::new(program);
    fuzzer.arg(format!("-max_total_time={seconds}")).args(["-timeout=10", "-rss_limit_mb=1024"]);
    fuzzer.arg("-print_final_stats=1").arg(format!("-artifact_prefix={}/", crashes.display()));
    fuzzer.arg(found).arg(root.join(CORPUS).join(target)).args(std::env::var_os("FUZZ_SEEDS"));
    let status = fuzzer.status().map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    let advice = "what broke it lies in";
    Err(format!("{status}; {advice} {}; add it to {CORPUS}/{target}", crashes.display()))
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("fuzz: {why}");
    ExitCode::from(2)
}
