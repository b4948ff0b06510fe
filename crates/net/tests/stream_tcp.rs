//! TURN over TCP, on real sockets: RFC 8489 §6.2.2, RFC 8656 §12.5.

mod client;
mod door;

use std::net::{Shutdown, UdpSocket};
use std::time::Duration;

use client::{peer, receive, settings};
use door::{Client, Door, expect_counted, padded};
use kopru_net::{Event, Loss, Settings, Stream, StreamEnd, Streams, Workers};
use kopru_stun::attribute::{Lifetime, RequestedAddressFamily};
use kopru_stun::{Class, Message, Method};
use kopru_turn::EndReason;
use kopru_turn::five_tuple::Transport;

const CHANNEL: u16 = 0x4001;

#[test]
fn a_client_over_tcp_reaches_its_peer_with_every_padding() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Door::of(&workers).client();
    let relayed = client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    for len in [0, 1, 2, 3, 4, 5, 1199, 65_503] {
        let payload = vec![7; len];
        client.send_on_channel(CHANNEL, &payload);
        assert_eq!(receive(&peer), (payload.clone(), relayed), "{len}");
        peer.send_to(&payload, relayed).unwrap();
        assert_eq!(client.receive(), client::on_channel(CHANNEL, &payload), "{len}");
    }
    assert_eq!(workers.stats().streams(), Streams { tcp: 1, tls: 0 });
}

#[test]
fn clients_of_two_workers_meet() {
    let workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let door = Door::of(&workers);
    let (mut ada, mut bob) = (door.client(), door.client());
    let (at_ada, at_bob) = (ada.allocate().unwrap(), bob.allocate().unwrap());
    let busy = workers.stats_by_worker().iter().filter(|one| one.turn.allocations == 1).count();
    assert_eq!(busy, 2, "they take turns");
    ada.bind_channel(CHANNEL, at_bob);
    bob.bind_channel(CHANNEL, at_ada);
    ada.send_on_channel(CHANNEL, b"hello");
    assert_eq!(bob.receive(), client::on_channel(CHANNEL, b"hello"));
    bob.send_on_channel(CHANNEL, b"hi");
    assert_eq!(ada.receive(), client::on_channel(CHANNEL, b"hi"));
}

#[test]
fn messages_arrive_in_parts_and_in_heaps() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Door::of(&workers).client();
    let allocate = client.writer.request(Method::ALLOCATE, client::allocation(V4));
    for byte in &allocate {
        client.write(&[*byte]);
    }
    let challenge = client.receive();
    assert!(client.writer.learn(&challenge));
    client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    for byte in &padded(CHANNEL, b"byte by byte") {
        client.write(&[*byte]);
    }
    assert_eq!(receive(&peer).0, b"byte by byte");
    // More than one turn of the connection, in one piece; and a part of the next message.
    let numbers: Vec<[u8; 2]> = (0..200u16).map(u16::to_be_bytes).collect();
    let mut heap: Vec<u8> = numbers.iter().flat_map(|n| padded(CHANNEL, n)).collect();
    let last = padded(CHANNEL, b"last");
    heap.extend(&last[..3]);
    client.write(&heap);
    for number in numbers {
        assert_eq!(receive(&peer).0, number);
    }
    client.write(&last[3..]);
    assert_eq!(receive(&peer).0, b"last");
}

#[test]
fn what_is_no_message_ends_the_connection_and_no_other() {
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    let mut honest = door.client();
    honest.allocate().unwrap();
    for garbage in [
        &b"\xff"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00\x01\x00\x02\x21\x12\xa4\x42abcdefghijkl",
        b"\x00\x01\x00\x00\x21\x12\xa4\x43abcdefghijkl",
    ] {
        let mut client = door.client();
        client.binding();
        client.write(garbage);
        client.expect_end();
    }
    expect_counted(&workers, StreamEnd::NotFramed);
    honest.binding();
}

#[test]
fn a_message_longer_than_any_datagram_is_skipped() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Door::of(&workers).client();
    client.allocate().unwrap();
    client.send_on_channel(CHANNEL, &[0; 65_535]);
    client.binding();
    assert_eq!(workers.stats().lost(Loss::MessageSize), 1);
}

#[test]
fn the_allocation_ends_with_its_connection() {
    for end in [Shutdown::Write, Shutdown::Both] {
        let mut workers = Workers::start(settings()).unwrap();
        let events = workers.take_events().unwrap();
        let mut client = Door::of(&workers).client();
        let relayed = client.allocate().unwrap();
        client.stream.shutdown(end).unwrap();
        let events = std::iter::from_fn(|| events.recv_timeout(Duration::from_secs(10)).ok());
        let mut records = events.filter_map(|event| match event {
            Event::Allocation(kopru_turn::Event::Ended(record)) => Some(record),
            _ => None,
        });
        let record = records.next().expect("it ends");
        assert_eq!((record.relayed.0, record.reason), (relayed, EndReason::Disconnected));
        assert_eq!(record.five_tuple.transport, Transport::Tcp);
        UdpSocket::bind(relayed).expect("its socket is closed");
        assert_eq!(workers.stats().streams(), Streams::default());
    }
}

