//! Lives of clients: whatever they do in whatever order, the tables agree after every step. All of
//! it happens twice: where what is sent in trains is received so, and where each datagram comes by
//! itself. Nobody can tell which.

mod train;

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use kopru_sim::{
    Peer, RELAY_V4, TurnClient, World, allocate, binding, channel_bind, create_permission, refresh,
    settings,
};
use kopru_stun::attribute::{
    AdditionalAddressFamily, DontFragment, EvenPort, RequestedAddressFamily, ReservationToken,
};
use kopru_turn::{Limits, PerSecond, RelayRate, Settings};
use train::Train;

/// One step.
#[derive(Arbitrary, Debug)]
enum Op {
    Wait { seconds: u16 },
    Stall { millis: u16 },
    Binding { client: u8 },
    Allocate { client: u8, v6: bool, even: bool, reserve_next: bool, dont_fragment: bool },
    Refresh { client: u8, lifetime: u32 },
    Permit { client: u8, one: u8, another: u8 },
    Bind { client: u8, channel: u8, peer: u8 },
    Send { client: u8, peer: u8, len: u8 },
    SendOn { client: u8, channel: u8, len: u8 },
    SendToRelayed { client: u8, other: u8 },
    FromPeer { peer: u8, port: u8, len: u8 },
    Noise { client: u8, bytes: Vec<u8> },
    BecomeUser { client: u8, bob: bool },
    Revoke { bob: bool },
    AllocateBoth { client: u8, even: bool },
    AllocateReserved { client: u8, token: u8 },
    Train { client: u8, train: Train },
    TrainFromPeer { peer: u8, port: u8, segment: u8, len: u16 },
}

struct Stage {
    reception: Reception,
    world: World,
    clients: Vec<TurnClient>,
    peers: Vec<Peer>,
}

/// How trains are received.
#[derive(Clone, Copy, PartialEq)]
enum Reception {
    Together,
    OneByOne,
}

/// Plays the operations that the input spells.
pub fn turn_ops(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let stages = [Reception::Together, Reception::OneByOne].map(Stage::new);
    for _ in 0..OPS_MAX {
        if input.is_empty() {
            break;
        }
        let Ok(op) = Op::arbitrary(&mut input) else { break };
        stages.iter().for_each(|stage| stage.play(&op));
        let [together, one_by_one] = stages.each_ref().map(Stage::arrived);
        assert_eq!(together, one_by_one, "{op:?}");
        let [together, one_by_one] = stages.each_ref().map(|stage| stage.world.counters());
        assert_eq!(together, one_by_one, "{op:?}");
    }
    for Stage { world, .. } in stages {
        world.advance_s(3600);
        assert_eq!((world.open_ports(), world.next_timeout()), (0, None));
    }
}

impl Stage {
    fn new(reception: Reception) -> Self {
        let rate = RelayRate { bits: PerSecond(4000), packets: PerSecond(20) };
        let limits = Limits {
            allocations: 3,
            permissions: 4,
            channels: 3,
            new_peers: PerSecond(3),
            allocation_rate: rate,
            ..Limits::default()
        };
        let max_session = Duration::from_secs(5000);
        let world = World::with_workers(Settings { limits, max_session, ..settings() }, 2);
        world.limit_ports(5);
        world.limit_user("ada", rate);
        let client = |number| match number {
            0..4 => world.client(&format!("7.7.7.7:{}", 1000 + number)),
            _ => world.client(&format!("[2a00::7]:{}", 1000 + number)),
        };
        let clients = (0..6).map(client).collect();
        let peer = |number| match number {
            0..4 => world.peer(&format!("8.8.8.{number}:{}", number / 2 + 1)),
            _ => world.peer(&format!("[2600::{number}]:1")),
        };
        let peers = (0..6).map(peer).collect();
        Self { reception, world, clients, peers }
    }

    /// What has come to clients and to peers since the last time.
    fn arrived(&self) -> [Vec<Vec<Vec<u8>>>; 2] {
        let of = |client: &TurnClient| std::iter::from_fn(|| client.arrived()).collect();
        let at = |peer: &Peer| std::iter::from_fn(|| peer.take()).collect();
        [self.clients.iter().map(of).collect(), self.peers.iter().map(at).collect()]
    }

