//! A server that is measured: a process on a core of its own. What it costs is read from the
//! kernel's own accounts.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::BenchError;

/// A running server. It ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts `program` on `core`, what it says in `log`.
    ///
    /// # Errors
    /// It can't be started.
    pub(crate) fn start(
        name: &str,
        core: usize,
        program: &Path,
        arguments: &[&str],
        log: &Path,
    ) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Start { name: name.to_owned(), source };
        let log = fs::File::create(log).map_err(failed)?;
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program).args(arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
        Ok(Self { name: name.to_owned(), child: command.spawn().map_err(failed)? })
    }

    /// Waits until `ready` says something. `taskset` becomes the server, so its number is the
    /// server's.
    ///
    /// # Errors
    /// It ended, or it is not ready in time.
    pub(crate) fn wait_until<T>(
        &mut self,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, BenchError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            let ended = self.child.try_wait().ok().flatten().is_some();
            if ended || Instant::now() > deadline {
                return Err(BenchError::NotReady { name: self.name.clone() });
            }
            thread::sleep(START_LOOK);
        }
    }

    /// Nanoseconds on a core, all threads together, as the scheduler counts them.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn cpu_ns(&self) -> Result<u64, BenchError> {
        cpu_ns_of(&self.child.id().to_string()).map_err(|_| self.ended())
    }

    /// Its resident memory, in KiB.
    ///
    /// # Errors
    /// The process is gone.
    pub(crate) fn resident_kib(&self) -> Result<u64, BenchError> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()));
        let rollup = rollup.map_err(|_| self.ended())?;
        Ok(kib(&rollup, "Rss:"))
    }

    fn ended(&self) -> BenchError {
        BenchError::Ended { name: self.name.clone() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The same account for this process.
pub(crate) fn own_cpu_ns() -> u64 {
    cpu_ns_of("self").unwrap_or_default()
}

fn cpu_ns_of(process: &str) -> io::Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the two looks.
        let account = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        sum += on_core_ns(&account);
    }
    Ok(sum)
}

/// Of "time on a core, time waited for one, number of turns".
fn on_core_ns(account: &str) -> u64 {
    account.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

fn kib(rollup: &str, name: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

const START_TIMEOUT: Duration = Duration::from_secs(20);
const START_LOOK: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollup_is_read_by_its_names() {
        let rollup = "00400000-7fff [rollup]\nRss:    1234 kB\nPss:     900 kB\nPss_Anon: 1 kB\n";
        assert_eq!(
            (kib(rollup, "Rss:"), kib(rollup, "Pss:"), kib(rollup, "Swap:")),
            (1234, 900, 0)
        );
    }

    #[test]
    fn an_account_begins_with_the_time_on_a_core() {
        assert_eq!(on_core_ns("1234567890123 4567 89\n"), 1_234_567_890_123);
        assert_eq!(on_core_ns(""), 0);
    }

    #[test]
    fn work_shows_in_the_account() {
        let before = own_cpu_ns();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        assert!(own_cpu_ns() > before);
    }
}
