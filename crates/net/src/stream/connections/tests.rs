//! What time does to connections, told by a clock that the tests move.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use kopru_stun::Method;
use kopru_stun::attribute::ConnectionId;
use kopru_turn::five_tuple::{ClientAddr, Transport};

use super::super::connection::{IDLE_TIMEOUT, PROOF_TIMEOUT, STALL_TIMEOUT};
use super::*;
use crate::client::Writer;
use crate::inbox::{Inbox, STREAMS_MAX};
use crate::quota::DescriptorBudget;
use crate::stats::Snapshot;

/// Adopts one connection; its client, its name, and a moment after which it was adopted.
fn connect(
    connections: &mut Connections<'_>,
    tally: &mut Tally,
) -> (TcpStream, FiveTuple, Instant) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server: SocketAddr = listener.local_addr().unwrap();
    let near = TcpStream::connect(server).unwrap();
    let (socket, client) = listener.accept().unwrap();
    let five_tuple = FiveTuple { transport: Transport::Tcp, client: ClientAddr(client), server };
    let lease = DescriptorBudget::new(1024).take().unwrap();
    let stream = Stream { socket, tls: None, five_tuple, place: Box::new(()) };
    connections.adopt(stream, lease, tally);
    (near, five_tuple, Instant::now())
}

fn ended(tally: &Tally, why: StreamEnd) -> u64 {
    let snapshot = Snapshot { tally: tally.clone(), ..Snapshot::default() };
    snapshot.stream_ends().find(|end| end.0 == why).unwrap().1
}

#[test]
fn who_has_no_allocation_in_time_is_closed() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let (mut near, five_tuple, now) = connect(&mut connections, &mut tally);
    let early = now + PROOF_TIMEOUT - Duration::from_secs(1);
    assert_eq!(connections.due(early, &mut tally), None);
    assert!(connections.next_timeout().unwrap() <= now + PROOF_TIMEOUT);
    assert_eq!(connections.due(now + PROOF_TIMEOUT, &mut tally), Some(five_tuple));
    connections.judge(now, &five_tuple, None, &mut tally);
    assert_eq!(ended(&tally, StreamEnd::Unproven), 1);
    assert_eq!((connections.ended(), connections.ended()), (Some(five_tuple), None));
    assert_eq!(connections.next_timeout(), None);
    assert_eq!(near.read(&mut [0]).unwrap(), 0);
}

#[test]
fn who_asks_for_little_and_goes_on_asking_stays() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let (mut near, five_tuple, mut now) = connect(&mut connections, &mut tally);
    let (slot, mut packet) = (connections.by_five_tuple[&five_tuple], PacketBuf::new(65_535));
    let mut say = |connections: &mut Connections<'_>, bytes: &[u8]| {
        near.write_all(bytes).unwrap();
        connections.begin_turn(slot, &mut Tally::default());
        connections.receive(slot, &mut packet, &mut Tally::default())
    };
    now += PROOF_TIMEOUT;
    for _ in 0..5 {
        assert_eq!(say(&mut connections, BINDING), Some(five_tuple));
        assert_eq!(connections.due(now, &mut tally), Some(five_tuple));
        connections.judge(now, &five_tuple, None, &mut tally);
        now += IDLE_TIMEOUT;
        assert_eq!(connections.next_timeout(), Some(now));
    }
    // A part of a message is none.
    assert_eq!(say(&mut connections, &BINDING[..19]), None);
    assert_eq!(connections.due(now, &mut tally), Some(five_tuple));
    connections.judge(now, &five_tuple, None, &mut tally);
    assert_eq!(ended(&tally, StreamEnd::Unproven), 1);
}

#[test]
fn who_asks_for_more_than_little_does_not() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let (mut near, five_tuple, now) = connect(&mut connections, &mut tally);
    let (slot, mut packet) = (connections.by_five_tuple[&five_tuple], PacketBuf::new(65_535));
    near.write_all(&BINDING.repeat(1000)).unwrap();
    while connections.suspended.is_empty() {
        connections.begin_turn(slot, &mut tally);
        while connections.receive(slot, &mut packet, &mut tally).is_some() {}
    }
    assert_eq!(connections.due(now, &mut tally), Some(five_tuple), "at once");
    connections.judge(now, &five_tuple, None, &mut tally);
    assert_eq!(ended(&tally, StreamEnd::Unproven), 1);
}

#[test]
fn who_has_one_is_looked_at_again_when_that_may_have_ended() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let (_near, five_tuple, now) = connect(&mut connections, &mut tally);
    let until = now + Duration::from_secs(600);
    assert_eq!(connections.due(now + PROOF_TIMEOUT, &mut tally), Some(five_tuple));
    connections.judge(now, &five_tuple, Some(until), &mut tally);
    assert_eq!(connections.next_timeout(), Some(until + PROOF_TIMEOUT));
    // Deleted before that: it has the time of a newcomer.
    connections.unprove(&five_tuple);
    let at = connections.next_timeout().unwrap();
    assert!(at < now + Duration::from_secs(60), "soon");
    assert_eq!(connections.due(at, &mut tally), Some(five_tuple));
}

