//! The system calls that neither `std` nor `socket2` offers, each behind a safe function.
//!
//! This is the only place of the workspace with `unsafe`. Every block says why it is sound, and
//! nothing in here decides anything: a file is one small family of calls.

pub(crate) mod batch;
pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod interfaces;
pub(crate) mod message;
pub(crate) mod process;
pub(crate) mod sockopt;
pub(crate) mod timerfd;

use std::io;

/// The result of a system call that answers -1 and sets `errno` when it fails.
fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
