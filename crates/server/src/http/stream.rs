//! The stream below every HTTP connection and WebSocket, plain or TLS, with two manners of its own.
//!
//! A client that takes nothing any more loses its connection after a while, whatever was being
//! written to it: a page, a frame, a TLS record.
//!
//! And a client that is still sending when it is sent away gets to read why (RFC 9112 §9.6):
//! closing a socket with unread input makes TCP reset the connection, and the reset destroys the
//! goodbye.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::limits::{LINGER_BYTES_MAX, LINGER_TIMEOUT, WRITE_TIMEOUT};

/// A stream whose writes fail when none has moved for [`WRITE_TIMEOUT`].
pub(crate) struct ClientStream<S: AsyncRead + Send + Unpin + 'static> {
    /// None only while it is dropped.
    stream: Option<S>,
    /// Boxed: only a connection that is stuck has one.
    stuck: Option<Pin<Box<Sleep>>>,
    lingers: Lingers,
}

/// Whether to read on, for a short while, after the connection is given up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lingers(Arc<AtomicBool>);

impl Lingers {
    /// From now on, yes.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Send + Unpin + 'static> ClientStream<S> {
    pub(crate) fn new(stream: S, lingers: Lingers) -> Self {
        Self { stream: Some(stream), stuck: None, lingers }
    }

    fn stream(&mut self) -> Pin<&mut S> {
        Pin::new(self.stream.as_mut().expect("the stream is there until it is dropped"))
    }

    fn judge<T>(
        &mut self,
        poll: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stuck = None;
            return poll;
        }
        let deadline = || Box::pin(sleep_until(Instant::now() + WRITE_TIMEOUT));
        ready!(self.stuck.get_or_insert_with(deadline).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Send + Unpin + 'static> Drop for ClientStream<S> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take()
            && self.lingers.0.load(Ordering::Relaxed)
        {
            tokio::spawn(timeout(LINGER_TIMEOUT, drain(stream)));
        }
    }
}

async fn drain(mut stream: impl AsyncRead + Unpin) {
    let mut buffer = [0; 4096];
    let mut bytes = 0;
    while bytes < LINGER_BYTES_MAX {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes += read,
        }
    }
}

impl<S: AsyncRead + Send + Unpin + 'static> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = self.stream().poll_write(context, bytes);
        self.judge(poll, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = self.stream().poll_write_vectored(context, slices);
        self.judge(poll, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = self.stream().poll_flush(context);
        self.judge(poll, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = self.stream().poll_shutdown(context);
        self.judge(poll, context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stopped_ends_the_connection() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut near = ClientStream::new(near, Lingers::default());
        near.write_all(b"12345678").await.unwrap();
        let begin = Instant::now();
        let error = near.write_all(b"9").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), WRITE_TIMEOUT);
        // One that merely paused goes on.
        far.read_exact(&mut [0; 8]).await.unwrap();
        near.write_all(b"9").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_still_sends_is_read_on_for_a_while_only() {
        let (near, mut far) = tokio::io::duplex(8);
        let lingers = Lingers::default();
        lingers.set();
        drop(ClientStream::new(near, lingers));
        far.write_all(&[0; 100_000]).await.unwrap();
        let begin = Instant::now();
        assert!(far.write_all(&[0; LINGER_BYTES_MAX]).await.is_err());
        assert!(begin.elapsed() <= LINGER_TIMEOUT);

        let (near, mut far) = tokio::io::duplex(8);
        drop(ClientStream::new(near, Lingers::default()));
        assert!(far.write_all(&[0; 9]).await.is_err(), "without the wish it closes at once");
    }
}
