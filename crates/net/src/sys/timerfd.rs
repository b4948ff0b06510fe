//! timerfd(2): waking a thread that sleeps in epoll at a time.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};
use std::ptr;
use std::time::Duration;

use super::checked;

/// A descriptor that is readable from a time on until [`clear`](Self::clear).
#[derive(Debug)]
pub(crate) struct TimerFd(File);

impl TimerFd {
    /// Never readable, yet.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no pointers.
        let fd = checked(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        // SAFETY: the descriptor was just made and nobody else has it.
        Ok(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// Makes it readable after `delay`, and not before, whatever was set.
    pub(crate) fn set(&self, delay: Duration) -> io::Result<()> {
        let once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let time = libc::itimerspec { it_interval: once, it_value: from_now(delay) };
        // SAFETY: `time` is valid for the call, which copies it; the former one is not asked for.
        checked(unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const time, ptr::null_mut())
        })?;
        Ok(())
    }

    /// Makes it unreadable.
    pub(crate) fn clear(&self) {
        // The only possible error is that the time has not come, which is what is wanted.
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl AsFd for TimerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Nothing would mean never, so at once is a nanosecond.
fn from_now(delay: Duration) -> libc::timespec {
    let delay = delay.max(Duration::from_nanos(1));
    libc::timespec {
        tv_sec: libc::time_t::try_from(delay.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: delay.subsec_nanos() as libc::c_long,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::epoll::{Epoll, Ready};

    #[test]
    fn it_is_readable_from_its_time_on_until_it_is_cleared_or_set_again() {
        let (timer, epoll, mut ready) =
            (TimerFd::new().unwrap(), Epoll::new().unwrap(), Ready::new());
        epoll.add(timer.as_fd(), 7).unwrap();
        let mut is_readable = || {
            epoll.look(&mut ready).unwrap();
            ready.token(0) == Some(7)
        };
        timer.clear();
        assert!(!is_readable(), "nothing was set");
        timer.set(Duration::MAX).unwrap();
        assert!(!is_readable());
        for _ in 0..2 {
            timer.set(Duration::ZERO).unwrap();
            while !is_readable() {}
            assert!(is_readable(), "as long as nobody has cleared it");
            timer.clear();
            assert!(!is_readable());
        }
        timer.set(Duration::ZERO).unwrap();
        while !is_readable() {}
        timer.set(Duration::from_secs(3600)).unwrap();
        assert!(!is_readable());
    }
}
