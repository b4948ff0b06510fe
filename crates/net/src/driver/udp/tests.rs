//! The driver on loopback sockets.

use std::io::IoSlice;
use std::net::UdpSocket;
use std::time::Duration;

use kopru_stun::attribute::Icmp;

use super::departures::loss;
use super::*;
use crate::batch::Arrival;
use crate::flow::Flow;
use crate::sys::sockopt;
use crate::train::send_train;

mod admission;

struct Fixture {
    wakeable: Wakeable,
    inbox: Inbox,
}

impl Fixture {
    fn new() -> Self {
        let inbox = Inbox::new().unwrap();
        let listeners = Listener::open_group("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        Self { wakeable: Wakeable::new(listeners, &inbox, None).unwrap(), inbox }
    }
}

/// Opens a relay socket and admits peers.
fn open(driver: &mut UdpDriver<'_>) -> (u32, SocketAddr) {
    let (slot, bound) = open_to_nobody(driver);
    driver.admit(slot).unwrap();
    (slot, bound)
}

/// Opens a relay socket; what arrives there says it arrived at its port of 192.0.2.1.
fn open_to_nobody(driver: &mut UdpDriver<'_>) -> (u32, SocketAddr) {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = RelayedAddr(SocketAddr::new("192.0.2.1".parse().unwrap(), free.port()));
    (driver.open(at, free).unwrap(), free)
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(10))
}

fn receive_all(driver: &mut UdpDriver<'_>) -> Vec<(Origin, Vec<u8>)> {
    let (mut batch, mut all) = (Batch::new(), Vec::new());
    loop {
        batch.clear();
        driver.recv(&mut batch);
        if batch.is_empty() {
            return all;
        }
        for place in 0..batch.len() {
            let Arrival { origin, run } = batch.arrival(place).unwrap();
            let bytes = batch.packet(place).bytes();
            all.extend(run.datagrams().map(|datagram| (origin, bytes[datagram].to_vec())));
        }
    }
}

fn send(driver: &mut UdpDriver<'_>, departure: Departure, payload: &[u8]) {
    send_all(driver, &[(departure, payload)]);
}

fn send_all(driver: &mut UdpDriver<'_>, departing: &[(Departure, &[u8])]) {
    let nobody = RelayedAddr(([0; 4], 0).into());
    let mut batch = Batch::new();
    for (place, (departure, payload)) in departing.iter().enumerate() {
        assert!(batch.vacant().unwrap().copy_from(payload));
        batch.push(Origin::Peer { at: nobody, from: Sender::Peer(PeerAddr(nobody.0)) });
        batch.depart(place, *departure);
    }
    driver.send(&mut batch);
}

fn lost(driver: &mut UdpDriver<'_>, why: Loss) -> u64 {
    let tally = driver.tally().clone();
    crate::Snapshot { tally, ..Default::default() }.lost(why)
}

#[test]
fn clients_and_peers_are_told_apart() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let server = fixture.wakeable.listeners[0].address();
    let (_, relay) = open(&mut driver);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let from = socket.local_addr().unwrap();
    socket.send_to(b"to the listener", server).unwrap();
    socket.send_to(b"to the relay", relay).unwrap();
    assert!(!driver.wait(soon()));
    let client = FiveTuple { transport: Transport::Udp, client: ClientAddr(from), server };
    let at = RelayedAddr(SocketAddr::new("192.0.2.1".parse().unwrap(), relay.port()));
    let mut arrived = receive_all(&mut driver);
    arrived.sort_by_key(|(_, payload)| payload.len());
    assert_eq!(
        arrived,
        [
            (Origin::Peer { at, from: Sender::Peer(PeerAddr(from)) }, b"to the relay".to_vec()),
            (Origin::Client(client), b"to the listener".to_vec()),
        ]
    );
}

#[test]
fn firezone_10148_and_12321_a_socket_that_never_falls_silent_lets_the_others_have_their_turn() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (_, busy) = open(&mut driver);
    let (_, calm) = open(&mut driver);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..TURN_MAX + 8 {
        socket.send_to(b"busy", busy).unwrap();
    }
    socket.send_to(b"calm", calm).unwrap();
    driver.wait(soon());
    let first = receive_all(&mut driver);
    assert_eq!(first.len(), TURN_MAX + 1);
    assert!(first.iter().any(|(_, payload)| payload == b"calm"));
    driver.wait(soon());
    assert_eq!(receive_all(&mut driver).len(), 8, "the rest comes with the next wake-up");
}

