//! epoll(7), level-triggered. Datagrams never wait for room to be sent, streams do.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::checked;

/// A set of descriptors to sleep on.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor was just made and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Reports `token` whenever `fd` has something to read. Closing `fd` ends it.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        self.watch(fd, token, None, Some(Interest { reads: true, writes: false }))
    }

    /// From now on reports `token` when what is of interest `after` can be done with `fd`, where it
    /// was `before`. `None`: never; otherwise also when the connection breaks.
    pub(crate) fn watch(
        &self,
        fd: BorrowedFd<'_>,
        token: u64,
        before: Option<Interest>,
        after: Option<Interest>,
    ) -> io::Result<()> {
        let operation = match (before, after) {
            (None, None) => return Ok(()),
            (None, Some(_)) => libc::EPOLL_CTL_ADD,
            (Some(_), Some(_)) => libc::EPOLL_CTL_MOD,
            (Some(_), None) => libc::EPOLL_CTL_DEL,
        };
        let events = after.map_or(0, Interest::events);
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: both descriptors are open as long as they are borrowed, `event` is valid for the
        // call, which copies it.
        checked(unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event)
        })?;
        Ok(())
    }

    /// Sleeps until something can be read, and puts the tokens of what can in the place of what was
    /// `ready`, never more than it has capacity for.
    ///
    /// A signal ends the sleep early, with nothing ready.
    pub(crate) fn wait(&self, ready: &mut Ready) -> io::Result<()> {
        self.report(ready, -1)
    }

    /// The same without sleep.
    pub(crate) fn look(&self, ready: &mut Ready) -> io::Result<()> {
        self.report(ready, 0)
    }

    fn report(&self, ready: &mut Ready, timeout_ms: libc::c_int) -> io::Result<()> {
        ready.len = 0;
        let (events, len) = (ready.events.as_mut_ptr(), ready.events.len() as libc::c_int);
        // SAFETY: the array is valid for writes of its length for the duration of the call.
        let result =
            checked(unsafe { libc::epoll_wait(self.0.as_raw_fd(), events, len, timeout_ms) });
        match result {
            Ok(len) => ready.len = len as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// A set of descriptors can be in another: it has something to read when one of them has.
impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// What of a descriptor is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

impl Interest {
    /// Itself, unless nothing is.
    pub(crate) fn if_any(self) -> Option<Self> {
        (self.reads || self.writes).then_some(self)
    }

    fn events(self) -> u32 {
        let reads = if self.reads { libc::EPOLLIN } else { 0 };
        let writes = if self.writes { libc::EPOLLOUT } else { 0 };
        (reads | writes) as u32
    }
}

/// The tokens that one [`Epoll::wait`] reported.
pub(crate) struct Ready {
    events: [libc::epoll_event; EVENTS_MAX],
    len: usize,
}

impl Ready {
    /// Nothing.
    pub(crate) fn new() -> Self {
        Self { events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS_MAX], len: 0 }
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The token at `index`; `None` behind the last.
    pub(crate) fn token(&self, index: usize) -> Option<u64> {
        self.events[..self.len].get(index).map(|event| event.u64)
    }

    /// Whether the one at `index` has an error to tell, too.
    pub(crate) fn has_error(&self, index: usize) -> bool {
        let event = self.events[..self.len].get(index);
        event.is_some_and(|event| event.events & libc::EPOLLERR as u32 != 0)
    }

    /// Whether `token` is among them.
    pub(crate) fn contains(&self, token: u64) -> bool {
        self.events[..self.len].iter().any(|event| event.u64 == token)
    }

    /// Takes `token` out; whether it was among them.
    pub(crate) fn take(&mut self, token: u64) -> bool {
        let mut events = self.events[..self.len].iter();
        let Some(place) = events.position(|event| event.u64 == token) else { return false };
        self.len -= 1;
        self.events.swap(place, self.len);
        true
    }
}

/// How many ready descriptors one wake-up looks at; the kernel reports the others next time.
const EVENTS_MAX: usize = 64;
