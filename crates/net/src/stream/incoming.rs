//! What was read from a connection and not yet taken: a buffer that is small until a message is
//! not.

use super::frame::{Frame, NotFramed};

/// The bytes of one connection on their way to being messages.
///
/// ```text
/// buffer   ┌── taken ──┬── whole frames ──┬── a part ──┬── space ──┐
///          └───────────┴start─────────────┴────────────┴end────────┘
/// ```
#[derive(Default)]
pub struct Incoming {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The last read left no space: more is waiting than the buffer holds.
    is_narrow: bool,
}

impl Incoming {
    /// The message at the front, if there is one.
    ///
    /// # Errors
    /// [`NotFramed`], from which there is no way back.
    pub fn frame(&self) -> Result<Frame, NotFramed> {
        Frame::at_front(self.bytes())
    }

    /// What was read and not taken.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Drops the first `count` bytes.
    pub fn take(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Where to read to. Large enough that, when it is filled, `wanted` bytes are there.
    pub fn space(&mut self, wanted: usize) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == 0 && self.buffer.len() > READ_AHEAD_MAX {
            self.buffer = Vec::new();
        }
        let wider = if self.is_narrow { self.buffer.len() * 2 } else { 0 };
        let size = wanted.max(wider.clamp(READ_AHEAD_MIN, READ_AHEAD_MAX));
        if size > self.buffer.len() {
            self.buffer.resize(size, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// Declares that the first `count` bytes of [`space`](Self::space) were written.
    pub fn filled(&mut self, count: usize) {
        self.end += count;
        self.is_narrow = self.end == self.buffer.len();
    }
}

/// A request, or one datagram of media.
const READ_AHEAD_MIN: usize = 2048;
/// A dozen of them: what one system call reads from a busy connection.
const READ_AHEAD_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::frame::FRAME_MAX;

    fn read(incoming: &mut Incoming, wanted: usize, bytes: &[u8]) -> usize {
        let space = incoming.space(wanted);
        let count = bytes.len().min(space.len());
        space[..count].copy_from_slice(&bytes[..count]);
        incoming.filled(count);
        count
    }

    #[test]
    fn frames_come_out_one_by_one() {
        let mut incoming = Incoming::default();
        let two = b"\x40\x01\0\x01a\0\0\0\x40\x01\0\x02bb\0\0\x40";
        assert_eq!(read(&mut incoming, 4, two), two.len());
        for data in [&b"\x40\x01\0\x01a"[..], b"\x40\x01\0\x02bb"] {
            let Ok(Frame::Whole { len, on_wire }) = incoming.frame() else { panic!("no frame") };
            assert_eq!(&incoming.bytes()[..len], data);
            incoming.take(on_wire);
        }
        assert_eq!(incoming.frame(), Ok(Frame::Partial { wanted: 4 }));
        assert_eq!(incoming.bytes(), b"\x40");
    }

    #[test]
    fn it_grows_for_one_frame_at_most_and_shrinks_again() {
        let mut incoming = Incoming::default();
        assert_eq!(incoming.buffer.len(), 0, "a connection that says nothing costs nothing");
        let flood = vec![0x40; 100_000];
        let mut sizes = Vec::new();
        for _ in 0..6 {
            let count = read(&mut incoming, 4, &flood);
            sizes.push(incoming.buffer.len());
            incoming.take(count);
        }
        assert_eq!(sizes, [2048, 4096, 8192, 16_384, 16_384, 16_384]);
        assert_eq!(read(&mut incoming, FRAME_MAX, &flood), FRAME_MAX);
        incoming.take(FRAME_MAX);
        read(&mut incoming, 4, &flood);
        assert_eq!(incoming.buffer.len(), 2048);
    }
}
