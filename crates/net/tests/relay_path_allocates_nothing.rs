//! What the front page promises: nothing on the way of a relayed datagram allocates memory.

mod client;
mod counting;
mod door;
mod train;

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};

use client::{Client, indication, on_channel, peer, settings};
use counting::calls;
use door::{Door, padded};
use kopru_net::{Settings, Workers};
use train::send_train;

const CHANNEL: u16 = 0x4001;

/// One way of a datagram: `bytes` sent by `from` to `to` come out at `arrives`.
struct Way<'a> {
    name: &'static str,
    from: &'a UdpSocket,
    to: SocketAddr,
    bytes: Vec<u8>,
    arrives: &'a UdpSocket,
}

impl Way<'_> {
    /// One datagram goes, or so many of them together, and all arrive.
    fn travel(&self, together: usize) {
        let mut buffer = [0; 100];
        if together == 1 {
            self.from.send_to(&self.bytes, self.to).unwrap();
        } else {
            let (mut train, len) = ([0; 2000], self.bytes.len());
            let train = &mut train[..together * len];
            train.chunks_mut(len).for_each(|datagram| datagram.copy_from_slice(&self.bytes));
            send_train(self.from, self.to, train, len);
        }
        for _ in 0..together {
            self.arrives.recv_from(&mut buffer).expect(self.name);
        }
    }
}

#[test]
fn relaying_allocates_nothing() {
    assert!(calls() > 0, "allocations are counted");
    let workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let server = workers.listening()[0];
    let mut clients: Vec<_> = (0..32).map(|_| Client::of(&workers)).collect();
    let relayed: Vec<_> = clients.iter_mut().map(|client| client.allocate().unwrap()).collect();
    let busy = workers.stats_by_worker().iter().filter(|one| one.turn.allocations > 0).count();
    assert_eq!(busy, 2, "32 clients hash to both workers");
    let (peer, peer_at) = peer("127.0.0.1:0");
    let (first, others) = clients.split_first_mut().unwrap();
    first.bind_channel(CHANNEL, peer_at);
    // Some of the others are on the worker of the first, some on the other one.
    for ((channel, other), &at) in (CHANNEL + 1..).zip(&mut *others).zip(&relayed[1..]) {
        first.bind_channel(channel, at);
        other.bind_channel(CHANNEL, relayed[0]);
    }
    others[0].permit(peer_at);
    let second = &others[0];

    let mut ways = vec![
        Way {
            name: "ChannelData to a peer",
            from: &first.socket,
            to: server,
            bytes: on_channel(CHANNEL, b"payload"),
            arrives: &peer,
        },
        Way {
            name: "a peer's datagram to ChannelData",
            from: &peer,
            to: relayed[0],
            bytes: b"payload".to_vec(),
            arrives: &first.socket,
        },
        Way {
            name: "a Send indication to a peer",
            from: &second.socket,
            to: server,
            bytes: indication(peer_at, b"payload"),
            arrives: &peer,
        },
        Way {
            name: "a peer's datagram to a Data indication",
            from: &peer,
            to: relayed[1],
            bytes: b"payload".to_vec(),
            arrives: &second.socket,
        },
    ];
    for (channel, other) in (CHANNEL + 1..).zip(&*others) {
        ways.push(Way {
            name: "between two allocations",
            from: &first.socket,
            to: server,
            bytes: on_channel(channel, b"payload"),
            arrives: &other.socket,
        });
    }

    for (way, together) in ways.iter().flat_map(|way| [(way, 1), (way, 20)]) {
        // The first datagram between two workers has the inbox make a buffer. The sender's control
        // message is in a vector of its own making.
        way.travel(together);
        let before = calls();
        let rounds = 400 / together as u64;
        (0..rounds).for_each(|_| way.travel(together));
        let of_sender = if together == 1 { 0 } else { rounds };
        let allocations = calls() - before;
        assert_eq!(allocations, of_sender, "{}, {together} together", way.name);
    }

    over_tcp(&workers);
}

/// The same for a client over TCP, whose messages are cut out of a stream.
fn over_tcp(workers: &Workers) {
    let mut client = Door::of(workers).client();
    let relayed = client.allocate().unwrap();
    let (peer, peer_at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, peer_at);
    let (message, mut buffer) = (padded(CHANNEL, b"payload"), [0; 100]);
    let mut travel = || {
        client.stream.write_all(&message).unwrap();
        peer.recv_from(&mut buffer).expect("there");
        peer.send_to(b"payload", relayed).unwrap();
        client.stream.read_exact(&mut buffer[..message.len()]).expect("and back");
    };
    // By now somebody has looked whether it has an allocation.
    (0..2000).for_each(|_| travel());
    let before = calls();
    (0..200).for_each(|_| travel());
    assert_eq!(calls() - before, 0, "over TCP");
}