#[test]
fn who_reads_nothing_is_closed_and_who_reads_a_little_is_not() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let (mut near, five_tuple, now) = connect(&mut connections, &mut tally);
    connections.judge(now, &five_tuple, Some(now + Duration::from_secs(600)), &mut tally);
    let slot = connections.by_five_tuple[&five_tuple];
    let waits = |connections: &Connections<'_>| {
        let connection = connections.slots[slot as usize].as_ref().unwrap();
        connection.is_watched_for_writing
    };
    while !waits(&connections) {
        connections.send(&five_tuple, &[&[7; 4096]], &mut tally).unwrap();
    }
    let stuck = connections.next_timeout().unwrap();
    assert!(stuck <= Instant::now() + STALL_TIMEOUT);
    // It reads: what moves counts from anew.
    near.set_nonblocking(true).unwrap();
    while connections.next_timeout() == Some(stuck) {
        let _ = near.read(&mut [0; 65_536]);
        connections.begin_turn(slot, &mut tally);
    }
    while !waits(&connections) {
        connections.send(&five_tuple, &[&[7; 4096]], &mut tally).unwrap();
    }
    let stuck = connections.next_timeout().unwrap();
    assert_eq!(connections.due(stuck, &mut tally), None);
    assert_eq!(ended(&tally, StreamEnd::Stalled), 1);
    assert_eq!(connections.ended(), Some(five_tuple));
    assert!(connections.send(&five_tuple, &[b"x"], &mut tally).is_err());
}

#[test]
fn what_goes_together_arrives_whole_and_in_order_however_much_fits() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let (mut near, five_tuple, now) = connect(&mut connections, &mut tally);
    connections.judge(now, &five_tuple, Some(now + Duration::from_secs(600)), &mut tally);
    let slot = connections.by_five_tuple[&five_tuple];
    // Until the socket is full, in the middle of a message most likely; and some more, which wait.
    let mut sent = Vec::new();
    let mut waiting = 0;
    while waiting < 2 {
        let number = sent.len() as u8 / 16;
        let messages: Vec<_> = (0..16u8).map(|index| vec![number ^ index; 100]).collect();
        let slices: Vec<_> = messages.iter().map(Vec::as_slice).collect();
        connections.send(&five_tuple, &slices, &mut tally).unwrap();
        sent.extend(messages);
        let connection = connections.slots[slot as usize].as_ref().unwrap();
        waiting += usize::from(connection.waits_to_write());
    }
    near.set_nonblocking(true).unwrap();
    let (mut arrived, mut buffer) = (Vec::new(), [0; 65_536]);
    while arrived.len() < sent.len() * 100 {
        if let Ok(count) = near.read(&mut buffer) {
            arrived.extend_from_slice(&buffer[..count]);
        }
        connections.begin_turn(slot, &mut tally);
    }
    assert!(arrived == sent.concat(), "{} bytes", arrived.len());
}

#[test]
fn a_request_for_another_worker_takes_its_connection_along() {
    let epolls = [Epoll::new().unwrap(), Epoll::new().unwrap()];
    let crew = |worker| Some(Crew { worker, count: 2 });
    let [mut here, mut there] = [0, 1].map(|worker| {
        (Connections::new(&epolls[usize::from(worker)], crew(worker)), Tally::default())
    });
    let mut packet = PacketBuf::new(2000);
    let writer = Writer::new();
    let bind =
        |id| writer.request(Method::CONNECTION_BIND, |request| _ = request.add(&ConnectionId(id)));
    for talked_before in [false, true] {
        let (mut near, five_tuple, _) = connect(&mut here.0, &mut here.1);
        near.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let slot = here.0.by_five_tuple[&five_tuple];
        let mut take = |(connections, tally): &mut (Connections<'_>, Tally)| {
            let slot = connections.by_five_tuple.get(&five_tuple).copied()?;
            connections.begin_turn(slot, tally);
            connections.receive(slot, &mut packet, tally)?;
            Some(packet.bytes().to_vec())
        };
        if talked_before {
            near.write_all(&writer.request(Method::BINDING, |_| ())).unwrap();
            while take(&mut here).is_none() {}
        }
        near.write_all(&[bind(7), b"and what follows".to_vec()].concat()).unwrap();
        let found = loop {
            match (take(&mut here), here.0.leaving()) {
                (None, None) => {}
                found => break found,
            }
        };
        if talked_before {
            assert!(matches!(found, (Some(_), None)), "a client's control connection stays");
            continue;
        }
        let Some((1, connection)) = found.1 else { panic!("it goes to worker 1") };
        assert_eq!((here.0.ended(), here.0.slots[slot as usize].is_none()), (None, true));
        there.0.take_in(connection, &mut there.1);
        assert_eq!(
            take(&mut there).map(|message| message[20..].to_vec()),
            Some(bind(7)[20..].to_vec())
        );
        assert_eq!(take(&mut there), None, "what follows is looked at when that is answered");
        let data = there.0.part_with(&five_tuple, &mut there.1).unwrap().into_data_connection();
        assert_eq!(data.unread, b"and what follows");
    }
}

#[test]
fn no_more_connections_move_at_once_than_a_worker_has_room_for() {
    let epoll = Epoll::new().unwrap();
    let (mut connections, mut tally) = (Connections::new(&epoll, None), Tally::default());
    let inbox = Inbox::new().unwrap();
    for _ in 0..=STREAMS_MAX {
        assert_eq!(inbox.streams_refused(), 0);
        let (_, five_tuple, _) = connect(&mut connections, &mut tally);
        inbox.move_in(connections.part_with(&five_tuple, &mut tally).unwrap());
    }
    assert_eq!(inbox.streams_refused(), 1);
    assert_eq!(std::iter::from_fn(|| inbox.moved()).count(), STREAMS_MAX);
}

const BINDING: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