#[test]
fn what_the_kernel_drops_is_counted() {
    const SENT: u64 = 4096;
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (_, at) = open(&mut driver);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..SENT {
        socket.send_to(&[0; 1400], at).unwrap();
    }
    let mut received = 0;
    while driver.wait(Some(Instant::now())) || driver.ready.token(0).is_some() {
        received += receive_all(&mut driver).len() as u64;
    }
    assert!(received < SENT, "more than the receive buffer holds");
    // The kernel tells with the next datagram that finds room.
    socket.send_to(b"next", at).unwrap();
    driver.wait(soon());
    assert_eq!(receive_all(&mut driver).len(), 1);
    assert_eq!(driver.tally().kernel_drops, SENT - received);
}

#[test]
fn a_slot_means_the_same_socket_until_the_next_wait() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (closed, at) = open(&mut driver);
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"pending", at).unwrap();
    driver.wait(soon());
    driver.close(closed);
    let (opened, _) = open(&mut driver);
    assert_ne!(opened, closed, "what is pending for the one must not reach the other");
    assert_eq!(receive_all(&mut driver), [], "a socket that was closed receives nothing");
    let to = PeerAddr(at);
    send(&mut driver, Departure::Peer { slot: closed, to, dont_fragment: false }, b"late");
    assert_eq!(lost(&mut driver, Loss::SocketGone), 1);
    driver.wait(Some(Instant::now()));
    assert_eq!(open(&mut driver).0, closed, "from then on it is used again");
}

#[test]
fn the_bell_wakes_a_sleeper_without_deadline() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    std::thread::scope(|scope| {
        scope.spawn(|| fixture.inbox.ring());
        assert!(driver.wait(None));
    });
    fixture.inbox.answer_bell();
    assert!(!driver.wait(Some(Instant::now())), "nothing rings any more");
}

#[test]
fn the_alarm_ends_a_sleep_and_stays_where_it_is_for_what_is_due_later() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let soon = Instant::now() + Duration::from_millis(5);
    assert!(!driver.wait(Some(soon)));
    assert!(Instant::now() >= soon);
    assert_eq!((driver.rings_at, driver.ready.len()), (None, 0), "it has rung");
    let later = soon + Duration::from_secs(3600);
    for (until, rings_at) in [(later, later), (later + Duration::from_secs(1), later), (soon, soon)]
    {
        driver.set_alarm(Some(until));
        assert_eq!(driver.rings_at, Some(rings_at));
    }
    driver.set_alarm(None);
    driver.wait(Some(later));
    assert_eq!(driver.rings_at, None, "it has rung in vain");
}

#[test]
fn what_can_not_be_sent_is_counted_by_its_reason() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (slot, _) = open(&mut driver);
    for (to, len, why) in [
        ("127.0.0.1:9", 65_508, Loss::MessageSize),
        ("[::1]:9", 4, Loss::SendRefused),
        ("255.255.255.255:9", 4, Loss::SendRefused),
    ] {
        let to = PeerAddr(to.parse().unwrap());
        let departure = Departure::Peer { slot, to, dont_fragment: false };
        send(&mut driver, departure, &vec![0; len]);
        assert!(lost(&mut driver, why) >= 1, "{to:?}");
    }
    let nowhere = FiveTuple {
        transport: Transport::Udp,
        client: ClientAddr(([127, 0, 0, 1], 9).into()),
        server: ([192, 0, 2, 77], 9).into(),
    };
    send(&mut driver, Departure::Client(nowhere), b"from nowhere");
    assert_eq!(lost(&mut driver, Loss::SocketGone), 1);
}

