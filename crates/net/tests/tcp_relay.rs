//! RFC 6062 on real sockets: TCP between relayed transport addresses and peers.

mod client;
mod door;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use client::{Writer, attribute, settings};
use door::{Client, Door};
use kopru_net::{Settings, Streams, Workers};
use kopru_stun::attribute::{
    ConnectionId, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress,
};
use kopru_stun::{Class, Message, MessageBuilder, Method};
use kopru_turn::{PerSecond, RelayRate};

type Control = Client<TcpStream>;

/// A server that relays TCP.
fn tcp_settings() -> Settings {
    let mut settings = settings();
    settings.turn.tcp_relay = true;
    settings
}

fn allocate(control: &mut Control) -> SocketAddr {
    let write = |request: &mut MessageBuilder<'_>| _ = request.add(&RequestedTransport::TCP);
    let reply = control.ask(Method::ALLOCATE, write).expect("an allocation");
    attribute::<XorRelayedAddress>(&reply).0
}

/// A Connect request, whose answer is waited for.
fn connect(control: &mut Control, peer: SocketAddr) -> Result<ConnectionId, u16> {
    let write = |request: &mut MessageBuilder<'_>| _ = request.add(&XorPeerAddress(peer));
    control.ask(Method::CONNECT, write).map(|reply| attribute(&reply))
}

fn bind_on(mut data: Control, id: ConnectionId) -> TcpStream {
    let write = |request: &mut MessageBuilder<'_>| _ = request.add(&id);
    data.ask(Method::CONNECTION_BIND, write).expect("it is bound");
    data.stream
}

fn permit(control: &mut Control, peer: SocketAddr) {
    let write = |request: &mut MessageBuilder<'_>| _ = request.add(&XorPeerAddress(peer));
    control.ask(Method::CREATE_PERMISSION, write).expect("permission is granted");
}

/// The next message is a ConnectionAttempt indication: which, and from whom.
fn expect_attempt(control: &mut Control) -> (ConnectionId, SocketAddr) {
    let bytes = control.receive();
    let message = Message::parse(&bytes).unwrap();
    let kind = (message.method(), message.class());
    assert_eq!(kind, (Method::CONNECTION_ATTEMPT, Class::Indication));
    (attribute(&bytes), attribute::<XorPeerAddress>(&bytes).0)
}

/// A peer that listens on loopback.
fn listening() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    (listener, at)
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// A client, its relayed transport address, its data connection and the peer's end.
struct Bound {
    control: Control,
    relayed: SocketAddr,
    data: TcpStream,
    peer: TcpStream,
}

fn bound(door: &Door) -> Bound {
    let mut control = door.client();
    let relayed = allocate(&mut control);
    let (listener, at) = listening();
    let id = connect(&mut control, at).unwrap();
    let (peer, from) = listener.accept().unwrap();
    assert_eq!(from, relayed);
    let data = bind_on(door.client(), id);
    Bound { control, relayed, data, peer: patient(peer) }
}

#[track_caller]
fn pass(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    let mut sender = from.try_clone().unwrap();
    let mut arrived = vec![0; bytes.len()];
    std::thread::scope(|scope| {
        scope.spawn(move || sender.write_all(bytes).unwrap());
        to.read_exact(&mut arrived).unwrap();
    });
    assert!(arrived == bytes, "{} bytes, and they are others", bytes.len());
}

/// Numbers, so that nothing can be lost, doubled or exchanged unnoticed.
fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_be_bytes).collect()
}

/// Waits until the workers say so.
#[track_caller]
fn until(workers: &Workers, what: &str, is_so: impl Fn(&kopru_net::Snapshot) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so(&workers.stats()) {
        assert!(Instant::now() < deadline, "{what}");
    }
}

