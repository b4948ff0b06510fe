//! Trains: whatever stands in them, in whatever order, becomes what it would become datagram by
//! datagram. The oracle is a second world in which each of them comes by itself.

use std::net::SocketAddr;
use std::time::Duration;

use kopru_sim::{
    Peer, Random, TurnClient, World, binding, channel_bind, create_permission, settings, success,
};
use kopru_stun::attribute::XorPeerAddress;
use kopru_stun::{Class, MessageBuilder, MessageType, Method, TransactionId};
use kopru_turn::{DropReason, Event, Limits, PerSecond, RelayRate, Settings, Traffic};

/// Bytes of every datagram of a train but the last.
const SEGMENT: usize = 48;

/// Ada with peers behind two channels and one permission, and with Bea, who is relayed here too.
struct Scene {
    world: World,
    ada: TurnClient,
    bea: TurnClient,
    peers: [Peer; 4],
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let packets = |most: u64| PerSecond(random.below(3) * most);
        let (of_one, of_user) = ([20, 4000], [30, 6000]).map_pair(packets);
        let limits = Limits { allocation_rate: of_one, ..Limits::default() };
        let world = World::with_workers(Settings { limits, ..settings() }, 1 + (seed % 2) as u8);
        world.limit_user("ada", of_user);
        let (ada, bea) = (world.client("7.7.7.7:1000"), world.client("6.6.6.6:1001"));
        let peers = ["8.8.8.8:1", "8.8.8.8:2", "8.8.4.4:1", "5.5.5.5:1"].map(|it| world.peer(it));
        ada.allocate();
        bea.allocate();
        ada.bind(0x4000, &peers[0]);
        ada.bind(0x4001, &peers[1]);
        ada.permit(&peers[2]);
        ada.ask(channel_bind(0x4002, &bea.relayed().to_string())).expect(success());
        match seed % 3 {
            0 => bea.ask(channel_bind(0x4abc, &ada.relayed().to_string())).expect(success()),
            1 => bea.ask(create_permission(&[&ada.relayed().to_string()])).expect(success()),
            _ => bea.ask(binding()).expect(success()),
        };
        Self { world, ada, bea, peers }
    }

    /// All that has arrived at each since the last time.
    fn arrived(&self) -> [Vec<Vec<u8>>; 6] {
        let of = |client: &TurnClient| std::iter::from_fn(|| client.arrived()).collect();
        let at = |peer: &Peer| std::iter::from_fn(|| peer.take()).collect();
        let [a, b, c, d] = &self.peers;
        [of(&self.ada), of(&self.bea), at(a), at(b), at(c), at(d)]
    }

    /// What the records of all allocations say was relayed.
    fn ended(&self) -> Vec<[Traffic; 2]> {
        self.world.shut_down();
        let events = std::iter::from_fn(|| self.world.event());
        let ended = events.filter_map(|event| match event {
            Event::Ended(ended) => Some([ended.to_peers, ended.to_client]),
            _ => None,
        });
        ended.collect()
    }
}

/// Makes two rates of two pairs of numbers.
trait MapPair {
    fn map_pair(self, number: impl FnMut(u64) -> PerSecond) -> (RelayRate, RelayRate);
}

impl MapPair for ([u64; 2], [u64; 2]) {
    fn map_pair(self, mut number: impl FnMut(u64) -> PerSecond) -> (RelayRate, RelayRate) {
        let mut rate =
            |[packets, bits]: [u64; 2]| RelayRate { packets: number(packets), bits: number(bits) };
        (rate(self.0), rate(self.1))
    }
}

/// A train of a client: its datagrams, each as long as the others but for the last.
fn train_of_client(random: &mut Random) -> Vec<Vec<u8>> {
    let usual = datagram_of_client(random);
    let count = random.below(20) as usize;
    let mut train: Vec<_> = (0..count)
        .map(|_| if random.percent(80) { usual.clone() } else { datagram_of_client(random) })
        .collect();
    train.iter_mut().enumerate().for_each(|(at, datagram)| datagram[SEGMENT - 1] ^= at as u8);
    let last_len = 1 + random.below(SEGMENT as u64) as usize;
    train.push(channel_data(0x4000 + random.below(3) as u16, last_len, random));
    train
}

fn datagram_of_client(random: &mut Random) -> Vec<u8> {
    match random.below(16) {
        0 => stun(Method::BINDING, Class::Request, |_| ()),
        1 => stun(Method::SEND, Class::Indication, |send| {
            let peer: SocketAddr = "8.8.4.4:1".parse().unwrap();
            send.add(&XorPeerAddress(peer));
        }),
        2 => (0..SEGMENT).map(|_| random.below(256) as u8).collect(),
        3 => channel_data(0x4777, SEGMENT, random),
        kind => channel_data(0x4000 + (kind % 3) as u16, SEGMENT, random),
    }
}

