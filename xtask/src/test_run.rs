//! The whole test run: steps in order, a log for each, one closing line of totals.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

mod setup;
mod steps;
mod totals;

use steps::{STEPS, Step};
use totals::Totals;

/// Where the steps leave their full output, relative to the root.
const LOGS: &str = "target/test-logs";

/// Lines of a failed step's log that are shown at once.
const LINES_SHOWN: usize = 60;

/// Installs what the tests need, as far as it can, and says what it could not.
pub(crate) fn setup(root: &Path) -> ExitCode {
    let missing = setup::install(root, false);
    for reason in &missing {
        println!("MISSING: {reason}");
    }
    if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the named steps (all but the extra ones, when none is named), prints a table and totals.
/// Fails when a test failed, when nothing ran, and with `CI=true` when something was skipped.
pub(crate) fn run(root: &Path, names: &[&str]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        eprintln!("no step is called {unknown}; there are: {}", known.join(" "));
        return ExitCode::from(2);
    }
    let chosen = |step: &&Step| match names {
        [] => !step.extra,
        names => names.contains(&step.name),
    };
    let steps: Vec<&Step> = STEPS.iter().filter(chosen).collect();
    if let Err(error) = std::fs::create_dir_all(root.join(LOGS)) {
        eprintln!("{LOGS}: {error}");
        return ExitCode::FAILURE;
    }

    // Downloads want the network and compilation wants the cores: they go side by side, and
    // only the steps that use what is downloaded wait for it.
    let wants_setup = steps.iter().any(|step| step.after_setup);
    let wants_extra = steps.iter().any(|step| step.extra);
    let (send, receive) = mpsc::channel();
    let folder = root.to_path_buf();
    let installing = wants_setup.then(|| {
        thread::spawn(move || {
            let _ = send.send(setup::install(&folder, wants_extra));
        })
    });
    let mut results = Vec::new();
    let mut installed = None;
    for step in steps {
        if step.after_setup && installed.is_none() {
            let missing = receive.recv().unwrap_or_default();
            for reason in &missing {
                println!("SETUP: {reason}");
            }
            installed = Some(missing);
        }
        let began = Instant::now();
        let totals = take(root, step);
        println!("{}", row(step.name, totals, began.elapsed()));
        results.push((step.name, totals, began.elapsed()));
    }
    if let Some(thread) = installing {
        let _ = thread.join();
    }
    conclude(&results)
}

/// One step: skipped when its tool is missing, else run, its output logged and counted.
fn take(root: &Path, step: &Step) -> Totals {
    if !setup::is_there(step.needs) {
        println!("SKIPPED: {} ({} is not installed here)", step.name, step.needs);
        return Totals { skipped: 1, ..Totals::default() };
    }
    println!("…     {:<12} {}", step.name, step.command.join(" "));
    let log = format!("{LOGS}/{}.log", step.name);
    let ended_well = match execute(root, step, &log) {
        Ok(ended_well) => ended_well,
        Err(error) => {
            println!("{}: {error}", step.command.join(" "));
            false
        }
    };
    let output = std::fs::read(root.join(&log)).unwrap_or_default();
    let output = String::from_utf8_lossy(&output);
    for reason in totals::skip_reasons(&output) {
        println!("SKIPPED: {reason}");
    }
    let totals = (step.count)(&output).judged(ended_well);
    if totals.failed > 0 {
        let lines: Vec<&str> = output.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"));
        println!("the whole output is in {log}");
    }
    totals
}

fn execute(root: &Path, step: &Step, log: &str) -> io::Result<bool> {
    let log = File::create(root.join(log))?;
    // `timeout` ends the step's whole process group, so that no server outlives a stuck test.
    let limit = step.limit.as_secs().to_string();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", limit.as_str()]).args(step.command);
    command.current_dir(root.join(step.folder)).stdin(Stdio::null());
    command.env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never");
    command.stdout(log.try_clone()?).stderr(log);
    Ok(command.status()?.success())
}

fn row(name: &str, totals: Totals, took: Duration) -> String {
    let verdict = if totals.failed > 0 { "FAIL" } else { "ok" };
    let Totals { passed, failed, skipped } = totals;
    let seconds = took.as_secs_f32();
    format!("{verdict:<5} {name:<12} {passed:>5} {failed:>7} {skipped:>8} {seconds:>8.1}")
}

fn conclude(results: &[(&str, Totals, Duration)]) -> ExitCode {
    println!("\n      step        passed  failed  skipped  seconds");
    for (name, totals, took) in results {
        println!("{}", row(name, *totals, *took));
    }
    let sum = results.iter().fold(Totals::default(), |sum, (_, totals, _)| sum + *totals);
    let strict = std::env::var("CI").is_ok_and(|value| value == "true");
    if strict && sum.skipped > 0 {
        println!("CI=true: what is skipped counts as a failure of the run");
    }
    println!("total: {sum}");
    if sum.is_good(strict) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