#[track_caller]
fn expect_eof(stream: &mut TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// Ended, whether by FIN or by RST.
#[track_caller]
fn expect_end(stream: &mut TcpStream) {
    let end = stream.read_to_end(&mut Vec::new()).map_err(|error| error.kind());
    assert!(!matches!(end, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "it goes on");
}

#[test]
fn data_goes_both_ways() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let Bound { mut control, relayed, mut data, mut peer } = bound(&Door::of(&workers));
    for len in [1, 2, 1000, 16_384, 16_385, 1_000_000] {
        let bytes = &numbers(len.max(4) / 4)[..];
        pass(&mut data, &mut peer, bytes);
        pass(&mut peer, &mut data, bytes);
    }
    control.binding();
    let stats = workers.stats();
    assert_eq!(stats.streams(), Streams { tcp: 2, tls: 0 }, "the data connection is one");
    assert_eq!((stats.turn.allocations, stats.turn.peer_connections), (1, 1));
    assert_eq!(stats.turn.to_peers.bytes, stats.turn.to_clients.bytes);
    let sum = 4 + 4 + 1000 + 16_384 + 16_384 + 1_000_000;
    assert_eq!(stats.turn.to_peers.bytes, sum);
    drop((data, peer));
    until(&workers, "it ends", |stats| stats.turn.peer_connections == 0);
    assert_eq!(workers.stats().streams(), Streams { tcp: 1, tls: 0 });
    drop(control);
    until(&workers, "all ends", |stats| stats.turn.allocations == 0);
    assert_eq!(TcpStream::connect(relayed).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn what_a_peer_sends_before_anybody_has_come_is_not_lost() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let door = Door::of(&workers);
    let mut control = door.client();
    allocate(&mut control);
    let (listener, at) = listening();
    let id = connect(&mut control, at).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let early = numbers(1000);
    peer.write_all(&early).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    let mut data = bind_on(door.client(), id);
    let mut arrived = Vec::new();
    data.read_to_end(&mut arrived).unwrap();
    assert!(arrived == early);
}

#[test]
fn what_a_client_sends_with_its_request_goes_to_the_peer() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let door = Door::of(&workers);
    let mut control = door.client();
    allocate(&mut control);
    let (listener, at) = listening();
    let id = connect(&mut control, at).unwrap();
    let mut peer = patient(listener.accept().unwrap().0);
    let mut data = door.client();
    let write = |request: &mut MessageBuilder<'_>| _ = request.add(&id);
    let challenged = data.writer.request(Method::CONNECTION_BIND, write);
    data.write(&challenged);
    let challenge = data.receive();
    assert!(data.writer.learn(&challenge));
    // What follows looks like no message, or like one.
    let early = [&b"\xff\xfe"[..], &Writer::new().request(Method::BINDING, |_| ())].concat();
    let request = data.writer.request(Method::CONNECTION_BIND, write);
    data.write(&[&request[..], &early].concat());
    assert_eq!(Message::parse(&data.receive()).unwrap().class(), Class::Success);
    let mut arrived = vec![0; early.len()];
    peer.read_exact(&mut arrived).unwrap();
    assert_eq!(arrived, early);
    assert_eq!(workers.stats().turn.to_peers.bytes, early.len() as u64);
}

#[test]
fn a_peer_with_a_permission_may_connect() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let door = Door::of(&workers);
    let mut control = door.client();
    let relayed = allocate(&mut control);
    let mut refused = patient(TcpStream::connect(relayed).unwrap());
    expect_end(&mut refused);
    permit(&mut control, relayed);
    let mut peer = patient(TcpStream::connect(relayed).unwrap());
    let (id, from) = expect_attempt(&mut control);
    assert_eq!(from, peer.local_addr().unwrap());
    let mut data = bind_on(door.client(), id);
    pass(&mut peer, &mut data, b"hello");
    pass(&mut data, &mut peer, b"hi");
    // A wrong id binds nothing, and the connection can still ask.
    let mut other = door.client();
    for wrong in [id, ConnectionId(id.0 ^ 1)] {
        let write = |request: &mut MessageBuilder<'_>| _ = request.add(&wrong);
        assert_eq!(other.ask(Method::CONNECTION_BIND, write), Err(400));
    }
    other.binding();
}

#[test]
fn a_peer_that_is_not_there_is_told() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let mut control = Door::of(&workers).client();
    allocate(&mut control);
    let closed = listening().1;
    assert_eq!(connect(&mut control, closed), Err(447));
    assert_eq!(connect(&mut control, "8.8.8.8:0".parse().unwrap()), Err(403));
    assert_eq!(connect(&mut control, "10.0.0.1:80".parse().unwrap()), Err(403));
    // The server's own UDP port is out of reach for this too.
    assert_eq!(connect(&mut control, workers.listening()[0]), Err(403));
    assert_eq!(workers.stats().turn.peer_connections, 0);
}

#[test]
fn a_slow_reader_stops_the_writer_and_loses_nothing() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let Bound { mut control, data, peer, .. } = bound(&Door::of(&workers));
    for (mut from, mut to) in [(peer.try_clone().unwrap(), data.try_clone().unwrap()), (data, peer)]
    {
        from.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let block = numbers(16_384);
        let (mut taken, mut at) = (0_usize, 0);
        while let Ok(len) = from.write(&block[at..]) {
            taken += len;
            at = (at + len) % block.len();
            assert!(taken < 64 << 20, "somebody takes everything");
        }
        // Others are served meanwhile.
        control.binding();
        let mut arrived = vec![0; taken];
        to.read_exact(&mut arrived).unwrap();
        let same = arrived.chunks(block.len()).all(|chunk| chunk == &block[..chunk.len()]);
        assert!(same, "{taken} bytes");
    }
}

#[test]
fn half_of_a_connection_can_end_before_the_other() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let Bound { mut data, mut peer, control: _control, .. } = bound(&Door::of(&workers));
    data.write_all(b"the question").unwrap();
    data.shutdown(Shutdown::Write).unwrap();
    let mut question = Vec::new();
    peer.read_to_end(&mut question).unwrap();
    assert_eq!(question, b"the question");
    pass(&mut peer, &mut data, &numbers(100_000));
    drop(peer);
    expect_eof(&mut data);
    until(&workers, "it ends", |stats| stats.turn.peer_connections == 0);
    assert_eq!(workers.stats().turn.allocations, 1);
}

