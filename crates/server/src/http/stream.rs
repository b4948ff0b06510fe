//! The stream below every HTTP connection and WebSocket, plain or TLS, with manners of its own.
//!
//! A client that takes nothing any more loses its connection after a while, whatever was being
//! written to it: a page, a frame, a TLS record.
//!
//! And a client that is still sending when it is sent away gets to read why (RFC 9112 §9.6):
//! closing a socket with unread input makes TCP reset the connection, and the reset destroys the
//! goodbye.
//!
//! And whoever has not said who it is may send so many bytes and no more. (What reads WebSocket
//! frames keeps a frame until it is whole, and knows one limit for all of a connection's life.)

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use kopru_signal::Share;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::limits::{LINGER_BYTES_MAX, LINGER_TIMEOUT, WRITE_TIMEOUT};

/// A stream whose writes fail when none has moved for [`WRITE_TIMEOUT`].
pub(crate) struct ClientStream<S: AsyncRead + Send + Unpin + 'static> {
    /// None only while it is dropped.
    stream: Option<S>,
    /// Boxed: only a connection that is stuck has one.
    stuck: Option<Pin<Box<Sleep>>>,
    reading: Reading,
}

/// What is decided above about how a stream is read.
#[derive(Clone, Debug)]
pub(crate) struct Reading(Arc<State>);

#[derive(Debug)]
struct State {
    /// What may still be read.
    bytes_left: AtomicUsize,
    /// What was read and not taken, where that is counted.
    untaken: Mutex<Option<Untaken>>,
    /// Whether to read on, for a short while, after the connection is given up.
    lingers: AtomicBool,
    /// One for each that may be read on from at a time.
    lingering: Arc<Semaphore>,
}

#[derive(Debug)]
struct Untaken {
    share: Share,
    bytes_max: usize,
}

impl Reading {
    /// Without a limit, and not beyond the end.
    pub(crate) fn new(lingering: Arc<Semaphore>) -> Self {
        let (bytes_left, lingers) = (AtomicUsize::new(usize::MAX), AtomicBool::new(false));
        let untaken = Mutex::default();
        Self(Arc::new(State { bytes_left, untaken, lingers, lingering }))
    }

    /// From now on `share` counts what was read, until it is [taken](Self::taken); up to
    /// `bytes_max`, since whoever reads keeps no more of it.
    pub(crate) fn count(&self, share: Share, bytes_max: usize) {
        *self.untaken() = Some(Untaken { share, bytes_max });
    }

    /// Everything that was read is in other hands.
    pub(crate) fn taken(&self) {
        self.keeps(0);
    }

    /// Everything that was read is in other hands, but for so many bytes.
    pub(crate) fn keeps(&self, bytes: usize) {
        if let Some(Untaken { share, bytes_max }) = &mut *self.untaken() {
            share.set(bytes.min(*bytes_max));
        }
    }

    fn read(&self, bytes: usize) {
        if let Some(Untaken { share, bytes_max }) = &mut *self.untaken() {
            share.add(bytes.min(bytes_max.saturating_sub(share.bytes())));
        }
    }

    fn untaken(&self) -> MutexGuard<'_, Option<Untaken>> {
        self.0.untaken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on so many bytes may come. One more is an error of the kind `QuotaExceeded`.
    pub(crate) fn limit(&self, bytes: usize) {
        self.0.bytes_left.store(bytes, Ordering::Relaxed);
    }

    /// From now on everything may come.
    pub(crate) fn unlimit(&self) {
        self.limit(usize::MAX);
    }

    /// What still comes when the connection is given up is read, for a short while.
    pub(crate) fn linger(&self) {
        self.0.lingers.store(true, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Send + Unpin + 'static> ClientStream<S> {
    pub(crate) fn new(stream: S, reading: Reading) -> Self {
        Self { stream: Some(stream), stuck: None, reading }
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
        let Reading(state) = &self.reading;
        if let Some(stream) = self.stream.take()
            && state.lingers.load(Ordering::Relaxed)
            && let Ok(place) = Arc::clone(&state.lingering).try_acquire_owned()
        {
            tokio::spawn(async move {
                // Whoever still sends then has had its time.
                _ = timeout(LINGER_TIMEOUT, drain(stream)).await;
                drop(place);
            });
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
        let bytes_left = self.reading.0.bytes_left.load(Ordering::Relaxed);
        let before = buffer.filled().len();
        if bytes_left == usize::MAX {
            ready!(self.stream().poll_read(context, buffer))?;
            self.reading.read(buffer.filled().len() - before);
            return Poll::Ready(Ok(()));
        }
        if bytes_left == 0 {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        let len = buffer.remaining().min(bytes_left);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(len));
        ready!(self.stream().poll_read(context, &mut part))?;
        let count = part.filled().len();
        buffer.advance(count);
        self.reading.limit(bytes_left - count);
        self.reading.read(count);
        Poll::Ready(Ok(()))
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
    use kopru_signal::Memory;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn reading() -> Reading {
        Reading::new(Arc::new(Semaphore::new(1)))
    }

    #[tokio::test]
    async fn who_is_limited_may_send_so_much_and_who_is_not_more() {
        let (near, mut far) = tokio::io::duplex(64);
        let reading = reading();
        let mut near = ClientStream::new(near, reading.clone());
        reading.limit(6);
        far.write_all(b"12345678").await.unwrap();
        let mut bytes = [0; 64];
        assert_eq!(near.read(&mut bytes[..4]).await.unwrap(), 4);
        assert_eq!(near.read(&mut bytes).await.unwrap(), 2);
        let error = near.read(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        reading.unlimit();
        assert_eq!(near.read(&mut bytes).await.unwrap(), 2);
        far.write_all(b"12345678").await.unwrap();
        assert_eq!(near.read(&mut bytes).await.unwrap(), 8);
    }

    #[tokio::test]
    async fn what_was_read_and_not_taken_is_counted() {
        let memory = Memory::new(100);
        let (near, mut far) = tokio::io::duplex(64);
        let reading = reading();
        let mut near = ClientStream::new(near, reading.clone());
        reading.limit(4);
        reading.count(memory.share(0), 10);
        far.write_all(b"12345678").await.unwrap();
        assert_eq!(near.read(&mut [0; 64]).await.unwrap(), 4);
        reading.unlimit();
        assert_eq!(near.read(&mut [0; 64]).await.unwrap(), 4);
        assert_eq!(memory.held(), 8);
        reading.taken();
        assert_eq!(memory.held(), 0);
        far.write_all(&[0; 20]).await.unwrap();
        near.read_exact(&mut [0; 20]).await.unwrap();
        assert_eq!(memory.held(), 10, "no more than is kept");
        drop((near, reading));
        assert_eq!(memory.held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stopped_ends_the_connection() {
        let (near, mut far) = tokio::io::duplex(8);
        let mut near = ClientStream::new(near, reading());
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
        let reading = reading();
        reading.linger();
        drop(ClientStream::new(near, reading.clone()));
        far.write_all(&[0; 100_000]).await.unwrap();
        let begin = Instant::now();
        let (near, mut another) = tokio::io::duplex(8);
        drop(ClientStream::new(near, reading));
        assert!(another.write_all(&[0; 9]).await.is_err(), "one at a time, in this test");
        assert!(far.write_all(&[0; LINGER_BYTES_MAX]).await.is_err());
        assert!(begin.elapsed() <= LINGER_TIMEOUT);

        let (near, mut far) = tokio::io::duplex(8);
        drop(ClientStream::new(near, self::reading()));
        assert!(far.write_all(&[0; 9]).await.is_err(), "without the wish it closes at once");
    }
}
