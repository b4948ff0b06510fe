//! Listeners and connections on loopback, and a clock that the tests move.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use kopru_turn::five_tuple::Transport;

use super::super::peer_connection::HALF_CLOSED_TIMEOUT;
use super::*;
use crate::quota::DescriptorBudget;
use crate::stream::link::Link;

const ID: ConnectionId = ConnectionId(7);

/// A bound connection, and both of its far ends.
struct Fixture {
    sockets: PeerSockets,
    tally: Tally,
    client: TcpStream,
    peer: TcpStream,
}

fn lease() -> DescriptorLease {
    DescriptorBudget::new(1024).take().unwrap()
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    near.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Waits for something to happen.
fn occurrence(sockets: &mut PeerSockets, tally: &mut Tally) -> Occurrence {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        sockets.look(Instant::now());
        if let Some(occurrence) = sockets.next(tally) {
            return occurrence;
        }
        assert!(Instant::now() < deadline, "nothing happens");
    }
}

/// Listens, and connects to a peer from there.
fn connected() -> (PeerSockets, Tally, SocketAddr, TcpStream) {
    let mut sockets = PeerSockets::new(Arc::new(Epoll::new().unwrap()));
    let mut tally = Tally::default();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    sockets.listen(RelayedAddr(free), free).unwrap();
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    sockets.connect(ID, free, far.local_addr().unwrap(), lease()).unwrap();
    assert_eq!(occurrence(&mut sockets, &mut tally), Occurrence::Connected(ID, Ok(())));
    let (peer, from) = far.accept().unwrap();
    assert_eq!(from, free, "from the relayed transport address");
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    (sockets, tally, free, peer)
}

impl Fixture {
    fn new() -> Self {
        let (mut sockets, mut tally, _, peer) = connected();
        let (client, far) = pair();
        far.set_nonblocking(true).unwrap();
        let data = DataConnection {
            link: Link::Tcp(far),
            transport: Transport::Tcp,
            unread: b"unread, ".to_vec(),
            unwritten: b"unwritten, ".to_vec(),
            descriptor: lease(),
        };
        assert_eq!(sockets.bind(ID, data, &mut tally), 8);
        Self { sockets, tally, client, peer }
    }

    /// Carries until nothing more goes, as the worker does; how much, and whether it is over.
    fn carry(&mut self, now: Instant) -> (usize, bool) {
        let (mut sum, tally) = (0, &mut self.tally);
        for direction in [Direction::ToPeer, Direction::ToClient] {
            while let Some(len) =
                self.sockets.carry(now, (ID, direction), None, tally).expect("it is whole")
            {
                sum += len;
            }
        }
        (sum, !self.sockets.rest(now, ID, false, tally))
    }

    /// Whether there is ever a look at which nothing happens.
    fn falls_quiet(&mut self) -> bool {
        (0..1000).any(|_| {
            self.sockets.look(Instant::now());
            let mut is_quiet = true;
            while self.sockets.next(&mut self.tally).is_some() {
                self.carry(Instant::now());
                is_quiet = false;
            }
            is_quiet
        })
    }

    /// Carries as long as something happens within a moment.
    fn carry_all(&mut self) -> bool {
        let mut is_over = self.carry(Instant::now()).1;
        let mut quiet_since = Instant::now();
        while !is_over && quiet_since.elapsed() < Duration::from_millis(50) {
            self.sockets.look(Instant::now());
            while self.sockets.next(&mut self.tally).is_some() {
                is_over = is_over || self.carry(Instant::now()).1;
                quiet_since = Instant::now();
            }
        }
        is_over
    }
}

fn read(from: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    from.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, expected);
}

#[test]
fn what_was_there_before_comes_first() {
    let mut it = Fixture::new();
    it.client.write_all(b"to the peer").unwrap();
    it.peer.write_all(b"to the client").unwrap();
    it.carry_all();
    read(&mut it.peer, b"unread, to the peer");
    read(&mut it.client, b"unwritten, to the client");
}

#[test]
fn each_half_is_closed_by_itself_and_both_are_the_end() {
    use std::net::Shutdown;
    let mut it = Fixture::new();
    it.client.shutdown(Shutdown::Write).unwrap();
    assert!(!it.carry_all(), "half of it goes on");
    let mut bytes = Vec::new();
    it.peer.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"unread, ");
    it.peer.write_all(b"the answer").unwrap();
    it.peer.shutdown(Shutdown::Write).unwrap();
    assert!(it.carry_all());
    let mut bytes = Vec::new();
    it.client.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"unwritten, the answer");
    assert!(!it.sockets.has(ID) && it.sockets.next_timeout().is_none());
}

