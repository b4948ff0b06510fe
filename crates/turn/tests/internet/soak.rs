//! Long random lives of many clients behind many NATs, over lines with faults. What must hold after
//! every step is checked by the world itself; here it is made to happen.

use std::time::Duration;

use kopru_sim::{
    Dependence, Hairpinning, Internet, Link, MappingRefresh, NatBehavior, Peer, Pooling,
    PortAssignment, Random, Request, Site, TurnClient, USERS, allocate, binding, channel_bind,
    create_permission, refresh, settings,
};
use kopru_stun::attribute::{
    AdditionalAddressFamily, EvenPort, RequestedAddressFamily, ReservationToken,
};
use kopru_turn::{Counters, DropReason, Limits, Settings};

struct Stage {
    internet: Internet,
    random: Random,
    sites: Vec<Site>,
    clients: Vec<TurnClient>,
    peers: Vec<Peer>,
    /// What was sent before, to come again much later.
    sent: Vec<(usize, Vec<u8>)>,
}

#[test]
fn whatever_networks_do_the_promises_hold() {
    let mut counted = Counters::default();
    for seed in 0..SEEDS {
        let mut stage = Stage::new(seed);
        (0..STEPS).for_each(|_| stage.step());
        stage.internet.advance_s(3700);
        let internet = &stage.internet;
        let left = (internet.open_ports(), internet.reserved_ports());
        assert_eq!((left, internet.next_timeout()), ((0, 0), None), "seed {seed}");
        counted += &internet.counters();
    }
    for code in [0, 437, 438, 441, 486, 508] {
        let replies = counted.replies().filter(|reply| reply.1 == code);
        assert!(replies.map(|reply| reply.2).sum::<u64>() > 50, "{code} occurs");
    }
    for reason in [DropReason::NoAllocation, DropReason::NoPermission, DropReason::NoChannel] {
        assert!(counted.dropped(reason) > 50, "{reason:?} occurs");
    }
    assert!(counted.to_peers.packets > 500 && counted.to_clients.packets > 500, "{counted:?}");
}

impl Stage {
    fn new(seed: u64) -> Self {
        let limits = Limits { permissions: 4, channels: 3, ..Limits::default() };
        let max_session = Duration::from_secs(5000);
        let settings = Settings { limits, max_session, ..settings() };
        let internet = Internet::with_workers(settings, 2, seed);
        internet.limit_ports(9);
        let mut random = Random::new(!seed);
        let sites: Vec<_> = (0..5).map(|number| site(&internet, &mut random, number)).collect();
        let clients = (0..10).map(|number| {
            let (name, password) = USERS[number % 2];
            internet.client_behind(&sites[number % sites.len()]).as_user(name, password)
        });
        let clients = clients.collect();
        let mut peers: Vec<_> =
            (0..4).map(|number| internet.peer(&format!("8.8.8.{number}:2000"))).collect();
        peers.push(internet.peer_behind(&sites[0]));
        Self { internet, random, sites, clients, peers, sent: Vec::new() }
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0 => self.random.one_of(&self.sites[2..]).forget_mappings(),
            1 => self.internet.advance_without_timers(Duration::from_secs(self.random.below(60))),
            2 => self.internet.advance_s(self.random.below(400)),
            3 => {
                let (name, password) = *self.random.one_of(&USERS);
                self.random.one_of(&self.clients).become_user(name, password);
            }
            4..=9 => self.send_again(),
            10..=29 => self.send_from_peer(),
            30..=59 => self.send_data(),
            _ => self.send_request(),
        }
        self.internet.advance(Duration::from_millis(self.random.below(30)));
        self.clients.iter().for_each(TurnClient::take_in);
        self.peers.iter().for_each(|peer| while peer.take_any() {});
    }

    fn send_request(&mut self) {
        let place = self.random.below(self.clients.len() as u64) as usize;
        let request = self.request();
        let bytes = self.clients[place].write(&request);
        self.clients[place].send_bytes(&bytes);
        self.sent.push((place, bytes));
    }

    fn request(&mut self) -> Request {
        let random = &mut self.random;
        let peer = random.one_of(&self.peers).text();
        let channel = 0x4000 + random.below(4) as u16;
        let reserve_next = random.percent(50);
        match random.below(20) {
            0 => binding(),
            1..=5 => allocate(),
            6 => allocate().with(EvenPort { reserve_next }),
            7 => allocate().with(ReservationToken(random.below(9).to_be_bytes())),
            8 => allocate().with(AdditionalAddressFamily(RequestedAddressFamily::IPV6)),
            9..=11 => refresh(*random.one_of(&[600, 700, 3600])),
            12 => refresh(0),
            13..=16 => create_permission(&[&peer]),
            _ => channel_bind(channel, &peer),
        }
    }

    fn send_data(&mut self) {
        let random = &mut self.random;
        let client = random.one_of(&self.clients);
        let payload = random.below(u64::MAX).to_be_bytes();
        let payload = &payload[..random.below(9) as usize];
        match random.below(3) {
            0 => client.send_on(0x4000 + random.below(4) as u16, payload),
            1 => client.send_to(random.one_of(&self.peers), payload),
            _ => client.send_to_address(relayed(random), payload),
        }
    }

    fn send_from_peer(&mut self) {
        let peer = self.random.one_of(&self.peers);
        peer.send(relayed(&mut self.random), b"from a peer");
    }

    fn send_again(&mut self) {
        if !self.sent.is_empty() {
            let (place, bytes) = self.random.one_of(&self.sent);
            self.clients[*place].send_bytes(bytes);
        }
    }
}

/// A NAT of any behavior, at the end of any line.
fn site(internet: &Internet, random: &mut Random, number: u8) -> Site {
    let site = match number {
        0 => internet.open(),
        1 => internet.one_to_one(),
        _ => internet.nat_with_pool(behavior(random), 3),
    };
    site.set_link(Link {
        latency: Duration::from_millis(random.below(30)),
        jitter: Duration::from_millis(random.below(60)),
        loss: random.below(20) as u8,
        duplication: random.below(20) as u8,
    });
    site
}

fn behavior(random: &mut Random) -> NatBehavior {
    let any = [
        Dependence::EndpointIndependent,
        Dependence::AddressDependent,
        Dependence::AddressAndPortDependent,
    ];
    let timer = Duration::from_secs(30 + random.below(300));
    NatBehavior {
        mapping: *random.one_of(&any),
        filtering: *random.one_of(&any),
        ports: *random.one_of(&[PortAssignment::Preservation, PortAssignment::NoPreservation]),
        port_parity: random.percent(50),
        pooling: *random.one_of(&[Pooling::Paired, Pooling::Arbitrary]),
        refresh: MappingRefresh { timer, inbound: random.percent(50) },
        hairpinning: *random.one_of(&[Hairpinning::ExternalSource, Hairpinning::InternalSource]),
    }
}

fn relayed(random: &mut Random) -> std::net::SocketAddr {
    (kopru_sim::RELAY_V4, 50_000 + random.below(10) as u16).into()
}

const SEEDS: u64 = 24;
const STEPS: usize = 2000;
