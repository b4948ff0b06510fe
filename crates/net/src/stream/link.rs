//! The bytes of a connection: as they are, or inside TLS.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use rustls::ServerConnection;

/// A socket that never waits, and what is spoken on it.
pub(crate) enum Link {
    /// TCP.
    Tcp(TcpStream),
    /// TLS over TCP; the handshake is over.
    Tls {
        /// The socket.
        socket: TcpStream,
        /// Boxed, since most clients have none.
        tls: Box<ServerConnection>,
    },
}

impl Link {
    /// Reads what is there; 0 when the client has closed its side.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Tls { socket, tls } => read_tls(socket, tls, buffer),
        }
    }

    /// Writes as much of the frames as goes, at most [`TOGETHER_MAX`] of them. TLS takes them as a
    /// whole, and others when these have left: each in a record of its own, since there are clients
    /// that take a record for a message (turnutils_uclient).
    pub(crate) fn write(&mut self, frames: &[&[u8]]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self {
            Self::Tcp(socket) => {
                let mut slices = [IoSlice::new(&[]); TOGETHER_MAX];
                let mut count = 0;
                for (slice, frame) in slices.iter_mut().zip(frames) {
                    *slice = IoSlice::new(frame);
                    count += 1;
                }
                socket.write_vectored(&slices[..count])
            }
            Self::Tls { tls, .. } => {
                let mut written = 0;
                for frame in frames {
                    tls.writer().write_all(frame)?;
                    written += frame.len();
                }
                self.flush()?;
                Ok(written)
            }
        }
    }

    /// Writes what is encrypted already; whether all of it went.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let Self::Tls { socket, tls } = self else { return Ok(true) };
        while tls.wants_write() {
            match tls.write_tls(socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Says that nothing follows, as far as it goes at once (RFC 8446 §6.1).
    pub(crate) fn say_goodbye(&mut self) {
        if let Self::Tls { socket, tls } = self {
            tls.send_close_notify();
            let _ = tls.write_tls(socket);
        }
    }

    /// Says that nothing more will be written; whether that has left. If not, it wants to be said
    /// again.
    pub(crate) fn shut(&mut self) -> io::Result<bool> {
        if let Self::Tls { tls, .. } = self {
            tls.send_close_notify();
        }
        let flushed = self.flush()?;
        if flushed {
            let (Self::Tcp(socket) | Self::Tls { socket, .. }) = self;
            socket.shutdown(Shutdown::Write)?;
        }
        Ok(flushed)
    }

    /// Whether something that is encrypted already waits to be written.
    pub(crate) fn wants_write(&self) -> bool {
        matches!(self, Self::Tls { tls, .. } if tls.wants_write())
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) | Self::Tls { socket, .. } => socket.as_fd(),
        }
    }
}

fn read_tls(
    socket: &mut TcpStream,
    tls: &mut ServerConnection,
    buffer: &mut [u8],
) -> io::Result<usize> {
    // Records without content, key updates say, must not keep the worker here for ever.
    for _ in 0..RECORDS_MAX {
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        tls.read_tls(socket)?;
        if let Err(error) = tls.process_new_packets() {
            // The alert that says why; the connection ends in any case.
            let _ = tls.write_tls(socket);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
    tls.reader().read(buffer)
}

/// Frames that are written together.
pub(crate) const TOGETHER_MAX: usize = 16;

/// Reads from the socket for one of [`Link::read`].
const RECORDS_MAX: usize = 4;
