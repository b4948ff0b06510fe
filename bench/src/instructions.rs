//! Instructions of the hot functions, beside those that were counted before: so that a path that
//! has become longer shows where times say nothing.
//!
//! ```text
//!   kopru-bench instructions ──▶ valgrind kopru-bench walk PATH TIMES ──▶ count ─┐
//!            bench/instructions.txt, committed ──▶ kept ─────────────────────────┴─▶ more? fail
//! ```

mod callgrind;
pub(crate) mod path;
mod stage;
mod talk;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum as _;

use crate::error::BenchError;
use crate::machine;
use path::HotPath;

/// Counts all of them and prints a table. With `keep`, `file` has these counts from now on.
///
/// # Errors
/// Valgrind is not there; or a path takes notably more instructions than `file` says.
pub(crate) fn compare(own: &Path, file: &Path, keep: bool) -> Result<(), BenchError> {
    let kept = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
        text => read(&text.map_err(BenchError::io("reading the counts that were kept"))?),
    };
    let mut counts = BTreeMap::new();
    println!("{:17}{:>12}{:>12}", "path", "kept", "now");
    for &path in HotPath::value_variants() {
        let (name, now) = (path.name(), callgrind::instructions(own, path)?);
        let before = kept.get(&name).map_or_else(|| "-".to_owned(), u64::to_string);
        println!("{name:17}{before:>12}{now:>12}");
        counts.insert(name, now);
    }
    if keep {
        return fs::write(file, write(&counts)).map_err(BenchError::io("keeping the counts"));
    }
    let longer: Vec<&str> = longer(&kept, &counts).collect();
    match longer.is_empty() {
        true => Ok(()),
        false => Err(BenchError::Longer { paths: longer.join(", ") }),
    }
}

/// The paths that take more than [`NOISE_PERCENT`] more.
fn longer<'a>(
    kept: &'a BTreeMap<String, u64>,
    counts: &'a BTreeMap<String, u64>,
) -> impl Iterator<Item = &'a str> {
    let both = counts.iter().filter_map(|(name, now)| Some((name, kept.get(name)?, now)));
    let longer = both.filter(|(_, kept, now)| *now * 100 > *kept * (100 + NOISE_PERCENT));
    longer.map(|(name, ..)| name.as_str())
}

fn read(text: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.filter_map(|(name, count)| Some((name.to_owned(), count.trim().parse().ok()?))).collect()
}

fn write(counts: &BTreeMap<String, u64>) -> String {
    let mut text = format!(
        "# Instructions of the hot functions with 200 bytes of payload: make bench-instructions\n\
         # {}, {}, kopru {}\n",
        machine::today(),
        machine::compiler(),
        machine::commit(),
    );
    for (name, count) in counts {
        _ = writeln!(text, "{name:17}{count}");
    }
    text
}

/// Where a hash falls and how the compiler lays out code is not always the same.
const NOISE_PERCENT: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_what_is_longer_is_named() {
        let counts = |to_peer| BTreeMap::from([("to-peer".to_owned(), to_peer), ("new".into(), 9)]);
        let every = HotPath::value_variants().iter().map(|path| (path.name(), 7));
        let every: BTreeMap<String, u64> = every.collect();
        assert_eq!(read(&write(&every)), every);
        let mut kept = read(&write(&counts(100)));
        assert_eq!(kept, counts(100));
        kept.remove("new");
        assert_eq!(longer(&kept, &counts(103)).count(), 0);
        assert_eq!(longer(&kept, &counts(104)).collect::<Vec<_>>(), ["to-peer"]);
    }
}