#[test]
fn a_peer_that_resets_ends_the_client_s_connection_and_the_other_way_round() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let door = Door::of(&workers);
    for resets_peer in [true, false] {
        let Bound { data, peer, mut control, .. } = bound(&door);
        let (resets, mut other) = if resets_peer { (peer, data) } else { (data, peer) };
        socket2::SockRef::from(&resets).set_linger(Some(Duration::ZERO)).unwrap();
        drop(resets);
        let end = other.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset), "what is cut off looks cut off");
        control.binding();
    }
    until(&workers, "both end", |stats| stats.turn.peer_connections == 0);
}

#[test]
fn a_data_connection_finds_the_worker_of_its_peer() {
    let workers = Workers::start(Settings { workers: 2, ..tcp_settings() }).unwrap();
    let door = Door::of(&workers);
    // They take turns: two clients with the same worker for control, then with the other.
    for skip in [false, true] {
        let mut control = door.client();
        allocate(&mut control);
        for round in 0..4 {
            let (listener, at) = listening();
            let id = connect(&mut control, at).unwrap();
            let mut peer = patient(listener.accept().unwrap().0);
            if skip && round % 2 == 0 {
                door.client().binding();
            }
            let mut data = bind_on(door.client(), id);
            pass(&mut data, &mut peer, &numbers(50_000));
            pass(&mut peer, &mut data, &numbers(50_000));
        }
    }
    let busy = workers.stats_by_worker().iter().filter(|one| one.turn.to_peers.bytes > 0).count();
    assert!(busy > 0);
    until(&workers, "all end", |stats| stats.turn.peer_connections == 0);
    until(&workers, "all are counted", |stats| stats.streams().tcp == 0);
}

#[test]
fn two_clients_of_this_server_are_each_other_s_peers() {
    let workers = Workers::start(Settings { workers: 2, ..tcp_settings() }).unwrap();
    let door = Door::of(&workers);
    let (mut ada, mut bob) = (door.client(), door.client());
    let (at_ada, at_bob) = (allocate(&mut ada), allocate(&mut bob));
    permit(&mut bob, at_ada);
    let of_ada = connect(&mut ada, at_bob).unwrap();
    let (of_bob, from) = expect_attempt(&mut bob);
    assert_eq!(from, at_ada);
    let (mut ada, mut bob) = (bind_on(door.client(), of_ada), bind_on(door.client(), of_bob));
    pass(&mut ada, &mut bob, &numbers(100_000));
    pass(&mut bob, &mut ada, b"and back");
}

#[test]
fn however_an_allocation_ends_all_its_sockets_are_closed() {
    let workers = Workers::start(tcp_settings()).unwrap();
    let door = Door::of(&workers);
    let ways: [fn(&Workers, Control); 4] = [
        |_, mut control| {
            let write = |request: &mut MessageBuilder<'_>| {
                _ = request.add(&Lifetime { seconds: 0 });
            };
            control.ask(Method::REFRESH, write).expect("it is deleted");
        },
        |_, control| drop(control),
        |workers, mut control| {
            workers.endings().end("ada");
            control.binding();
        },
        |workers, mut control| {
            workers.endings().revoke("ada", Duration::from_secs(60)).unwrap();
            control.binding();
        },
    ];
    for end in ways {
        let Bound { mut control, relayed, mut data, mut peer } = bound(&door);
        let (listener, at) = listening();
        connect(&mut control, at).unwrap();
        let mut pending = patient(listener.accept().unwrap().0);
        end(&workers, control);
        for stream in [&mut data, &mut peer, &mut pending] {
            expect_end(stream);
        }
        until(&workers, "it ends", |stats| {
            (stats.turn.allocations, stats.turn.peer_connections) == (0, 0)
        });
        assert_eq!(TcpStream::connect(relayed).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    until(&workers, "nothing is left", |stats| stats.streams().tcp == 0);
}

#[test]
fn a_rate_makes_the_writer_wait_and_loses_nothing() {
    let mut settings = tcp_settings();
    let bits = PerSecond(800_000);
    settings.turn.limits.allocation_rate = RelayRate { bits, packets: PerSecond(0) };
    let workers = Workers::start(settings).unwrap();
    let Bound { mut data, mut peer, control: _control, .. } = bound(&Door::of(&workers));
    let began = Instant::now();
    // 100 kB pass at once, and one piece; the rest at 100 kB a second.
    pass(&mut data, &mut peer, &numbers(55_000));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn a_server_that_does_not_relay_tcp_knows_none_of_this() {
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    let mut control = door.client();
    let write = |request: &mut MessageBuilder<'_>| _ = request.add(&RequestedTransport::TCP);
    assert_eq!(control.ask(Method::ALLOCATE, write), Err(442));
    let mut data = door.client();
    let request = data.writer.request(Method::CONNECTION_BIND, |request| {
        request.add(&ConnectionId(7));
    });
    data.write(&request);
    data.binding();
    assert_eq!(workers.stats().turn.dropped(kopru_turn::DropReason::UnknownMethod), 1);
}
