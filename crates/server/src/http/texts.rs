//! RFC 6455 §5.2: text frames to a client, written from where they lie.
//!
//! ```text
//!   hub ──text──▶ Texts ──── when the socket is flushed ────┐
//!                                                           ▼ header, text, header, text, …
//!   WebSocket library ──pong, close──▶ TextStream ──────▶ stream
//! ```
//!
//! What the library itself sends it first copies to a buffer that it never gives back, which would
//! be two kilobytes of each idle member. So it is left to read, to answer pings and to close, and
//! texts go past it.
//!
//! Frames don't get into each other: the library flushes when it has nothing left to write, and
//! what it writes waits for the texts that have been begun.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Texts that are to be written next, of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts(Arc<Mutex<Line>>);

impl Texts {
    /// Puts one in line, and says how many bytes there are. A flush writes them.
    pub(crate) fn add(&self, text: Arc<str>) -> usize {
        let mut line = self.line();
        let frame = TextFrame { header: Header::of(text.len()), text };
        line.bytes += frame.len();
        line.frames.push_back(frame);
        line.bytes
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Line {
    frames: VecDeque<TextFrame>,
    /// In all of them, what was written of the first included.
    bytes: usize,
    /// Of the first.
    written: usize,
}

impl Line {
    fn slices(&self) -> ([IoSlice<'_>; SLICES_MAX], usize) {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let parts =
            self.frames.iter().flat_map(|frame| [frame.header.bytes(), frame.text.as_bytes()]);
        let mut skip = self.written;
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            let begin = skip.min(part.len());
            skip -= begin;
            *slice = IoSlice::new(&part[begin..]);
            count += 1;
        }
        (slices, count)
    }

    fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(first) = self.frames.front().map(TextFrame::len) {
            if self.written < first {
                return;
            }
            self.frames.pop_front();
            self.written -= first;
            self.bytes -= first;
        }
        // Thousands of idle members should not keep the room of their busiest moment.
        self.frames = VecDeque::new();
    }
}

#[derive(Debug)]
struct TextFrame {
    header: Header,
    text: Arc<str>,
}

impl TextFrame {
    fn len(&self) -> usize {
        self.header.bytes().len() + self.text.len()
    }
}

/// One frame is one message, and what a server sends has no mask:
///
/// ```text
///   0x81 │ length                  up to 125
///   0x81 │ 126 │ length, 2 bytes   up to 65535
///   0x81 │ 127 │ length, 8 bytes
/// ```
#[derive(Clone, Copy, Debug)]
struct Header {
    bytes: [u8; 10],
    len: u8,
}

impl Header {
    fn of(text_len: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = FIN_AND_TEXT;
        let len = if let Ok(short @ ..126) = u8::try_from(text_len) {
            bytes[1] = short;
            2
        } else if let Ok(medium) = u16::try_from(text_len) {
            bytes[1] = 126;
            bytes[2..4].copy_from_slice(&medium.to_be_bytes());
            4
        } else {
            bytes[1] = 127;
            bytes[2..].copy_from_slice(&(text_len as u64).to_be_bytes());
            10
        };
        Self { bytes, len }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The stream below a connection that may become a WebSocket, with the texts that go past that.
pub(crate) struct TextStream<S> {
    stream: S,
    texts: Texts,
}

impl<S> TextStream<S> {
    pub(crate) fn new(stream: S, texts: Texts) -> Self {
        Self { stream, texts }
    }
}

impl<S: AsyncWrite + Unpin> TextStream<S> {
    fn poll_texts(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = self.texts.line();
        while !line.frames.is_empty() {
            let (slices, count) = line.slices();
            let stream = Pin::new(&mut self.stream);
            match ready!(stream.poll_write_vectored(context, &slices[..count]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => line.advance(bytes),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_begun(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let has_begun = self.texts.line().written > 0;
        if has_begun { self.poll_texts(context) } else { Poll::Ready(Ok(())) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TextStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TextStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_begun(context))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_begun(context))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_texts(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// FIN, opcode 1.
const FIN_AND_TEXT: u8 = 0x81;
/// Headers and texts in one system call.
const SLICES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn text(len: usize) -> Arc<str> {
        "x".repeat(len).into()
    }

    #[tokio::test]
    async fn each_length_has_its_header() {
        for (len, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (near, mut far) = tokio::io::duplex(100_000);
            let texts = Texts::default();
            let mut near = TextStream::new(near, texts.clone());
            assert_eq!(texts.add(text(len)), header.len() + len);
            near.flush().await.unwrap();
            drop(near);
            let mut written = Vec::new();
            far.read_to_end(&mut written).await.unwrap();
            assert_eq!(written[..header.len()], *header);
            assert_eq!(written.len(), header.len() + len);
        }
    }

    #[tokio::test]
    async fn texts_come_whole_and_in_order_through_a_narrow_socket() {
        let (near, mut far) = tokio::io::duplex(7);
        let texts = Texts::default();
        let mut near = TextStream::new(near, texts.clone());
        let mut expect = Vec::new();
        for len in 0..100 {
            texts.add(text(len));
            expect.extend_from_slice(Header::of(len).bytes());
            expect.extend_from_slice(text(len).as_bytes());
        }
        let mut written = vec![0; expect.len()];
        let (flushed, read) = tokio::join!(near.flush(), far.read_exact(&mut written));
        flushed.unwrap();
        read.unwrap();
        assert_eq!(written, expect);
        let line = texts.line();
        assert_eq!((line.bytes, line.written, line.frames.capacity()), (0, 0, 0));
    }

    #[tokio::test]
    async fn another_frame_is_written_before_a_text_or_after_it_and_never_within() {
        let (near, mut far) = tokio::io::duplex(8);
        let texts = Texts::default();
        let mut near = TextStream::new(near, texts.clone());
        texts.add("one".into());
        near.write_all(b"pong").await.unwrap();
        assert!(near.flush().now_or_never().is_none(), "five bytes, and room for four");
        assert!(near.write_all(b"PONG").now_or_never().is_none());
        let mut written = [0; 13];
        let (rest, read) = tokio::join!(near.write_all(b"PONG"), far.read_exact(&mut written));
        rest.unwrap();
        read.unwrap();
        assert_eq!(&written, b"pong\x81\x03onePONG");
    }

    #[tokio::test]
    async fn whose_socket_is_closed_gets_an_error() {
        let (near, far) = tokio::io::duplex(8);
        let texts = Texts::default();
        let mut near = TextStream::new(near, texts.clone());
        drop(far);
        texts.add("one".into());
        let flushed = poll_fn(|context| Pin::new(&mut near).poll_flush(context)).await;
        assert_eq!(flushed.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