#[test]
fn what_icmp_says_arrives_with_the_peer_that_it_is_about() {
    let fixture = Fixture::new();
    for (bind, icmp_type, code) in [("127.0.0.1:0", 3, 3), ("[::1]:0", 1, 4)] {
        let mut driver = UdpDriver::new(&fixture.wakeable);
        let free = || UdpSocket::bind(bind).unwrap().local_addr().unwrap();
        let (bound, dead) = (free(), free());
        let at = RelayedAddr(bound);
        let slot = driver.open(at, bound).unwrap();
        driver.admit(slot).unwrap();
        let departure = Departure::Peer { slot, to: PeerAddr(dead), dont_fragment: false };
        send(&mut driver, departure, b"anybody there?");
        driver.wait(soon());
        let icmp = Icmp { icmp_type, code, error_data: 0 };
        let error = IcmpError { to: PeerAddr(dead), icmp };
        let told: Vec<_> = receive_all(&mut driver).into_iter().map(|(origin, _)| origin).collect();
        assert_eq!(told, [Origin::Icmp { at, error }]);
        driver.wait(Some(Instant::now()));
        assert_eq!(driver.ready.token(0), None, "nothing is left that could keep it awake");

        // The next datagram of the same socket has nothing to do with it.
        let live = UdpSocket::bind(bind).unwrap();
        let to = PeerAddr(live.local_addr().unwrap());
        send(&mut driver, Departure::Peer { slot, to, dont_fragment: false }, b"hello");
        assert_eq!(live.recv(&mut [0; 8]).unwrap(), 5);
        driver.close(slot);
    }
}

#[test]
fn what_this_host_finds_by_itself_is_no_icmp() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let bound = UdpSocket::bind("[::1]:0").unwrap().local_addr().unwrap();
    let slot = driver.open(RelayedAddr(bound), bound).unwrap();
    driver.admit(slot).unwrap();
    // With its headers a little more than the MTU of the loopback interface.
    let to = PeerAddr("[::1]:9".parse().unwrap());
    send(&mut driver, Departure::Peer { slot, to, dont_fragment: true }, &[0; 65_527]);
    assert_eq!(lost(&mut driver, Loss::MessageSize), 1);
    driver.wait(Some(Instant::now()));
    assert_eq!(receive_all(&mut driver), []);
    driver.wait(Some(Instant::now()));
    assert_eq!(driver.ready.token(0), None, "nothing is left that could keep it awake");
}

/// With IP_RECVERR the kernel reports what ICMP said about one destination at the next send to
/// whichever other.
#[test]
fn a_pending_error_is_cleared_and_the_datagram_sent() {
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    sockopt::IP_RECVERR.set(&ours, 1).unwrap();
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let live = UdpSocket::bind("127.0.0.1:0").unwrap();
    let live_at = live.local_addr().unwrap();
    let send = |payload: &[u8], to| {
        message::send(ours.as_fd(), &[IoSlice::new(payload)], to, Manner::default())
    };
    send(b"x", dead).unwrap();
    let pending = send(b"lost", live_at).unwrap_err();
    assert_eq!(pending.raw_os_error(), Some(libc::ECONNREFUSED), "the premise of this test");

    send(b"x", dead).unwrap();
    let (socket, manner, flow) = (ours.as_fd(), Manner::default(), &Flow::default());
    let way = Way { socket, to: live_at, manner, flow, of_one: true };
    way.transmit(&[IoSlice::new(b"hello")], None).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(live.recv(&mut buffer).unwrap(), 5);
}

#[test]
fn an_error_that_persists_is_believed_the_second_time() {
    for (code, why) in [
        (libc::EAGAIN, Loss::SendBufferFull),
        (libc::ENOBUFS, Loss::SendBufferFull),
        (libc::EMSGSIZE, Loss::MessageSize),
        (libc::ECONNREFUSED, Loss::Unreachable),
        (libc::ENETUNREACH, Loss::Unreachable),
        (libc::EHOSTUNREACH, Loss::Unreachable),
        (libc::EPERM, Loss::SendRefused),
        (libc::EINVAL, Loss::SendRefused),
    ] {
        assert_eq!(loss(&io::Error::from_raw_os_error(code)), why, "{code}");
    }
}

/// Datagrams of these lengths, each full of its number.
fn numbered(lens: &[usize]) -> Vec<Vec<u8>> {
    (0..).zip(lens).map(|(number, len)| vec![number; *len]).collect()
}

