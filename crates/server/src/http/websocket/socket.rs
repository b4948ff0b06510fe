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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::frame::tests::masked;
    use super::*;
    use crate::hub::Texts;

    fn socket(stream: DuplexStream) -> Socket<DuplexStream> {
        Socket::new(stream, 100_000)
    }

    async fn said(socket: &mut Socket<DuplexStream>) -> Result<Said, Lost> {
        poll_fn(|context| socket.poll_said(context)).await
    }

    /// Sends what is in line, one text after another.
    async fn send(socket: &mut Socket<DuplexStream>, mut texts: Vec<String>) -> io::Result<()> {
        texts.reverse();
        let mut gather = |gathered: &mut Gathered<'_>| {
            while texts.pop().is_some_and(|text| gathered.add(&text)) {}
        };
        poll_fn(|context| socket.poll_send(context, &mut gather)).await
    }

    #[tokio::test]
    async fn texts_come_whole_and_in_order_through_a_narrow_socket() {
        let (near, mut far) = duplex(7);
        let mut near = socket(near);
        let texts: Vec<_> = (0..300).map(|len| "x".repeat(len)).collect();
        let mut expect = Vec::new();
        texts.iter().for_each(|text| frame::write(&mut expect, Opcode::Text, text.as_bytes()));
        assert!(expect.len() > 2 * WEBSOCKET_WRITE_BYTES);
        let mut written = vec![0; expect.len()];
        let (sent, read) = tokio::join!(send(&mut near, texts), far.read_exact(&mut written));
        sent.unwrap();
        read.unwrap();
        assert_eq!(written, expect);
        assert_eq!(near.unsent.capacity(), 0, "who is idle keeps nothing");
    }

    #[tokio::test]
    async fn a_pong_comes_behind_a_text_and_never_within() {
        let (near, mut far) = duplex(4);
        let mut near = socket(near);
        let one = send(&mut near, vec!["one".to_owned()]).now_or_never();
        assert!(one.is_none(), "five bytes, and room for four");
        let mut written = [0; 11];
        let pong = near.send(Opcode::Pong, b"pong");
        let (sent, read) = tokio::join!(pong, far.read_exact(&mut written));
        sent.unwrap();
        read.unwrap();
        assert_eq!(&written, b"\x81\x03one\x8a\x04pong");
    }

    #[tokio::test]
    async fn what_is_there_is_read_at_once_and_the_end_is_one() {
        let (near, mut far) = duplex(2 * WEBSOCKET_READ_BYTES);
        let mut near = socket(near);
        let text = |byte: &str| byte.repeat(WEBSOCKET_READ_BYTES / 2);
        for byte in ["a", "b", "c"] {
            far.write_all(&masked(0x81, text(byte).as_bytes())).await.unwrap();
        }
        assert_eq!(said(&mut near).await, Ok(Said::Texts(Texts::from(text("a")))));
        assert!(near.kept() > WEBSOCKET_READ_BYTES / 3, "it was read with the first");
        let mut both = Texts::first(&text("b"), 0);
        both.push(&text("c"));
        assert_eq!(said(&mut near).await, Ok(Said::Texts(both)));
        assert!(said(&mut near).now_or_never().is_none());
        drop(far);
        assert_eq!(said(&mut near).await, Err(Lost::Connection));
        let sent = send(&mut near, vec!["one".to_owned()]).await;
        assert_eq!(sent.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
