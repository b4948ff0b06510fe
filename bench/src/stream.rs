//! TCP, with TLS on it or without. It waits for nothing, where the socket doesn't.

use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// A client's end.
pub(crate) struct Stream<S> {
    pub(crate) socket: S,
    tls: Option<Box<ClientConnection>>,
}

impl<S: Read + Write> Stream<S> {
    /// Bytes as they are.
    pub(crate) fn plain(socket: S) -> Self {
        Self { socket, tls: None }
    }

    /// TLS with the server at this address.
    ///
    /// # Errors
    /// The configuration does not suit.
    pub(crate) fn tls(socket: S, client: &Arc<ClientConfig>, server: IpAddr) -> io::Result<Self> {
        Ok(Self { socket, tls: Some(Box::new(begin_tls(client, server)?)) })
    }

    /// Reads what there is.
    ///
    /// # Errors
    /// `WouldBlock` where nothing is there; the server broke TLS, or the connection.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Self { socket, tls } = self;
        let Some(tls) = tls else { return socket.read(into) };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            if tls.is_handshaking() {
                flush_tls(tls, socket)?;
            }
            if tls.read_tls(socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            flush_tls(tls, socket)?;
        }
    }

    /// Takes from `outgoing` what can be sent now; TLS takes all, and keeps what can't.
    ///
    /// # Errors
    /// `WouldBlock` where something is left; the connection has ended.
    pub(crate) fn write(&mut self, outgoing: &mut Vec<u8>) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(outgoing)?;
            outgoing.clear();
            return flush_tls(tls, &mut self.socket);
        }
        let mut sent = 0;
        let outcome = loop {
            if sent == outgoing.len() {
                break Ok(());
            }
            match self.socket.write(&outgoing[sent..]) {
                Ok(count) => sent += count,
                Err(error) => break Err(error),
            }
        };
        outgoing.drain(..sent);
        outcome
    }

    /// Whether a read that did not fill its buffer may have left something behind: TLS hands over
    /// a record at a time.
    pub(crate) fn may_hold_more(&self) -> bool {
        self.tls.is_some()
    }
}

/// TLS with the server at this address, from the beginning.
///
/// # Errors
/// The configuration does not suit.
pub(crate) fn begin_tls(
    client: &Arc<ClientConfig>,
    server: IpAddr,
) -> io::Result<ClientConnection> {
    let tls = ClientConnection::new(Arc::clone(client), ServerName::from(server));
    tls.map_err(io::Error::other)
}

/// Writes what TLS has to say, as much as the socket takes.
///
/// # Errors
/// `WouldBlock` where something is left; the connection has ended.
pub(crate) fn flush_tls(tls: &mut ClientConnection, socket: &mut impl Write) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}
