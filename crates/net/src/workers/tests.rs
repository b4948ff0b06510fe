//! A worker that panics, on real sockets.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use kopru_stun::Method;
use kopru_stun::attribute::{ConnectionId, RequestedTransport, XorPeerAddress, XorRelayedAddress};

use super::*;
use crate::client::{Client, attribute, peer, settings};

#[path = "../../tests/door/mod.rs"]
mod door;

const CHANNEL: u16 = 0x4001;

impl Workers {
    fn make_panic(&self, worker: usize) {
        self.inboxes[worker].tell(Control::Panic);
    }
}

/// What a worker writes for a datagram is its own: its `Worker` with all its tables, on its
/// thread's stack and made by its thread. Besides, what was made for all of them at the start.
#[test]
fn what_one_worker_writes_lies_on_no_cache_line_of_another() {
    let workers = Workers::start(Settings { workers: 3, ..settings() }).unwrap();
    let lines = |at: usize, len: usize| at / LINES..(at + len).div_ceil(LINES);
    let mut taken: Vec<_> = workers
        .inboxes
        .iter()
        .map(|inbox| lines(&raw const *inbox as usize, size_of::<Inbox>()))
        .collect();
    taken.sort_by_key(|lines| lines.start);
    assert!(taken.windows(2).all(|pair| pair[0].end <= pair[1].start), "{taken:?}");
    assert_eq!((align_of::<Inbox>(), align_of::<Listener>()), (LINES, LINES));
}

/// Processors fetch cache lines in pairs.
const LINES: usize = 128;

#[test]
fn a_worker_that_panics_is_replaced_and_only_its_allocations_are_gone() {
    let mut workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let events = workers.take_events().unwrap();
    let mut clients: Vec<_> = (0..32).map(|_| Client::of(&workers)).collect();
    let relayed: Vec<_> = clients.iter_mut().map(|client| client.allocate().unwrap()).collect();
    let had = |workers: &Workers| -> Vec<u64> {
        workers.stats_by_worker().iter().map(|counted| counted.turn.allocations).collect()
    };
    let before = had(&workers);
    assert!(before.iter().all(|&count| count > 0), "32 clients hash to both workers");
    let replies = workers.stats_by_worker()[0].turn.replies().map(|reply| reply.2).sum::<u64>();

    workers.make_panic(0);
    let mut events = std::iter::from_fn(|| events.recv_timeout(Duration::from_secs(10)).ok());
    let restarted = events.find(|event| !matches!(event, Event::Allocation(_)));
    let allocations = before[0];
    assert_eq!(restarted, Some(Event::WorkerRestarted { worker: 0, allocations }));

    let stats = workers.stats_by_worker();
    assert_eq!(had(&workers), [0, before[1]]);
    assert_eq!((stats[0].worker_restarts(), stats[1].worker_restarts()), (1, 0));
    let since = stats[0].turn.replies().map(|reply| reply.2).sum::<u64>();
    assert_eq!(since, replies, "what was counted stays counted");
    let closed = relayed.iter().filter(|at| UdpSocket::bind(at).is_ok()).count();
    assert_eq!(closed as u64, before[0], "its relay sockets are closed, the others are not");
}

#[test]
fn after_a_panic_the_same_sockets_serve_the_same_clients() {
    let mut settings = settings();
    settings.turn.limits.allocations_per_user = 1;
    let workers = Workers::start(settings).unwrap();
    let mut client = Client::of(&workers);
    for _ in 0..5 {
        let relayed = client.allocate().expect("port and quota of the one before are free again");
        let (peer, at) = peer("127.0.0.1:0");
        client.bind_channel(CHANNEL, at);
        peer.send_to(b"hello", relayed).unwrap();
        client.expect_on_channel(CHANNEL, b"hello");
        workers.make_panic(0);
    }
    assert_eq!(client.binding(), client.address());
    assert_eq!(workers.stats().worker_restarts(), 5);
}

#[test]
fn a_worker_that_was_replaced_ends_nothing_for_what_was_ended_before() {
    let workers = Workers::start(Settings { workers: 1, ..settings() }).unwrap();
    let mut client = Client::of(&workers);
    client.allocate().unwrap();
    workers.endings().end("ada");
    assert_eq!(workers.stats().turn.allocations, 0);
    workers.make_panic(0);
    client.allocate().unwrap();
    assert_eq!(workers.stats().turn.allocations, 1);
    client.refresh(600).expect("it goes on");
}

#[test]
fn a_stop_that_comes_while_a_worker_falls_is_obeyed_by_its_successor() {
    let workers = Workers::start(settings()).unwrap();
    workers.make_panic(0);
    workers.stop();
}

#[test]
fn a_worker_that_panics_leaves_no_connection_to_a_peer_behind() {
    let mut settings = Settings { workers: 1, ..settings() };
    settings.turn.tcp_relay = true;
    let workers = Workers::start(settings).unwrap();
    let door = door::Door::of(&workers);
    for restarts in 1..3 {
        let mut control = door.client();
        let reply = control
            .ask(Method::ALLOCATE, |request| _ = request.add(&RequestedTransport::TCP))
            .unwrap();
        let XorRelayedAddress(relayed) = attribute(&reply);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = XorPeerAddress(listener.local_addr().unwrap());
        let reply = control.ask(Method::CONNECT, |request| _ = request.add(&at)).unwrap();
        let id: ConnectionId = attribute(&reply);
        let (mut peer, _) = listener.accept().unwrap();
        let mut data = door.client();
        data.ask(Method::CONNECTION_BIND, |request| _ = request.add(&id)).unwrap();
        assert_eq!((workers.stats().turn.peer_connections, workers.stats().streams().tcp), (1, 2));
        workers.make_panic(0);
        data.expect_end();
        control.expect_end();
        assert_eq!(peer.read(&mut [0]).unwrap_or_default(), 0);
        let stats = workers.stats();
        assert_eq!((stats.turn.peer_connections, stats.streams().tcp), (0, 0));
        assert_eq!(stats.worker_restarts(), restarts);
        assert!(TcpStream::connect(relayed).is_err(), "nobody listens there any more");
    }
}
