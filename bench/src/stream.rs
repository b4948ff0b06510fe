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
    pub(crate) fn tls(socket: S, client: Arc<ClientConfig>, server: IpAddr) -> io::Result<Self> {
        let tls = ClientConnection::new(client, ServerName::from(server));
        let tls = tls.map_err(io::Error::other)?;
        Ok(Self { socket, tls: Some(Box::new(tls)) })
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
                flush(tls, socket)?;
            }
            if tls.read_tls(socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
            flush(tls, socket)?;
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
            return flush(tls, &mut self.socket);
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

fn flush(tls: &mut ClientConnection, socket: &mut impl Write) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}
