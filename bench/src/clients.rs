//! Many WebSocket clients on one thread: who can be read is read, and what a client has to say to
//! it goes out in one piece.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;
use socket2::{Domain, Socket, Type};

use crate::error::BenchError;
use crate::stream::Stream;
use crate::websocket::{self, Frame};

/// What clients do. Each answers on its own connection: what it appends to `out` is sent.
pub(crate) trait Behavior {
    /// The WebSocket is open.
    fn opened(&mut self, client: usize, out: &mut Vec<u8>);
    /// The server said something.
    fn heard(&mut self, client: usize, text: &[u8], out: &mut Vec<u8>);
    /// The connection has ended, with this code if the server gave one.
    fn closed(&mut self, client: usize, code: Option<u16>);
}

/// The clients, by number.
pub(crate) struct Clients {
    server: SocketAddr,
    /// Over TLS.
    tls: Option<Arc<ClientConfig>>,
    poll: Poll,
    events: Events,
    clients: Vec<Option<Client>>,
    scratch: Vec<u8>,
}

struct Client {
    stream: Stream<TcpStream>,
    is_open: bool,
    /// Does not read what is sent to it.
    is_stopped: bool,
    /// The beginning of a frame.
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Clients {
    /// Room for so many clients of `server`, over TLS where a configuration for it is given.
    pub(crate) fn new(
        server: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        count: usize,
    ) -> Result<Self, BenchError> {
        Ok(Self {
            server,
            tls,
            poll: Poll::new().map_err(BenchError::io("epoll"))?,
            events: Events::with_capacity(EVENTS_AT_ONCE),
            clients: (0..count).map(|_| None).collect(),
            scratch: vec![0; SCRATCH_BYTES],
        })
    }

    /// How many there is room for.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Connects a client, and asks for a WebSocket at `target`.
    pub(crate) fn open(&mut self, client: usize, target: &str) -> Result<(), BenchError> {
        self.connect(client, target, None).map_err(BenchError::io("connecting a client"))
    }

    /// Connects a client that will take in no more than the least the kernel allows, and from the
    /// end of the handshake on is deaf.
    pub(crate) fn open_narrow(&mut self, client: usize, target: &str) -> Result<(), BenchError> {
        let narrow = Some(NARROW_BYTES);
        self.connect(client, target, narrow).map_err(BenchError::io("connecting a client"))
    }

    fn connect(&mut self, client: usize, target: &str, window: Option<usize>) -> io::Result<()> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = window {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from((source_of(client), 0)).into())?;
        // Over loopback the kernel accepts at once.
        socket.connect(&self.server.into())?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket.into());
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(client), both)?;
        let stream = match &self.tls {
            Some(tls) => Stream::tls(socket, tls, self.server.ip())?,
            None => Stream::plain(socket),
        };
        self.clients[client] = Some(Client {
            stream,
            is_open: false,
            is_stopped: false,
            incoming: Vec::new(),
            outgoing: websocket::request(self.server, target),
        });
        self.flush(client);
        Ok(())
    }

    /// Sends what `write` appends, if the client is connected.
    pub(crate) fn send(&mut self, client: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(it) = self.clients[client].as_mut() {
            write(&mut it.outgoing);
            self.flush(client);
        }
    }

    /// Cuts a client off without a word, as a network does.
    pub(crate) fn cut(&mut self, client: usize) {
        self.clients[client] = None;
    }

    /// Lets a client say goodbye and go.
    pub(crate) fn leave(&mut self, client: usize) {
        self.send(client, websocket::goodbye);
        self.cut(client);
    }

    /// From now on the client reads nothing.
    pub(crate) fn stop(&mut self, client: usize) {
        if let Some(it) = self.clients[client].as_mut() {
            it.is_stopped = true;
        }
    }

    /// Turns until `done` is.
    ///
    /// # Errors
    /// It takes too long.
    pub(crate) fn turn_until<B: Behavior>(
        &mut self,
        behavior: &mut B,
        what: &'static str,
        mut done: impl FnMut(&mut B) -> bool,
    ) -> Result<(), BenchError> {
        let deadline = Instant::now() + STUCK_AFTER;
        while !done(behavior) {
            if Instant::now() > deadline {
                return Err(BenchError::Stuck { what });
            }
            self.turn(behavior, Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// Waits, no longer than `patience`, for something to read, and lets clients read and answer.
    pub(crate) fn turn<B: Behavior>(
        &mut self,
        behavior: &mut B,
        patience: Duration,
    ) -> Result<(), BenchError> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(1));
        let outcome = match self.poll.poll(&mut events, Some(patience)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        };
        for event in &events {
            let client = event.token().0;
            if event.is_readable() {
                self.read(client, behavior);
            }
            self.flush(client);
        }
        self.events = events;
        outcome.map_err(BenchError::io("epoll"))
    }

    fn read<B: Behavior>(&mut self, client: usize, behavior: &mut B) {
        loop {
            let Some(it) = self.clients[client].as_mut().filter(|it| !it.is_stopped) else {
                return;
            };
            let kept = it.incoming.len();
            self.scratch[..kept].copy_from_slice(&it.incoming);
            let read = match it.stream.read(&mut self.scratch[kept..]) {
                Ok(0) => return self.lost(client, None, behavior),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.lost(client, None, behavior),
            };
            let bytes = &self.scratch[..kept + read];
            match it.take_in(client, bytes, behavior) {
                Ok(used) => {
                    it.incoming.clear();
                    it.incoming.extend_from_slice(&bytes[used..]);
                }
                Err(code) => return self.lost(client, code, behavior),
            }
            // A socket that gave less than was asked for is empty.
            if kept + read < self.scratch.len() && !it.stream.may_hold_more() {
                return;
            }
        }
    }

    fn lost<B: Behavior>(&mut self, client: usize, code: Option<u16>, behavior: &mut B) {
        self.cut(client);
        behavior.closed(client, code);
    }

    fn flush(&mut self, client: usize) {
        let Some(it) = self.clients[client].as_mut() else { return };
        // Whoever can't be written to any more shows it when it is read.
        _ = it.stream.write(&mut it.outgoing);
    }
}