/// ChannelData that fills `len` bytes, often with padding, sometimes claiming more than is there.
fn channel_data(channel: u16, len: usize, random: &mut Random) -> Vec<u8> {
    let data_len = match random.below(8) {
        0 => random.below(len as u64 + 1) as usize,
        1 => 0,
        _ => len.saturating_sub(4),
    };
    let mut bytes = [&channel.to_be_bytes()[..], &(data_len as u16).to_be_bytes()].concat();
    bytes.extend((0..SEGMENT).map(|at| at as u8));
    bytes.truncate(len);
    bytes
}

/// A message of [`SEGMENT`] bytes, with DATA in what `write` leaves.
fn stun(method: Method, class: Class, write: impl Fn(&mut MessageBuilder<'_>)) -> Vec<u8> {
    let mut bytes = vec![0; SEGMENT];
    let kind = MessageType::new(method, class);
    let mut builder = MessageBuilder::new(&mut bytes, kind, TransactionId([7; 12]));
    write(&mut builder);
    let len = builder.finish();
    let left = (SEGMENT - len - 4) as u16;
    bytes[len..len + 4].copy_from_slice(&[&[0, 0x13], &left.to_be_bytes()[..]].concat());
    bytes[2..4].copy_from_slice(&(SEGMENT as u16 - 20).to_be_bytes());
    bytes
}

/// Lets the same happen in both worlds: in the first as a train, in the second one by one.
fn step(random: &mut Random, [first, second]: [&Scene; 2]) {
    if random.percent(70) {
        let train = train_of_client(random);
        first.ada.send_train(&train.concat(), SEGMENT);
        train.iter().for_each(|datagram| second.ada.send_bytes(datagram));
    } else {
        let peer = random.below(4) as usize;
        let bytes: Vec<u8> = (0..1 + random.below(900)).map(|at| at as u8).collect();
        let to = first.ada.relayed();
        first.peers[peer].send_train(to, &bytes, SEGMENT);
        bytes.chunks(SEGMENT).for_each(|datagram| second.peers[peer].send(to, datagram));
    }
    let by = Duration::from_millis(random.below(200));
    first.world.advance(by);
    second.world.advance(by);
}

#[test]
fn a_train_becomes_what_its_datagrams_become_one_by_one() {
    let mut dropped = [0; DropReason::ALL.len()];
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let (first, second) = (Scene::new(seed), Scene::new(seed));
        for number in 0..12 {
            step(&mut random, [&first, &second]);
            assert_eq!(first.arrived(), second.arrived(), "seed {seed}, step {number}");
            let counted = [&first, &second].map(|scene| scene.world.counters());
            assert_eq!(counted[0], counted[1], "seed {seed}, step {number}");
        }
        first.world.counters().drops().for_each(|(why, count)| dropped[why as usize] += count);
        assert_eq!(first.ended(), second.ended(), "seed {seed}");
    }
    for why in [
        DropReason::NotStun,
        DropReason::Malformed,
        DropReason::NoChannel,
        DropReason::NoPermission,
        DropReason::AllocationRate,
        DropReason::UserRate,
    ] {
        assert!(dropped[why as usize] > 20, "{why:?} occurs: {}", dropped[why as usize]);
    }
}

#[test]
fn the_rate_lets_the_first_of_a_run_pass() {
    let rate = RelayRate { packets: PerSecond(5), bits: PerSecond(0) };
    let limits = Limits { allocation_rate: rate, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    let (ada, peer) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:1"));
    let relayed = ada.allocate();
    ada.bind(0x4000, &peer);
    let said: Vec<_> = (0..9).map(|at| [&b"\x40\0\0\x04"[..], &[at; 4]].concat()).collect();
    ada.send_train(&said.concat(), 8);
    (0..5).for_each(|at| peer.expect(relayed, &[at; 4]));
    peer.expect_nothing();
    peer.send_train(relayed, &[7; 36], 4);
    (0..5).for_each(|_| ada.expect_channel_data(0x4000, &[7; 4]));
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::AllocationRate), 8);
}

#[test]
fn a_client_over_tcp_is_told_each_by_itself() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000").over(kopru_turn::five_tuple::Transport::Tcp);
    let peer = world.peer("8.8.8.8:1");
    let relayed = ada.allocate();
    ada.bind(0x4000, &peer);
    peer.send_train(relayed, b"onetwothree", 3);
    for said in [&b"one"[..], b"two", b"thr", b"ee"] {
        ada.expect_channel_data(0x4000, said);
    }
}
