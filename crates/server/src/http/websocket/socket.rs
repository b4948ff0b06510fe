//! RFC 6455 §5: Data Framing, on a stream: what is there is read at once, and what waits is written
//! at once.
//!
//! ```text
//!   stream ──16 KiB──▶ a buffer of the thread ──▶ texts, together
//!   stream ◀─16 KiB─── another one ◀───────────── header, text, header, text, …
//! ```
//!
//! The buffers are those of the thread. A connection has memory of its own only for the beginning
//! of a frame, and for what its socket does not take yet.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame::{self, Broken, Opcode};
use super::incoming::{Incoming, Said};
use crate::limits::{WEBSOCKET_READ_BYTES, WEBSOCKET_WRITE_BYTES};

/// The server's end of a WebSocket.
pub(super) struct Socket<S> {
    stream: S,
    incoming: Incoming,
    /// What the stream did not take.
    unsent: Vec<u8>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The connection is gone, or of no use any more.
    Connection,
    /// The client sends more than it may.
    TooLarge,
}

impl<S> Socket<S> {
    pub(super) fn new(stream: S, message_bytes_max: usize) -> Self {
        Self { stream, incoming: Incoming::new(message_bytes_max), unsent: Vec::new() }
    }

    /// How many bytes it has read and not given away.
    pub(super) fn kept(&self) -> usize {
        self.incoming.bytes()
    }
}

impl<S: AsyncRead + Unpin> Socket<S> {
    /// What the client says next.
    pub(super) fn poll_said(&mut self, context: &mut Context<'_>) -> Poll<Result<Said, Lost>> {
        if let Some(said) = self.incoming.next()? {
            return Poll::Ready(Ok(said));
        }
        let Self { stream, incoming, .. } = self;
        READ.with_borrow_mut(|buffer| {
            loop {
                let mut read = ReadBuf::new(buffer);
                ready!(Pin::new(&mut *stream).poll_read(context, &mut read))?;
                if read.filled().is_empty() {
                    return Poll::Ready(Err(Lost::Connection));
                }
                if let Some(said) = incoming.next_with(read.filled_mut())? {
                    return Poll::Ready(Ok(said));
                }
            }
        })
    }
}

impl<S: AsyncWrite + Unpin> Socket<S> {
    /// Writes what `gather` puts into the buffer, until that is nothing.
    pub(super) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        mut gather: impl FnMut(&mut Gathered<'_>),
    ) -> Poll<io::Result<()>> {
        let Self { stream, unsent, .. } = self;
        let mut stream = Pin::new(stream);
        loop {
            while !unsent.is_empty() {
                let count = ready!(stream.as_mut().poll_write(context, unsent))?;
                if count == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                unsent.drain(..count);
            }
            // Thousands of idle members should not keep the room of their busiest moment.
            *unsent = Vec::new();
            let goes_on = WRITE.with_borrow_mut(|buffer| {
                gather(&mut Gathered(buffer));
                if buffer.is_empty() {
                    return Ok(false);
                }
                let written = match stream.as_mut().poll_write(context, buffer) {
                    Poll::Ready(written) => written?,
                    Poll::Pending => 0,
                };
                unsent.extend_from_slice(&buffer[written..]);
                buffer.clear();
                // One long text makes it no longer for good.
                buffer.shrink_to(2 * WEBSOCKET_WRITE_BYTES);
                Ok::<_, io::Error>(true)
            })?;
            if !goes_on {
                return stream.poll_flush(context);
            }
        }
    }

    /// Sends one control frame.
    pub(super) async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        frame::write(&mut self.unsent, opcode, payload);
        poll_fn(|context| self.poll_send(context, |_| {})).await
    }
}

/// What is to be written at once.
pub(super) struct Gathered<'a>(&'a mut Vec<u8>);

impl Gathered<'_> {
    /// Adds a text, and says whether there may be another one.
    pub(super) fn add(&mut self, text: &str) -> bool {
        frame::write(self.0, Opcode::Text, text.as_bytes());
        self.0.len() < WEBSOCKET_WRITE_BYTES
    }
}

impl From<Broken> for Lost {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Rules => Self::Connection,
            Broken::TooLarge => Self::TooLarge,
        }
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        // Said of who has not shown who it is, and sends more than that takes.
        let is_quota = error.kind() == io::ErrorKind::QuotaExceeded;
        if is_quota { Self::TooLarge } else { Self::Connection }
    }
}

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; WEBSOCKET_READ_BYTES].into());
    static WRITE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(WEBSOCKET_WRITE_BYTES));
}