impl Client {
    /// Hands the whole frames in `bytes` to the behavior and says how many bytes they are; or with
    /// which code the server closed.
    fn take_in<B: Behavior>(
        &mut self,
        client: usize,
        bytes: &[u8],
        behavior: &mut B,
    ) -> Result<usize, Option<u16>> {
        let mut used = 0;
        if !self.is_open {
            let Some((end, is_yes)) = websocket::answer(bytes) else { return Ok(0) };
            if !is_yes {
                return Err(None);
            }
            (used, self.is_open) = (end, true);
            behavior.opened(client, &mut self.outgoing);
        }
        while let Some((frame, len)) = websocket::read(&bytes[used..]) {
            used += len;
            match frame {
                Frame::Text(text) => behavior.heard(client, text, &mut self.outgoing),
                Frame::Ping(payload) => websocket::pong(&mut self.outgoing, payload),
                Frame::Close(code) => return Err(code),
                Frame::Other => {}
            }
        }
        Ok(used)
    }
}

/// Clients come from many addresses, as servers limit what comes from one.
fn source_of(client: usize) -> Ipv4Addr {
    let host = u8::try_from(1 + client / CLIENTS_PER_SOURCE).expect("few enough clients");
    Ipv4Addr::new(127, 0, 1, host)
}

const CLIENTS_PER_SOURCE: usize = 200;
const EVENTS_AT_ONCE: usize = 1024;
/// More than any frame of a load, and than what a server sends at once.
const SCRATCH_BYTES: usize = 256 * 1024;
const NARROW_BYTES: usize = 4096;
const STUCK_AFTER: Duration = Duration::from_secs(60);