    fn play(&self, op: &Op) {
        match *op {
            Op::Wait { seconds } => self.world.advance_s(u64::from(seconds) % 2000),
            Op::Stall { millis } => {
                self.world.advance_without_timers(Duration::from_millis(u64::from(millis) * 8));
            }
            Op::Binding { client } => drop(self.client(client).ask(binding())),
            Op::Allocate { client, v6, even, reserve_next, dont_fragment } => {
                let family = RequestedAddressFamily::IPV6;
                let asked = if v6 { allocate().with(family) } else { allocate() };
                let asked = if even { asked.with(EvenPort { reserve_next }) } else { asked };
                let asked = if dont_fragment { asked.with(DontFragment) } else { asked };
                drop(self.client(client).ask(asked));
            }
            Op::Refresh { client, lifetime } => {
                drop(self.client(client).ask(refresh(lifetime % 4000)));
            }
            Op::Permit { client, one, another } => {
                let peers = [self.peer(one).text(), self.peer(another).text()];
                drop(self.client(client).ask(create_permission(&[&peers[0], &peers[1]])));
            }
            Op::Bind { client, channel, peer } => {
                let to = match peer {
                    0..240 => self.peer(peer).address(),
                    _ => relayed(peer),
                };
                let bind = channel_bind(number(channel), &to.to_string());
                drop(self.client(client).ask(bind));
            }
            Op::Noise { client, ref bytes } => self.client(client).send_bytes(bytes),
            Op::BecomeUser { client, bob } => {
                let (name, password) = if bob { ("bob", "ross") } else { ("ada", "lovelace") };
                self.client(client).become_user(name, password);
            }
            Op::Revoke { bob } => self.world.revoke(if bob { "bob" } else { "nobody" }),
            Op::AllocateBoth { client, even } => {
                let asked = allocate().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6));
                let reserve_next = false;
                let asked = if even { asked.with(EvenPort { reserve_next }) } else { asked };
                drop(self.client(client).ask(asked));
            }
            Op::AllocateReserved { client, token } => {
                // The world counts its tokens.
                let token = ReservationToken(u64::from(token % 8).to_be_bytes());
                drop(self.client(client).ask(allocate().with(token)));
            }
            _ => self.relay(op),
        }
    }

    fn relay(&self, op: &Op) {
        match *op {
            Op::Send { client, peer, len } => {
                self.client(client).send_to(self.peer(peer), &vec![1; len.into()]);
            }
            Op::SendOn { client, channel, len } => {
                self.client(client).send_on(number(channel), &vec![2; len.into()]);
            }
            Op::SendToRelayed { client, other } => {
                self.client(client).send_to_address(relayed(other), b"in memory");
            }
            Op::FromPeer { peer, port, len } => {
                self.peer(peer).send(relayed(port), &vec![3; len.into()]);
            }
            Op::Train { client, ref train } => self.send_train(client, train),
            Op::TrainFromPeer { peer, port, segment, len } => {
                let segment = 1 + usize::from(segment);
                let bytes: Vec<_> = (0..=len).map(|at| at as u8).take(64 * segment).collect();
                let (peer, to) = (self.peer(peer), relayed(port));
                match self.reception {
                    Reception::Together => peer.send_train(to, &bytes, segment),
                    Reception::OneByOne => {
                        bytes.chunks(segment).for_each(|datagram| peer.send(to, datagram));
                    }
                }
            }
            _ => {}
        }
    }

    /// To peers, and to other clients that are relayed here.
    fn send_train(&self, client: u8, train: &Train) {
        let peer = |number| match number {
            0..128 => self.peer(number).address(),
            _ => relayed(number),
        };
        let (client, datagrams) = (self.client(client), train.datagrams(number, peer));
        match self.reception {
            Reception::Together => client.send_train(&datagrams.concat(), train.segment()),
            Reception::OneByOne => datagrams.iter().for_each(|it| client.send_bytes(it)),
        }
    }

    fn client(&self, number: u8) -> &TurnClient {
        &self.clients[usize::from(number) % self.clients.len()]
    }

    fn peer(&self, number: u8) -> &Peer {
        &self.peers[usize::from(number) % self.peers.len()]
    }
}

fn number(channel: u8) -> u16 {
    0x4000 + u16::from(channel) % 5
}

fn relayed(port: u8) -> SocketAddr {
    (RELAY_V4, FIRST_PORT + u16::from(port) % 8).into()
}

/// Fewer than the replies that a network of strangers may have.
const OPS_MAX: usize = 200;
const FIRST_PORT: u16 = 50_000;
