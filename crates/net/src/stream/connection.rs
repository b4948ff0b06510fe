//! One connection of a client.

use std::io;
use std::time::{Duration, Instant};

use kopru_stun::attribute::ConnectionId;
use kopru_stun::packet::PacketBuf;
use kopru_stun::{Class, Message, Method};
use kopru_turn::five_tuple::{FiveTuple, Transport};

use super::frame::Frame;
use super::incoming::Incoming;
use super::link::Link;
use super::outgoing::Outgoing;
use super::{Stream, StreamEnd};
use crate::quota::DescriptorLease;
use crate::tcp::crew::Crew;

/// A connection, as its worker has it.
pub(crate) struct Connection {
    pub(crate) five_tuple: FiveTuple,
    link: Link,
    incoming: Incoming,
    outgoing: Outgoing,
    standing: Standing,
    /// When somebody has to look whether it has an allocation.
    check_at: Instant,
    /// Since when nothing of what waits to be written could be.
    stuck_since: Option<Instant>,
    /// Under which it stands among the timers.
    pub(crate) timer_at: Option<Instant>,
    /// Whether the epoll set reports that it can be written to.
    pub(crate) is_watched_for_writing: bool,
    /// Which worker has it, where a ConnectionBind request may be for another (RFC 6062).
    crew: Option<Crew>,
    /// Nothing has come but ConnectionBind requests.
    may_be_data: bool,
    /// A read found less than there was room for: there is no more before the next wake-up.
    is_drained: bool,
    /// A ConnectionBind request has come. What follows it may be no message any more.
    pub(crate) is_paused: bool,
    descriptor: DescriptorLease,
}

/// A client data connection (RFC 6062 §3): "only application data can be sent".
pub(crate) struct DataConnection {
    pub(crate) link: Link,
    pub(crate) transport: Transport,
    /// What was read, and belongs to the peer.
    pub(crate) unread: Vec<u8>,
    /// What is to be written before anything of the peer.
    pub(crate) unwritten: Vec<u8>,
    pub(crate) descriptor: DescriptorLease,
}

/// What a client has shown.
enum Standing {
    /// Nothing yet: it may send so many more bytes.
    Unproven {
        bytes_left: usize,
        /// It has sent a whole message since it was last looked at.
        has_spoken: bool,
        /// Its place among those that have proved nothing, from the control plane.
        _place: Option<Box<dyn Send>>,
    },
    /// It has an allocation.
    Proven,
}

/// What a look at a connection yielded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A message is in the packet.
    Message,
    /// A message was longer than any datagram, so it was skipped.
    TooLong,
    /// Nothing more, for now.
    Nothing,
    /// There may be more, but first somebody has to look whether it has an allocation.
    Unproven,
    /// A message is for another worker, and with it the whole connection.
    Elsewhere(u16),
    /// It is over.
    Ended(StreamEnd),
}

impl Connection {
    pub(crate) fn new(stream: Stream, now: Instant, descriptor: DescriptorLease) -> Self {
        let Stream { socket, tls, five_tuple, place } = stream;
        let link = match tls {
            Some(mut tls) => {
                // It is given one message at a time, and that it takes whole.
                tls.set_buffer_limit(None);
                Link::Tls { socket, tls }
            }
            None => Link::Tcp(socket),
        };
        Self {
            five_tuple,
            link,
            incoming: Incoming::default(),
            outgoing: Outgoing::default(),
            standing: Standing::unproven(Some(place)),
            check_at: now + PROOF_TIMEOUT,
            stuck_since: None,
            timer_at: None,
            is_watched_for_writing: false,
            crew: None,
            may_be_data: true,
            is_drained: false,
            is_paused: false,
            descriptor,
        }
    }

    /// It is with this worker now.
    pub(crate) fn join(&mut self, crew: Option<Crew>) {
        self.crew = crew;
        self.is_drained = false;
        self.may_be_data &= crew.is_some();
    }

