//! Datagrams on their way out. Those that follow one another to the same destination and are of one
//! length leave as one train, which the kernel cuts (UDP_SEGMENT).
//!
//! ```text
//!  departing    run of 3 to A   1 to A   1 to B   1 to A
//!  calls        ╰─── 4 segments ────╯    ╰──╯     ╰──╯      order is kept
//! ```

use std::io::{self, IoSlice};
use std::iter::Peekable;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use crate::flow::Flow;
use crate::stats::{Loss, Tally};
use crate::sys::message::{self, Manner};

/// The two parts of a datagram: a header, or nothing, and what follows it.
pub(super) type Parts<'a> = [&'a [u8]; 2];

/// Through which socket datagrams leave, and how.
pub(super) struct Way<'a> {
    pub(super) socket: BorrowedFd<'a>,
    pub(super) to: SocketAddr,
    pub(super) manner: Manner,
    pub(super) flow: &'a Flow,
    /// The socket is that of one allocation: what one of its destinations can't take is not tried
    /// with the others either. A listener's clients have nothing to do with one another.
    pub(super) of_one: bool,
}

impl Way<'_> {
    /// Sends datagrams, in this order. What can't be sent is counted.
    pub(super) fn send<'p>(&self, datagrams: impl Iterator<Item = Parts<'p>>, tally: &mut Tally) {
        let mut datagrams = datagrams.peekable();
        while let Some(first) = datagrams.next() {
            let len = len_of(first);
            let followed = datagrams.peek().is_some_and(|next| (1..=len).contains(&len_of(*next)));
            if followed && self.flow.may_gather(len) {
                self.send_train(&Train::gather(first, &mut datagrams), tally);
            } else {
                self.send_one(&first.map(IoSlice::new), tally);
            }
        }
    }

    fn send_one(&self, datagram: &[IoSlice<'_>], tally: &mut Tally) {
        if let Err(error) = self.transmit(datagram, None) {
            tally.lose(loss(&error));
        }
    }

    fn send_train(&self, train: &Train<'_>, tally: &mut Tally) {
        let segment = u16::try_from(train.segment).ok();
        let Err(error) = self.transmit(train.slices(), segment) else { return };
        match error.raw_os_error() {
            // No checksums by the device (EIO), or longer than the path takes whole.
            Some(code @ (libc::EIO | libc::EMSGSIZE | libc::EINVAL)) => {
                let of_device = code == libc::EIO;
                if of_device || self.of_one {
                    self.flow.note_refused(if of_device { 0 } else { train.segment });
                }
                train.datagrams().for_each(|datagram| self.send_one(datagram, tally));
            }
            _ => tally.lose_all(loss(&error), train.count),
        }
    }

    /// Sends what is in `slices`.
    ///
    /// The socket may have an error pending that the destination of an earlier datagram caused; the
    /// kernel then reports it in place of sending this one, and has cleared it thereby. So what
    /// looks like such an error is tried once more, and only then believed.
    pub(super) fn transmit(&self, slices: &[IoSlice<'_>], segment: Option<u16>) -> io::Result<()> {
        let manner = Manner { segment, ..self.manner };
        let send = || message::send(self.socket, slices, self.to, manner);
        send().or_else(|error| if may_be_pending(&error) { send() } else { Err(error) })
    }
}

/// Datagrams that leave in one system call.
struct Train<'a> {
    slices: [IoSlice<'a>; SLICES_MAX],
    used: usize,
    /// Bytes of each but the last.
    segment: usize,
    last_len: usize,
    total: usize,
    count: usize,
}

impl<'a> Train<'a> {
    /// The first, and as many of the others as may follow it.
    fn gather(first: Parts<'a>, others: &mut Peekable<impl Iterator<Item = Parts<'a>>>) -> Self {
        let mut train = Self {
            slices: [IoSlice::new(&[]); SLICES_MAX],
            used: 0,
            segment: len_of(first),
            last_len: 0,
            total: 0,
            count: 0,
        };
        train.add(first);
        while let Some(next) = others.next_if(|next| train.may_follow(len_of(*next))) {
            train.add(next);
        }
        train
    }

    fn may_follow(&self, len: usize) -> bool {
        self.last_len == self.segment
            && (1..=self.segment).contains(&len)
            && self.count < SEGMENTS_MAX
            && self.total + len <= TRAIN_MAX
    }

    fn add(&mut self, parts: Parts<'a>) {
        let free = self.slices.iter_mut().skip(self.used);
        let filled = parts.into_iter().filter(|part| !part.is_empty());
        let taken = free.zip(filled).map(|(slice, part)| *slice = IoSlice::new(part)).count();
        self.used += taken;
        self.last_len = len_of(parts);
        self.total += self.last_len;
        self.count += 1;
    }

    fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices[..self.used]
    }

    /// Its datagrams by themselves: a slice, or the two that make up its length.
    fn datagrams(&self) -> impl Iterator<Item = &[IoSlice<'a>]> {
        let mut rest = self.slices();
        std::iter::from_fn(move || {
            let first = rest.first()?;
            let parts = if first.len() < self.segment && rest.len() > 1 { 2 } else { 1 };
            let (datagram, others) = rest.split_at(parts);
            rest = others;
            Some(datagram)
        })
    }
}

fn len_of([head, data]: Parts<'_>) -> usize {
    head.len() + data.len()
}

/// What ICMP errors become when they are reported on a socket, and interrupted calls.
fn may_be_pending(error: &io::Error) -> bool {
    const PENDING: [i32; 9] = [
        libc::EINTR,
        libc::ECONNREFUSED,
        libc::ENETUNREACH,
        libc::EHOSTUNREACH,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::ENOPROTOOPT,
        libc::EPROTO,
        libc::EOPNOTSUPP,
    ];
    error.raw_os_error().is_some_and(|code| PENDING.contains(&code))
}

pub(super) fn loss(error: &io::Error) -> Loss {
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Loss::SendBufferFull,
        Some(libc::EMSGSIZE) => Loss::MessageSize,
        Some(libc::ENETDOWN) => Loss::Unreachable,
        _ if may_be_pending(error) => Loss::Unreachable,
        _ => Loss::SendRefused,
    }
}

/// UDP_MAX_SEGMENTS of older kernels; later ones take twice as many.
const SEGMENTS_MAX: usize = 64;
const SLICES_MAX: usize = 2 * SEGMENTS_MAX;
/// The longest payload over IPv4: a train is one datagram until it is cut.
const TRAIN_MAX: usize = 65_507;
