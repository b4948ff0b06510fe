//! RFC 6062 §3: "if the relay process is no longer able to write data to the destination of the
//! relayed data, the relay process stops reading data from the source". One direction of a
//! connection.

use std::io;

use crate::stream::link::Link;

/// ```text
///  source ──▶ read a piece ──▶ write what goes ──▶ destination
///                  ▲                │ the rest
///                  │                ▼
///                  └── empty? ── held: one piece at most
/// ```
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    held: Vec<u8>,
    /// Of what is held, how much is written.
    written: usize,
    /// The source has said that nothing more will come.
    is_dry: bool,
    /// The destination was told so.
    is_shut: bool,
}

impl Pipe {
    /// A pipe with something in it that was read before.
    pub(crate) fn holding(held: Vec<u8>) -> Self {
        Self { held, ..Self::default() }
    }

    /// Writes what is held, and then, if it may, reads a piece into `scratch` and writes that; how
    /// long it was. `None` when there is nothing to be done until one of the two is ready.
    ///
    /// # Errors
    /// One of the two is broken.
    pub(crate) fn carry(
        &mut self,
        source: &mut Link,
        destination: &mut Link,
        may_read: bool,
        scratch: &mut [u8],
    ) -> io::Result<Option<usize>> {
        if !self.drain(destination)? {
            return Ok(None);
        }
        if self.is_dry {
            self.is_shut = self.is_shut || destination.shut()?;
            return Ok(None);
        }
        if !may_read {
            return Ok(None);
        }
        let len = match source.read(scratch) {
            // Without close_notify: what was said is passed on, and that it is over.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) if is_patience(&error) => return Ok(None),
            read => read?,
        };
        if len == 0 {
            self.is_dry = true;
            self.is_shut = destination.shut()?;
            return Ok(None);
        }
        let piece = scratch.get(..len).unwrap_or_default();
        let written = write(destination, piece)?;
        self.held.extend(piece.get(written..).unwrap_or_default());
        Ok(Some(len))
    }

    /// Writes what is held; whether all of it is gone.
    fn drain(&mut self, destination: &mut Link) -> io::Result<bool> {
        if !destination.flush()? {
            return Ok(false);
        }
        while let Some(rest) = self.held.get(self.written..).filter(|rest| !rest.is_empty()) {
            match write(destination, rest)? {
                0 => return Ok(false),
                written => self.written += written,
            }
        }
        (self.held, self.written) = (Vec::new(), 0);
        Ok(!destination.wants_write())
    }

    /// Whether it waits for something to read.
    pub(crate) fn wants_read(&self) -> bool {
        self.held.is_empty() && !self.is_dry
    }

    /// Whether it waits until its destination takes something.
    pub(crate) fn wants_write(&self) -> bool {
        !self.held.is_empty() || self.is_dry && !self.is_shut
    }

    /// Whether its source has ended.
    pub(crate) fn is_dry(&self) -> bool {
        self.is_dry
    }

    /// Whether nothing will ever come of it again.
    pub(crate) fn is_over(&self) -> bool {
        self.is_dry && self.is_shut
    }
}

/// Writes as much as goes now.
fn write(destination: &mut Link, bytes: &[u8]) -> io::Result<usize> {
    match destination.write(&[bytes]) {
        Err(error) if is_patience(&error) => Ok(0),
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        written => written,
    }
}

fn is_patience(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// What is read at once, and so what one direction of one connection holds at most.
pub(crate) const PIECE_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// A link that never waits, and its far end.
    fn link() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        near.set_nonblocking(true).unwrap();
        (Link::Tcp(near), far)
    }

    #[test]
    fn it_holds_one_piece_at_most_and_nothing_when_that_is_taken() {
        let ((mut source, mut writer), (mut destination, mut reader)) = (link(), link());
        let mut pipe = Pipe::default();
        let mut scratch = vec![0; PIECE_MAX];
        let mut carry = |pipe: &mut Pipe| {
            pipe.carry(&mut source, &mut destination, true, &mut scratch).unwrap()
        };
        writer.set_nonblocking(true).unwrap();
        let (mut sent, mut carried) = (0, 0);
        while pipe.wants_read() {
            sent += io::Write::write(&mut writer, &[7; 65_536]).unwrap_or(0);
            carried += carry(&mut pipe).unwrap_or(0);
        }
        assert!((1..=PIECE_MAX).contains(&pipe.held.len()), "{}", pipe.held.len());
        assert!(pipe.wants_write());
        assert_eq!(carry(&mut pipe), None, "it reads nothing on top of that");
        // The reader takes it all.
        drop(writer);
        reader.set_nonblocking(true).unwrap();
        let mut taken = 0;
        while !pipe.is_over() {
            taken += reader.read(&mut [0; 65_536]).unwrap_or(0);
            carried += carry(&mut pipe).unwrap_or(0);
        }
        reader.set_nonblocking(false).unwrap();
        taken += reader.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!((taken, carried, pipe.held.capacity()), (sent, sent, 0));
    }
}
