//! Which core a worker runs on. A worker that stays on its core keeps its caches, and the kernel
//! delivers to a thread that is where it was.

use std::thread;

use crate::sys::process;

/// A core that this process may run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Core(Option<usize>);

impl Core {
    /// The cores of the inherited affinity mask: what a container or `taskset` leaves us.
    pub(crate) fn available() -> Vec<Self> {
        match process::affinity() {
            Ok(cores) if !cores.is_empty() => cores.into_iter().map(Some).map(Self).collect(),
            // More cores than the C library's mask has bits: the kernel places the threads.
            _ => vec![Self(None); thread::available_parallelism().map_or(1, usize::from)],
        }
    }

    /// Keeps the calling thread on this core. Where the system forbids that, the thread works as
    /// well, only a little slower.
    pub(crate) fn keep_thread(self) {
        if let Self(Some(core)) = self {
            let _ = process::pin_to(core);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_kept_on_a_core_of_the_mask() {
        for core in Core::available() {
            let thread = thread::spawn(move || {
                core.keep_thread();
                Core::available()
            });
            assert_eq!(thread.join().unwrap(), [core]);
        }
    }
}
