//! RFC 6062 §5.2 to §5.5: one connection between a relayed transport address and a peer, and the
//! client's that is bound to it.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use kopru_stun::attribute::ConnectionId;
use kopru_turn::Direction;
use kopru_turn::five_tuple::Transport;

use super::listener::abort;
use super::pipe::Pipe;
use crate::quota::DescriptorLease;
use crate::stream::connection::DataConnection;
use crate::stream::link::Link;
use crate::sys::epoll::{Epoll, Interest};

/// A connection, as its worker has it.
pub(crate) struct PeerConnection {
    pub(crate) id: ConnectionId,
    peer: End,
    pub(crate) stage: Stage,
    /// Under which it stands among the timers.
    pub(crate) timer_at: Option<Instant>,
    _descriptor: DescriptorLease,
}

/// How far it has come.
pub(crate) enum Stage {
    /// The peer has not answered yet.
    Connecting,
    /// Nobody has come for it. What the peer sends waits in the kernel.
    Pending,
    /// It carries data.
    Bound(Box<Bound>),
}

/// What there is beside the peer's socket when a client has come.
pub(crate) struct Bound {
    client: End,
    pub(crate) transport: Transport,
    to_peer: Pipe,
    to_client: Pipe,
    /// Until when each of the two may not read.
    paused: [Option<Instant>; 2],
    /// When a piece was carried last.
    moved_at: Instant,
    _descriptor: DescriptorLease,
}

/// A socket, and what the epoll set reports of it.
struct End {
    link: Link,
    token: u64,
    watched: Option<Interest>,
}

impl PeerConnection {
    /// A connection of which the set reports when it is made, or if it is, when it breaks.
    pub(crate) fn new(
        id: ConnectionId,
        socket: TcpStream,
        is_made: bool,
        descriptor: DescriptorLease,
    ) -> Self {
        let stage = if is_made { Stage::Pending } else { Stage::Connecting };
        let peer = End { link: Link::Tcp(socket), token: 0, watched: None };
        Self { id, peer, stage, timer_at: None, _descriptor: descriptor }
    }

    /// Lets the set report it under this token, before a client has come.
    pub(crate) fn watch(&mut self, epoll: &Epoll, token: u64) -> io::Result<()> {
        self.peer.token = token;
        let writes = matches!(self.stage, Stage::Connecting);
        self.peer.watch(epoll, Some(Interest { reads: false, writes }))
    }

    /// What became of connecting: `None` when that is not known yet.
    pub(crate) fn outcome(&self) -> Option<io::Result<()>> {
        let Link::Tcp(socket) = &self.peer.link else { return None };
        match (socket.take_error(), socket.peer_addr()) {
            (Ok(Some(error)) | Err(error), _) => Some(Err(error)),
            (Ok(None), Ok(_)) => Some(Ok(())),
            (Ok(None), Err(_)) => None,
        }
    }

    /// From now on it carries data, beginning with what was read from the client already; how much
    /// that is.
    pub(crate) fn bind(&mut self, client: DataConnection, token: u64, now: Instant) -> usize {
        let DataConnection { link, transport, unread, unwritten, descriptor } = client;
        let len = unread.len();
        self.stage = Stage::Bound(Box::new(Bound {
            client: End { link, token, watched: None },
            transport,
            to_peer: Pipe::holding(unread),
            to_client: Pipe::holding(unwritten),
            paused: [None; 2],
            moved_at: now,
            _descriptor: descriptor,
        }));
        len
    }

    /// Carries a piece; how long it was. `until`: when it may read again, if not now.
    pub(crate) fn carry(
        &mut self,
        now: Instant,
        direction: Direction,
        until: Option<Instant>,
        scratch: &mut [u8],
    ) -> io::Result<Option<usize>> {
        let Stage::Bound(bound) = &mut self.stage else { return Ok(None) };
        if let Some(paused) = bound.paused.get_mut(direction as usize) {
            *paused = until;
        }
        let (peer, client) = (&mut self.peer.link, &mut bound.client.link);
        let may_read = until.is_none();
        let carried = match direction {
            Direction::ToPeer => bound.to_peer.carry(client, peer, may_read, scratch),
            Direction::ToClient => bound.to_client.carry(peer, client, may_read, scratch),
        }?;
        if carried.is_some() {
            bound.moved_at = now;
        }
        Ok(carried)
    }

    /// Has the set report what is waited for.
    pub(crate) fn settle(&mut self, epoll: &Epoll) -> io::Result<()> {
        let Stage::Bound(bound) = &mut self.stage else { return Ok(()) };
        let [to_peer_paused, to_client_paused] = bound.paused.map(|until| until.is_some());
        let reads = bound.to_peer.wants_read() && !to_peer_paused && !self.peer.link.wants_write();
        let writes = bound.to_client.wants_write() || bound.client.link.wants_write();
        bound.client.watch(epoll, Interest { reads, writes }.if_any())?;
        let client_is_free = !bound.client.link.wants_write();
        let reads = bound.to_client.wants_read() && !to_client_paused && client_is_free;
        let writes = bound.to_peer.wants_write();
        self.peer.watch(epoll, Interest { reads, writes }.if_any())
    }

    /// When it wants attention although nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let Stage::Bound(bound) = &self.stage else { return None };
        let half = bound.is_half_closed().then(|| bound.moved_at + HALF_CLOSED_TIMEOUT);
        bound.paused.into_iter().flatten().chain(half).min()
    }

    /// Whether both sides have said all they had to say; or one has, long ago.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let Stage::Bound(bound) = &self.stage else { return false };
        let both = bound.to_peer.is_over() && bound.to_client.is_over();
        both || bound.is_half_closed() && bound.moved_at + HALF_CLOSED_TIMEOUT <= now
    }

    /// Has both sides learn, when it is dropped, that it broke.
    pub(crate) fn abort(&self) {
        abort(self.peer.link.as_fd());
        if let Stage::Bound(bound) = &self.stage {
            abort(bound.client.link.as_fd());
        }
    }
}

impl Bound {
    fn is_half_closed(&self) -> bool {
        self.to_peer.is_dry() || self.to_client.is_dry()
    }
}

impl End {
    /// Nothing that is not wanted wakes anybody: a connection that broke while neither side may be
    /// read would do so for ever.
    fn watch(&mut self, epoll: &Epoll, interest: Option<Interest>) -> io::Result<()> {
        if self.watched != interest {
            epoll.watch(self.link.as_fd(), self.token, self.watched, interest)?;
            self.watched = interest;
        }
        Ok(())
    }
}

/// How long one side may go on when the other has ended and nothing moves.
pub(crate) const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(60);
