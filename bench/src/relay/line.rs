//! A client's way to its server: UDP, TCP, or TLS.
//!
//! RFC 8489 §6.2.2, RFC 8656 §12.5: over a stream a message ends where its length says, and
//! ChannelData is padded to a multiple of four bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustls::ClientConnection;
use socket2::{Domain, Socket, Type};

use crate::certificate::Certificate;
use crate::stream::{begin_tls, flush_tls};

/// How clients reach the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
}

/// A client's socket, with what was begun on it.
pub(crate) enum Line {
    Udp(UdpSocket),
    Stream(Box<Stream>),
}

/// TCP, with TLS on it or without.
pub(crate) struct Stream {
    socket: TcpStream,
    tls: Option<ClientConnection>,
    /// The beginning of a frame.
    incoming: Vec<u8>,
    /// What the socket did not take yet, where there is no TLS to keep it.
    outgoing: Vec<u8>,
    scratch: Vec<u8>,
}

impl Line {
    /// Connects to `server`, from `source`.
    pub(crate) fn connect(
        transport: Transport,
        server: SocketAddrV4,
        source: Ipv4Addr,
        certificate: &Certificate,
    ) -> io::Result<Self> {
        if transport == Transport::Udp {
            let socket = datagram_socket(source)?;
            socket.connect(server)?;
            socket.set_nonblocking(true)?;
            return Ok(Self::Udp(socket));
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.connect(&SocketAddr::V4(server).into())?;
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true)?;
        let is_tls = transport == Transport::Tls;
        let tls = is_tls.then(|| begin_tls(&certificate.client, (*server.ip()).into()));
        let tls = tls.transpose()?;
        let scratch = vec![0; SCRATCH_BYTES];
        let (incoming, outgoing) = (Vec::new(), Vec::new());
        Ok(Self::Stream(Box::new(Stream { socket, tls, incoming, outgoing, scratch })))
    }

    /// The number of the socket.
    pub(crate) fn socket(&self) -> RawFd {
        match self {
            Self::Udp(socket) => socket.as_raw_fd(),
            Self::Stream(stream) => stream.socket.as_raw_fd(),
        }
    }

    /// Whether reading from a stream and writing to it wait. Datagrams are never waited for.
    pub(crate) fn set_patient(&self, is_patient: bool) -> io::Result<()> {
        match self {
            Self::Udp(_) => Ok(()),
            Self::Stream(stream) => stream.socket.set_nonblocking(!is_patient),
        }
    }

    /// Sends a request and looks at what comes, message by message, until `is_answer` is true for
    /// one. A patient line only.
    ///
    /// # Errors
    /// No answer comes, or the connection ends.
    pub(crate) fn exchange(
        &mut self,
        request: &[u8],
        is_answer: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<()> {
        match self {
            Self::Udp(socket) => exchange_datagrams(socket, request, is_answer),
            Self::Stream(stream) => stream.exchange(request, is_answer),
        }
    }
}

impl Stream {
    fn exchange(
        &mut self,
        request: &[u8],
        mut is_answer: impl FnMut(&[u8]) -> bool,
    ) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        self.socket.set_read_timeout(Some(PATIENCE))?;
        self.write(request)?;
        let mut is_answered = false;
        while !is_answered {
            if Instant::now() > deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            self.read(|frame| is_answered |= is_answer(frame))?;
        }
        Ok(())
    }

    /// Writes what can be written now, and keeps the rest.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes)?,
            None => self.outgoing.extend_from_slice(bytes),
        }
        self.flush()
    }

    /// Whether nothing is kept.
    pub(crate) fn is_clear(&self) -> bool {
        let tls_is_clear = self.tls.as_ref().is_none_or(|tls| !tls.wants_write());
        self.outgoing.is_empty() && tls_is_clear
    }

    /// Writes of what is kept as much as the socket takes.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let Self { socket, tls, outgoing, .. } = self;
        let outcome = match tls {
            Some(tls) => flush_tls(tls, socket),
            None => flush_plain(outgoing, socket),
        };
        outcome.or_else(|error| if is_nothing(&error) { Ok(()) } else { Err(error) })
    }

    /// Reads once, hands over each whole message, and says whether there may be more.
    ///
    /// # Errors
    /// The server ended the connection, or broke TLS.
    pub(crate) fn read(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let Self { socket, tls, incoming, scratch, .. } = self;
        let read = match socket.read(scratch) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if is_nothing(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        match tls {
            None => incoming.extend_from_slice(&scratch[..read]),
            Some(tls) => {
                decrypt(tls, &scratch[..read], incoming)?;
                flush_tls(tls, socket)?;
            }
        }
        let mut rest = &incoming[..];
        let first = |rest: &'_ [u8]| frame_len(rest).filter(|&len| len <= rest.len());
        while let Some(len) = first(rest) {
            let (frame, behind) = rest.split_at(len);
            each(frame);
            rest = behind;
        }
        let used = incoming.len() - rest.len();
        incoming.drain(..used);
        Ok(read == scratch.len())
    }
}

/// Asks without sleeping: whoever serially makes allocations would measure how it is woken.
fn exchange_datagrams(
    socket: &UdpSocket,
    request: &[u8],
    mut is_answer: impl FnMut(&[u8]) -> bool,
) -> io::Result<()> {
    let (begin, mut sends) = (Instant::now(), 0);
    let mut datagram = [0; DATAGRAM_BYTES_MAX];
    while begin.elapsed() < PATIENCE {
        if begin.elapsed() >= SEND_AGAIN_AFTER * sends {
            // Refused is what was sent before: a server that just started exchanges its sockets.
            _ = socket.send(request);
            sends += 1;
        }
        match socket.recv(&mut datagram) {
            Ok(len) if is_answer(&datagram[..len]) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_nothing(&error) => thread::yield_now(),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::TimedOut.into())
}

/// A socket for datagrams of which the kernel hands over whole trains.
pub(crate) fn datagram_socket(source: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    let socket = UdpSocket::from(socket);
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::UdpGroSegment, &true)?;
    Ok(socket)
}

/// Puts what is inside of what was read behind `content`.
fn decrypt(tls: &mut ClientConnection, mut read: &[u8], content: &mut Vec<u8>) -> io::Result<()> {
    while !read.is_empty() {
        tls.read_tls(&mut read)?;
        tls.process_new_packets().map_err(io::Error::other)?;
        match tls.reader().read_to_end(content) {
            Err(error) if is_nothing(&error) => {}
            other => _ = other?,
        }
    }
    Ok(())
}

fn flush_plain(outgoing: &mut Vec<u8>, socket: &mut TcpStream) -> io::Result<()> {
    while !outgoing.is_empty() {
        let written = socket.write(outgoing)?;
        outgoing.drain(..written);
    }
    Ok(())
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// How long the message at the front is; `None` where not even that is there.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let &[first, _, l0, l1] = bytes.first_chunk()?;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    Some(if first <= 3 { 20 + len } else { 4 + len.next_multiple_of(4) })
}

const SCRATCH_BYTES: usize = 64 * 1024;
/// As large as the kernel allows by default.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// More than any answer has.
const DATAGRAM_BYTES_MAX: usize = 2048;
const SEND_AGAIN_AFTER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_its_length_says() {
        assert_eq!(frame_len(&[0, 1, 0, 8, 0x21]), Some(28));
        assert_eq!(frame_len(&[0x40, 0, 0, 5]), Some(12));
        assert_eq!(frame_len(&[0x40, 0, 0]), None);
    }
}
