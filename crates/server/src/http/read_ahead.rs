//! Reads from a socket what is worth a system call, for a reader that asks for little: so a
//! WebSocket may have a small buffer, of which there are thousands, and take in many frames at once
//! all the same.
//!
//! ```text
//!  socket ──8 KiB──▶ the thread's scratch ──▶ the reader's buffer
//!                                        └──▶ what does not fit is kept until it is asked for
//! ```

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::limits::READ_AHEAD_BYTES;

/// A stream of which at most [`READ_AHEAD_BYTES`] are read before they are asked for.
pub(crate) struct ReadAhead<S> {
    stream: S,
    ahead: Vec<u8>,
    /// So much of that was asked for.
    taken: usize,
}

impl<S> ReadAhead<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, ahead: Vec::new(), taken: 0 }
    }

    /// Hands over what was read before; whether there was something.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = &self.ahead[self.taken..];
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        self.taken += count;
        if self.taken == self.ahead.len() {
            // Who is idle keeps nothing.
            (self.ahead, self.taken) = (Vec::new(), 0);
        }
        count > 0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let it = self.get_mut();
        if it.hand_over(buffer) {
            return Poll::Ready(Ok(()));
        }
        if buffer.remaining() >= READ_AHEAD_BYTES {
            return Pin::new(&mut it.stream).poll_read(context, buffer);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut whole = ReadBuf::new(scratch);
            ready!(Pin::new(&mut it.stream).poll_read(context, &mut whole))?;
            let read = whole.filled();
            let (now, later) = read.split_at(read.len().min(buffer.remaining()));
            buffer.put_slice(now);
            it.ahead = later.to_vec();
            Poll::Ready(Ok(()))
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_AHEAD_BYTES].into());
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_came_at_once_is_handed_over_piece_by_piece() {
        let (near, mut far) = tokio::io::duplex(2 * READ_AHEAD_BYTES);
        let mut near = ReadAhead::new(near);
        let sent: Vec<u8> = (0..=255).cycle().take(READ_AHEAD_BYTES + 100).collect();
        far.write_all(&sent).await.unwrap();
        let mut piece = [0; 1000];
        assert_eq!(near.read(&mut piece).await.unwrap(), 1000);
        assert_eq!(near.ahead.len(), READ_AHEAD_BYTES - 1000, "one read, and no more than that");
        assert_eq!(piece, sent[..1000]);
        let mut rest = vec![0; sent.len() - 1000];
        near.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, sent[1000..]);
        assert_eq!(near.ahead.capacity(), 0, "who is idle keeps nothing");
        drop(far);
        assert_eq!(near.read(&mut piece).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn whoever_asks_for_much_is_given_it_directly() {
        let (near, mut far) = tokio::io::duplex(4 * READ_AHEAD_BYTES);
        let mut near = ReadAhead::new(near);
        far.write_all(&vec![7; 2 * READ_AHEAD_BYTES]).await.unwrap();
        let mut much = vec![0; 3 * READ_AHEAD_BYTES];
        assert_eq!(near.read(&mut much).await.unwrap(), 2 * READ_AHEAD_BYTES);
        near.write_all(b"back").await.unwrap();
        let mut back = [0; 4];
        far.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"back");
    }
}