    /// What is left of it when there are no messages on it any more.
    pub(crate) fn into_data_connection(self) -> DataConnection {
        DataConnection {
            link: self.link,
            transport: self.five_tuple.transport,
            unread: self.incoming.bytes().to_vec(),
            unwritten: self.outgoing.into_bytes(),
            descriptor: self.descriptor,
        }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Takes the next message, reading when there is none.
    pub(crate) fn receive(&mut self, packet: &mut PacketBuf) -> Received {
        if self.is_paused {
            return Received::Nothing;
        }
        loop {
            match self.incoming.frame() {
                Err(_) => return Received::Ended(StreamEnd::NotFramed),
                Ok(frame) if !self.may_send(frame) => return self.refuse(),
                Ok(Frame::Whole { len, on_wire }) => {
                    let message = &self.incoming.bytes()[..len];
                    let is_bind = self.may_be_data && is_connection_bind(message);
                    if is_bind && let Some(worker) = self.other_worker(message) {
                        return Received::Elsewhere(worker);
                    }
                    (self.may_be_data, self.is_paused) = (is_bind, is_bind);
                    let fits = packet.copy_from(message);
                    self.incoming.take(on_wire);
                    if let Standing::Unproven { has_spoken, .. } = &mut self.standing {
                        *has_spoken = true;
                    }
                    return if fits { Received::Message } else { Received::TooLong };
                }
                Ok(Frame::Partial { wanted }) => {
                    if let Some(outcome) = self.read(wanted) {
                        return outcome;
                    }
                }
            }
        }
    }

    /// The other worker that a ConnectionBind request is for.
    fn other_worker(&self, message: &[u8]) -> Option<u16> {
        let crew = self.crew?;
        let id = Message::parse(message).ok()?.get::<ConnectionId>().ok()??;
        Some(crew.owner(id)).filter(|worker| *worker != crew.worker)
    }

    fn may_send(&self, frame: Frame) -> bool {
        let (Frame::Whole { on_wire: len, .. } | Frame::Partial { wanted: len }) = frame;
        len <= UNPROVEN_FRAME_MAX || matches!(self.standing, Standing::Proven)
    }

    /// Without an allocation this is its end, whatever it has said before.
    fn refuse(&mut self) -> Received {
        if let Standing::Unproven { has_spoken, .. } = &mut self.standing {
            *has_spoken = false;
        }
        Received::Unproven
    }

    /// It was woken: there may be something to read again.
    pub(crate) fn wake(&mut self) {
        self.is_drained = false;
    }

    /// Reads once; `None` when something was read.
    fn read(&mut self, wanted: usize) -> Option<Received> {
        if self.is_drained {
            return Some(Received::Nothing);
        }
        let allowed = match self.standing {
            Standing::Proven => usize::MAX,
            Standing::Unproven { bytes_left, .. } => bytes_left,
        };
        if allowed == 0 {
            return Some(self.refuse());
        }
        let space = self.incoming.space(wanted);
        let len = space.len().min(allowed);
        match self.link.read(&mut space[..len]) {
            Ok(0) => Some(Received::Ended(StreamEnd::Closed)),
            Ok(count) => {
                // Inside TLS there may be more than the record that was read.
                self.is_drained = count < len && matches!(self.link, Link::Tcp(_));
                self.incoming.filled(count);
                if let Standing::Unproven { bytes_left, .. } = &mut self.standing {
                    *bytes_left -= count;
                }
                None
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(Received::Nothing),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(_) => Some(Received::Ended(StreamEnd::Closed)),
        }
    }

    /// Sends messages, at most [`TOGETHER_MAX`](super::link::TOGETHER_MAX), or
    /// lets them wait. How many had to go for others.
    pub(crate) fn send(&mut self, messages: &[&[u8]]) -> Result<u64, StreamEnd> {
        let mut written = if self.outgoing.is_empty() { self.write(messages)? } else { 0 };
        let mut dropped = 0;
        for message in messages {
            let begun = written.min(message.len());
            written -= begun;
            if begun < message.len() {
                dropped += self.outgoing.push(message, begun);
            }
        }
        if self.waits_to_write() {
            self.stuck_since.get_or_insert_with(Instant::now);
        }
        Ok(dropped)
    }

    /// How many bytes of the messages went, or will without further doing.
    fn write(&mut self, messages: &[&[u8]]) -> Result<usize, StreamEnd> {
        loop {
            match self.link.write(messages) {
                Ok(written) => return Ok(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(StreamEnd::Closed),
            }
        }
    }

    /// Writes what waits, as far as it goes.
    pub(crate) fn flush(&mut self) -> Result<(), StreamEnd> {
        if !self.waits_to_write() {
            return Ok(());
        }
        let mut is_moving = self.link.flush().map_err(|_| StreamEnd::Closed)?;
        while let Some(front) = self.outgoing.front() {
            match self.link.write(&[front]) {
                Ok(0) => return Err(StreamEnd::Closed),
                Ok(written) => {
                    is_moving = true;
                    self.outgoing.wrote(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(StreamEnd::Closed),
            }
        }
        if !self.waits_to_write() {
            self.stuck_since = None;
        } else if is_moving {
            self.stuck_since = Some(Instant::now());
        }
        Ok(())
    }

    /// Its last word.
    pub(crate) fn say_goodbye(&mut self) {
        self.link.say_goodbye();
    }

    /// Whether something waits until the client reads.
    pub(crate) fn waits_to_write(&self) -> bool {
        !self.outgoing.is_empty() || self.link.wants_write()
    }

    /// When it wants attention although nothing arrives.
    pub(crate) fn deadline(&self) -> Instant {
        let stalls_at = self.stuck_since.map(|since| since + STALL_TIMEOUT);
        stalls_at.map_or(self.check_at, |at| at.min(self.check_at))
    }

    pub(crate) fn is_stalled(&self, now: Instant) -> bool {
        self.stuck_since.is_some_and(|since| since + STALL_TIMEOUT <= now)
    }

    /// It has an allocation, which lives until then unless it is refreshed.
    pub(crate) fn prove(&mut self, until: Instant) {
        self.standing = Standing::Proven;
        self.check_at = until + PROOF_TIMEOUT;
    }

    /// It has none. Whether it may go on all the same, for a while.
    pub(crate) fn may_go_on(&mut self, now: Instant) -> bool {
        self.check_at = now + IDLE_TIMEOUT;
        match &mut self.standing {
            Standing::Unproven { has_spoken, .. } => std::mem::take(has_spoken),
            Standing::Proven => false,
        }
    }

    /// It has none any more.
    pub(crate) fn unprove(&mut self, now: Instant) {
        self.standing = Standing::unproven(None);
        self.check_at = now + PROOF_TIMEOUT;
    }
}

fn is_connection_bind(message: &[u8]) -> bool {
    let message = Message::parse(message);
    let kind = message.map(|message| (message.method(), message.class()));
    kind == Ok((Method::CONNECTION_BIND, Class::Request))
}

impl Standing {
    fn unproven(place: Option<Box<dyn Send>>) -> Self {
        Self::Unproven { bytes_left: UNPROVEN_BYTES_MAX, has_spoken: false, _place: place }
    }
}

/// How long a connection without an allocation has for its first message.
pub(super) const PROOF_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may be silent after one.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may read nothing.
pub(super) const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// What a client may send without an allocation: a dozen requests of the usual size and more, or
/// Binding requests for hours.
const UNPROVEN_BYTES_MAX: usize = 16 * 1024;
/// The longest message among them.
const UNPROVEN_FRAME_MAX: usize = 2048;
