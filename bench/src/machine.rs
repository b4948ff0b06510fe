//! Where and when a result was made.

use std::fs;
use std::process::Command;

/// One line: processor, cores, kernel.
pub(crate) fn describe() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let values = |name: &str| -> Vec<String> {
        let lines = processors.lines().filter_map(|line| line.split_once(':'));
        let found = lines.filter(|(key, _)| key.trim() == name);
        found.map(|(_, value)| value.trim().to_owned()).collect()
    };
    let models = values("model name");
    let model = models.first().map_or("unknown processor", String::as_str);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {} cores, Linux {}", values("processor").len(), kernel.trim())
}

/// Today, as `2026-11-21`.
pub(crate) fn today() -> String {
    said_by("date", &["-u", "+%F"]).unwrap_or_else(|| "undated".to_owned())
}

/// Which commit this is, with a `+` where files differ from it.
pub(crate) fn commit() -> String {
    let described = said_by("git", &["describe", "--always", "--dirty=+"]);
    described.unwrap_or_else(|| "no commit".to_owned())
}

/// With which compiler, as `rustc 1.95.0`.
pub(crate) fn compiler() -> String {
    let version = said_by("rustc", &["--version"]).unwrap_or_default();
    version.split(" (").next().unwrap_or_default().to_owned()
}

/// How many programs wanted a core in the last minute.
pub(crate) fn load_average() -> f64 {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().and_then(|minute| minute.parse().ok()).unwrap_or_default()
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