#[test]
fn who_asks_and_closes_its_side_gets_its_answers() {
    // RFC 8489 §6.2.2: "The server SHOULD NOT close a connection if a request was received over
    // that connection for which a response was not sent."
    let workers = Workers::start(settings()).unwrap();
    let mut client = Door::of(&workers).client();
    let request = client.writer.request(Method::BINDING, |_| ());
    client.write(&request.repeat(3));
    client.stream.shutdown(Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert_eq!(Message::parse(&client.receive()).unwrap().class(), Class::Success);
    }
    client.expect_end();
    expect_counted(&workers, StreamEnd::Closed);
}

#[test]
fn a_slow_reader_loses_its_oldest_messages_whole() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Door::of(&workers).client();
    let relayed = client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    let datagram = |number: u32| [&number.to_be_bytes()[..], &[7; 1000]].concat();
    let mut sent = 0;
    while workers.stats().lost(Loss::StreamBacklog) < 100 {
        assert!(sent < 100_000, "nothing is ever dropped");
        // Few enough for the receive buffer of the relay socket; asking for numbers paces it.
        for _ in 0..100 {
            peer.send_to(&datagram(sent), relayed).unwrap();
            sent += 1;
        }
    }
    let (mut previous, mut gap) = (None, 0);
    while previous != Some(sent - 1) {
        let message = client.receive();
        let number = u32::from_be_bytes(message[4..8].try_into().unwrap());
        assert_eq!(message, client::on_channel(CHANNEL, &datagram(number)));
        let expected = previous.map_or(0, |previous| previous + 1);
        assert!(number >= expected, "{number} after {previous:?}");
        gap += u64::from(number - expected);
        previous = Some(number);
    }
    let dropped = workers.stats().lost(Loss::StreamBacklog);
    assert_eq!(gap, dropped, "what is missing is what was counted");
    client.binding();
}

#[test]
fn without_an_allocation_a_client_may_send_so_much() {
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    let bindings = |client: &mut Client<_>, count: usize| {
        (0..count).for_each(|_| client.binding());
    };
    // A Binding request has 20 bytes.
    let mut patient = door.client();
    bindings(&mut patient, BYTES_MAX / 20 - 20);
    patient.allocate().expect("it is within its bytes");
    bindings(&mut patient, BYTES_MAX / 20);

    let mut greedy = door.client();
    bindings(&mut greedy, BYTES_MAX / 20);
    greedy.write(&[0; 20]);
    greedy.expect_end();
    expect_counted(&workers, StreamEnd::Unproven);

    // When the allocation has ended, it counts again.
    patient.ask(Method::REFRESH, |request| _ = request.add(&Lifetime { seconds: 0 })).unwrap();
    bindings(&mut patient, BYTES_MAX / 20);
    patient.write(&[0; 20]);
    patient.expect_end();
}

#[test]
fn without_an_allocation_a_message_may_be_so_long() {
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    let mut client = door.client();
    client.write(&padded(CHANNEL, &[0; 2044]));
    client.binding();
    client.write(&padded(CHANNEL, &[0; 2045]));
    client.expect_end();
    expect_counted(&workers, StreamEnd::Unproven);
}

#[test]
fn the_place_of_the_unproven_is_given_back() {
    struct Place(std::sync::mpsc::Sender<()>);
    impl Drop for Place {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    for proves in [true, false] {
        let (sender, given_back) = std::sync::mpsc::channel();
        let (near, socket, five_tuple) = door.connect();
        door.give(Stream { socket, tls: None, five_tuple, place: Box::new(Place(sender)) });
        let mut client = Client::over(near);
        client.binding();
        assert!(given_back.try_recv().is_err());
        if proves {
            client.allocate().unwrap();
            // Beyond what the unproven may send, somebody looks.
            (0..BYTES_MAX / 20).for_each(|_| client.binding());
        } else {
            client.stream.shutdown(Shutdown::Both).unwrap();
        }
        given_back.recv_timeout(Duration::from_secs(10)).expect("given back");
    }
}

#[test]
fn a_second_connection_of_the_same_name_replaces_the_first() {
    let workers = Workers::start(settings()).unwrap();
    let door = Door::of(&workers);
    let (near, socket, five_tuple) = door.connect();
    door.give(Stream { socket, tls: None, five_tuple, place: Box::new(()) });
    let mut first = Client::over(near);
    let relayed = first.allocate().unwrap();
    let (near, socket, _) = door.connect();
    door.give(Stream { socket, tls: None, five_tuple, place: Box::new(()) });
    let mut second = Client::over(near);
    second.binding();
    UdpSocket::bind(relayed).expect("the allocation of the first is gone");
    second.allocate().expect("and not in the way of the second");
    first.expect_end();
    expect_counted(&workers, StreamEnd::Replaced);
}

const V4: RequestedAddressFamily = RequestedAddressFamily::IPV4;
/// What a client may send before it has an allocation.
const BYTES_MAX: usize = 16 * 1024;
