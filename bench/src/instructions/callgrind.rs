//! How many instructions a walk takes, as valgrind's callgrind counts them: the same number on a
//! busy machine as on a quiet one.

use std::path::Path;
use std::process::Command;

use super::path::HotPath;
use crate::error::BenchError;

/// Instructions for each walk of `path`. What happens once, before the first, is in two runs of
/// different length alike, and so in none of the result.
pub(crate) fn instructions(own: &Path, path: HotPath) -> Result<u64, BenchError> {
    let (few, many) = (collected(own, path, WALKS)?, collected(own, path, 3 * WALKS)?);
    Ok(many.saturating_sub(few) / (2 * WALKS as u64))
}

fn collected(own: &Path, path: HotPath, times: usize) -> Result<u64, BenchError> {
    let missing =
        |_| BenchError::Missing { what: "valgrind".to_owned(), cure: "apt-get install valgrind" };
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(own);
    command.args(["walk", &path.name(), &times.to_string()]);
    let output = command.output().map_err(missing)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match sum(&said) {
        Some(instructions) if output.status.success() => Ok(instructions),
        _ => Err(BenchError::Refused { said }),
    }
}

/// Its last line but a few: `==4711== Collected : 123456`.
fn sum(said: &str) -> Option<u64> {
    let mut lines = said.lines().filter_map(|line| line.split_once("Collected :"));
    lines.next().and_then(|(_, count)| count.trim().parse().ok())
}

const WALKS: usize = 5000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_found_in_what_it_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 123456\n==7== \n";
        assert_eq!(sum(said), Some(123_456));
        assert_eq!(sum("valgrind: failed to start"), None);
    }
}