#[test]
fn a_half_that_is_silent_for_long_is_over() {
    use std::net::Shutdown;
    let mut it = Fixture::new();
    assert_eq!(it.sockets.timers.len(), 0, "a whole one may be silent for ever");
    it.peer.shutdown(Shutdown::Write).unwrap();
    assert!(!it.carry_all());
    let at = it.sockets.timers.first().expect("a timer").0;
    assert!(!it.carry(at - Duration::from_secs(1)).1);
    // What moves gives it another minute.
    it.client.write_all(b"x").unwrap();
    while it.carry(at - Duration::from_secs(1)).0 == 0 {}
    let later = it.sockets.timers.first().expect("a timer").0;
    assert_eq!(later, at - Duration::from_secs(1) + HALF_CLOSED_TIMEOUT);
    assert!(it.carry(later).1);
    assert!(!it.sockets.has(ID));
}

#[test]
fn who_waits_for_a_slow_reader_is_not_woken() {
    let mut it = Fixture::new();
    it.peer.set_nonblocking(true).unwrap();
    let mut sent = 0;
    loop {
        match it.peer.write(&[7; 65_536]) {
            Ok(len) => sent += len,
            Err(_) if !it.carry_all() && it.peer.write(&[7]).is_err() => break,
            Err(_) => sent += 1,
        }
    }
    assert!(it.falls_quiet());
    // Nor when the writer breaks meanwhile: that is found behind what it has sent.
    listener::abort(it.peer.as_fd());
    drop(std::mem::replace(&mut it.peer, pair().0));
    assert!(it.falls_quiet());
    assert!(sent > PIECE_MAX);
}

#[test]
fn a_pause_ends_in_its_time() {
    let mut it = Fixture::new();
    it.carry_all();
    it.client.write_all(b"later").unwrap();
    let now = Instant::now();
    let until = now + Duration::from_secs(5);
    let way = (ID, Direction::ToPeer);
    assert_eq!(it.sockets.carry(now, way, Some(until), &mut it.tally).unwrap(), None);
    assert!(it.sockets.rest(now, ID, false, &mut it.tally));
    assert_eq!(it.sockets.next_timeout(), Some(until));
    it.sockets.look(until - Duration::from_millis(1));
    assert_eq!(it.sockets.next(&mut it.tally), None, "what may not be read wakes nobody");
    it.sockets.look(until);
    assert_eq!(it.sockets.next(&mut it.tally), Some(Occurrence::Ready(ID)));
    assert_eq!(it.sockets.carry(until, way, None, &mut it.tally).unwrap(), Some(5));
}

#[test]
fn a_connection_that_breaks_before_a_client_comes_is_noticed() {
    let (mut sockets, mut tally, _, mut peer) = connected();
    peer.write_all(b"unheard").unwrap();
    sockets.look(Instant::now());
    assert_eq!(sockets.next(&mut tally), None, "what is sent waits in the kernel");
    listener::abort(peer.as_fd());
    drop(peer);
    assert_eq!(occurrence(&mut sockets, &mut tally), Occurrence::Broke(ID));
    assert!(!sockets.has(ID));
}

#[test]
fn who_is_not_kept_is_closed() {
    let (mut sockets, mut tally, at, _peer) = connected();
    let mut knocking = TcpStream::connect(at).unwrap();
    let from = PeerAddr(knocking.local_addr().unwrap());
    let at = RelayedAddr(at);
    assert_eq!(occurrence(&mut sockets, &mut tally), Occurrence::Knock { at, from });
    assert_eq!(sockets.next(&mut tally), None);
    assert_eq!(knocking.read(&mut [0]).unwrap(), 0);
    let _kept = TcpStream::connect(at.0).unwrap();
    assert!(matches!(occurrence(&mut sockets, &mut tally), Occurrence::Knock { .. }));
    sockets.keep(ConnectionId(8), lease()).unwrap();
    assert_eq!(sockets.next(&mut tally), None);
    assert!(sockets.has(ConnectionId(8)));
}

#[test]
fn a_peer_that_refuses_is_told() {
    let (mut sockets, mut tally, at, _peer) = connected();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    sockets.connect(ConnectionId(8), at, closed, lease()).unwrap();
    let refused = Occurrence::Connected(ConnectionId(8), Err(ConnectRefusal::Failed));
    assert_eq!(occurrence(&mut sockets, &mut tally), refused);
    assert!(!sockets.has(ConnectionId(8)) && sockets.has(ID));
    let nowhere = "0.0.0.1:1".parse().unwrap();
    let refusal = sockets.connect(ConnectionId(9), at, nowhere, lease());
    assert_eq!(refusal, Err(ConnectRefusal::Failed));
}
