//! Which core the server has, and which one the generator.

use std::fs;
use std::process::{Command, Stdio};

use crate::error::BenchError;

/// Two cores, or one that both share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) generator: usize,
}

impl Cores {
    /// The first two that this process may use.
    ///
    /// # Errors
    /// `taskset` can't pin it.
    pub(crate) fn take() -> Result<Self, BenchError> {
        let status = fs::read_to_string("/proc/self/status").map_err(BenchError::io("/proc"))?;
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        let allowed = cores_in(list.unwrap_or_default().trim());
        let server = allowed.first().copied().unwrap_or_default();
        let cores = Self { server, generator: allowed.get(1).copied().unwrap_or(server) };
        cores.pin()?;
        Ok(cores)
    }

    /// Whether the server has its core for itself.
    pub(crate) fn are_two(self) -> bool {
        self.server != self.generator
    }

    fn pin(self) -> Result<(), BenchError> {
        let (core, own) = (self.generator.to_string(), std::process::id().to_string());
        let mut command = Command::new("taskset");
        command.args(["-a", "-p", "-c", &core, &own]).stdout(Stdio::null());
        command.status().map_err(BenchError::io("taskset")).map(drop)
    }
}

/// "0-2,5" are 0, 1, 2 and 5.
fn cores_in(list: &str) -> Vec<usize> {
    let mut cores: Vec<usize> = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse()) {
            cores.extend(first..=last);
        }
    }
    cores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cores_is_read() {
        assert_eq!(cores_in("0-2,5"), [0, 1, 2, 5]);
        assert_eq!(cores_in("3"), [3]);
        assert!(cores_in("").is_empty());
    }
}