/// Sends them to two peers in turns, and expects each to hear its own in order.
fn expect_to_arrive(driver: &mut UdpDriver<'_>, slot: u32, bind: &str, lens: &[usize]) {
    let peers = [UdpSocket::bind(bind).unwrap(), UdpSocket::bind(bind).unwrap()];
    peers.iter().for_each(|it| it.set_read_timeout(Some(Duration::from_secs(10))).unwrap());
    let to = peers.each_ref().map(|peer| PeerAddr(peer.local_addr().unwrap()));
    let payloads = numbered(lens);
    for run in [1, 3] {
        let whose = |number: usize| (number / run) % 2;
        let departing = payloads.iter().enumerate().map(|(number, payload)| {
            let to = to[whose(number)];
            (Departure::Peer { slot, to, dont_fragment: false }, &payload[..])
        });
        send_all(driver, &departing.collect::<Vec<_>>());
        for (number, payload) in payloads.iter().enumerate() {
            let mut buffer = vec![0; 65_535];
            let len = peers[whose(number)].recv(&mut buffer).unwrap();
            assert!(buffer[..len] == *payload, "{number} of {lens:?}: {len} bytes");
        }
    }
}

const LENS: [&[usize]; 4] = [
    &[1300; 32],
    &[1300, 1300, 1300, 5, 1300, 1300, 0, 0, 1300, 1301, 1300],
    &[30_000, 30_000, 30_000, 30_000, 30_000, 30_000],
    &[0, 0, 0, 1, 1, 1],
];

#[test]
fn datagrams_to_the_same_leave_together_and_in_order() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (slot, _) = open(&mut driver);
    for lens in LENS {
        expect_to_arrive(&mut driver, slot, "127.0.0.1:0", lens);
    }
    assert!(driver.relays[slot as usize].as_ref().unwrap().flow.may_gather(1300));
}

/// The kernel cuts nothing for a socket that computes no checksums: EINVAL.
#[test]
fn where_no_train_can_be_cut_each_leaves_by_itself() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (slot, _) = open(&mut driver);
    let no_checksums = sockopt::SocketOption::new(libc::SOL_SOCKET, libc::SO_NO_CHECK);
    no_checksums.set(driver.relays[slot as usize].as_ref().unwrap(), 1).unwrap();
    for lens in LENS {
        expect_to_arrive(&mut driver, slot, "127.0.0.1:0", lens);
    }
    let flow = &driver.relays[slot as usize].as_ref().unwrap().flow;
    assert!(!flow.may_gather(1300), "and it is remembered");
}

/// A path that takes 1280 bytes: datagrams that are longer are fragmented, but not cut from trains.
#[test]
fn a_train_of_datagrams_above_the_mtu_leaves_one_by_one() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let bound = UdpSocket::bind("[::1]:0").unwrap().local_addr().unwrap();
    let slot = driver.open(RelayedAddr(bound), bound).unwrap();
    let mtu = sockopt::SocketOption::new(libc::IPPROTO_IPV6, libc::IPV6_MTU);
    mtu.set(driver.relays[slot as usize].as_ref().unwrap(), 1280).unwrap();
    for lens in LENS {
        expect_to_arrive(&mut driver, slot, "[::1]:0", lens);
    }
    let flow = &driver.relays[slot as usize].as_ref().unwrap().flow;
    assert_eq!([1200, 1300].map(|len| flow.may_gather(len)), [true, false]);
}

#[test]
fn a_train_arrives_as_its_datagrams() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (_, relay) = open(&mut driver);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = fixture.wakeable.listeners[0].address();
    let bytes: Vec<u8> = (0..1000).map(|at| at as u8).collect();
    for to in [server, relay] {
        send_train(&socket, to, &bytes, 99);
        driver.wait(soon());
        let arrived: Vec<_> = receive_all(&mut driver).into_iter().map(|it| it.1).collect();
        assert_eq!(arrived, bytes.chunks(99).map(<[u8]>::to_vec).collect::<Vec<_>>());
    }
}

#[test]
fn a_socket_that_sends_trains_lets_the_others_have_their_turn() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (_, busy) = open(&mut driver);
    let (_, calm) = open(&mut driver);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..40 {
        send_train(&socket, busy, &[7; 6400], 100);
    }
    socket.send_to(b"calm", calm).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 40 * 64 + 1 {
        driver.wait(soon());
        let turn = receive_all(&mut driver);
        let few = if heard.is_empty() { 4 } else { 1 };
        assert!(turn.len() <= few * 64 + 1, "{} in one turn", turn.len());
        heard.extend(turn.into_iter().map(|it| it.1));
    }
    assert!(heard[..300].iter().any(|payload| payload == b"calm"));
}
