//! The loop, on a network whose every wake-up is written down.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use kopru_stun::Method;
use kopru_stun::attribute::{
    ErrorCode, Lifetime, RequestedAddressFamily, XorPeerAddress, XorRelayedAddress,
};
use kopru_stun::channel_data::ChannelNumber;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, PeerAddr, RelayedAddr, Sender, Transport};

use super::*;
use crate::bars::Bars;
use crate::batch::{Departure, Origin};
use crate::client::{Writer, allocation, attribute, indication, on_channel, settings};
use crate::driver::fake::{FakeDriver, WakeUp};
use crate::ports::RelayPorts;
use crate::quota::{DescriptorBudget, Quota, QuotaLimits};
use crate::relay_sockets::Pool;
use crate::stats::Loss;
use crate::sys::epoll::Epoll;
use crate::tcp::crew::Crew;
use crate::tcp::peer_sockets::PeerSockets;

const CHANNEL: u16 = 0x4001;

/// Two workers of one server, on a network without sockets.
struct Fixture {
    workers: [Worker<FakeDriver>; 2],
    inboxes: Arc<[Inbox]>,
    events: Receiver<Event>,
}

impl Fixture {
    fn new() -> Self {
        let settings = settings();
        let inboxes: Arc<[Inbox]> = [Inbox::new().unwrap(), Inbox::new().unwrap()].into();
        let (sender, events) = sync_channel(2);
        let ports = RelayPorts::new(&["192.0.2.1".parse().unwrap()], settings.relay_ports);
        let pool = Pool {
            ports: Arc::new(ports),
            reservations: Arc::default(),
            quota: Quota::new(QuotaLimits::default()),
            bars: Bars::new(),
            descriptors: DescriptorBudget::new(1024),
        };
        let mut turn = settings.turn;
        Arc::make_mut(&mut turn.peers).relays.push([192, 0, 2, 1].into());
        let worker = |number| {
            let server = Server::new(turn.clone(), [number as u8; 32]);
            let sockets = WorkerSockets::new(
                Crew { worker: number, count: 2 },
                FakeDriver::default(),
                PeerSockets::new(Arc::new(Epoll::new().unwrap())),
                pool.clone(),
            );
            let colleagues = Colleagues { inboxes: Arc::clone(&inboxes), events: sender.clone() };
            Worker::new(number, server, sockets, colleagues, Snapshot::default())
        };
        Self { workers: [worker(0), worker(1)], inboxes: Arc::clone(&inboxes), events }
    }

    /// Lets a worker live through `arrivals`, batch by batch, and stop; what it sent.
    fn live(
        &mut self,
        worker: usize,
        arrivals: impl IntoIterator<Item = (Origin, Vec<u8>)>,
    ) -> Vec<(Departure, Vec<u8>)> {
        self.live_with(worker, arrivals.into_iter().map(|(origin, bytes)| (origin, bytes, 0)))
    }

    /// The same, with trains that are cut every so many bytes.
    fn live_with(
        &mut self,
        worker: usize,
        arrivals: impl IntoIterator<Item = (Origin, Vec<u8>, usize)>,
    ) -> Vec<(Departure, Vec<u8>)> {
        let inboxes = Arc::clone(&self.inboxes);
        let stop = move || inboxes[worker].tell(Control::Stop);
        let script = [
            WakeUp::Arrivals(arrivals.into_iter().collect()),
            WakeUp::Bell(Box::new(|| ())),
            WakeUp::Bell(Box::new(stop)),
        ];
        self.driver(worker).script = script.into();
        self.workers[worker].run();
        std::mem::take(&mut self.driver(worker).sent)
    }

    fn driver(&mut self, worker: usize) -> &mut FakeDriver {
        &mut self.workers[worker].sockets.driver
    }

    fn lost(&mut self, worker: usize, why: Loss) -> u64 {
        self.workers[worker].counted().lost(why)
    }

    /// An allocation on `worker` for the client at `port`.
    fn allocate(&mut self, worker: usize, port: u16) -> Allocated {
        let mut client = Allocated { worker, five_tuple: five_tuple(port), ..Allocated::none() };
        let challenge = client.ask(self, Method::ALLOCATE, allocation(IPV4));
        assert!(client.writer.learn(&challenge));
        let reply = client.ask(self, Method::ALLOCATE, allocation(IPV4));
        client.relayed = attribute::<XorRelayedAddress>(&reply).0;
        client
    }
}

/// A client with its allocation.
struct Allocated {
    worker: usize,
    five_tuple: FiveTuple,
    relayed: SocketAddr,
    writer: Writer,
}

impl Allocated {
    fn none() -> Self {
        let relayed = SocketAddr::from(([0; 4], 0));
        Self { worker: 0, five_tuple: five_tuple(0), relayed, writer: Writer::new() }
    }

    fn says(&self, bytes: Vec<u8>) -> (Origin, Vec<u8>) {
        (Origin::Client(self.five_tuple), bytes)
    }

    fn ask(
        &self,
        fixture: &mut Fixture,
        method: Method,
        write: impl Fn(&mut kopru_stun::MessageBuilder<'_>),
    ) -> Vec<u8> {
        let request = self.says(self.writer.request(method, write));
        let mut sent = fixture.live(self.worker, [request]);
        let (departure, reply) = sent.pop().expect("a request is answered");
        assert_eq!(departure, Departure::Client(self.five_tuple));
        reply
    }

    fn bind_channel(&self, fixture: &mut Fixture, peer: SocketAddr) {
        self.ask(fixture, Method::CHANNEL_BIND, |request| {
            request.add(&ChannelNumber(CHANNEL)).add(&XorPeerAddress(peer));
        });
    }
}

fn five_tuple(port: u16) -> FiveTuple {
    FiveTuple {
        transport: Transport::Udp,
        client: ClientAddr(([198, 51, 100, 1], port).into()),
        server: ([192, 0, 2, 1], 3478).into(),
    }
}

#[test]
fn an_idle_worker_sleeps_without_deadline_and_a_busy_one_until_the_next() {
    let mut fixture = Fixture::new();
    fixture.live(0, []);
    assert_eq!(fixture.driver(0).deadlines, [None; 3]);
    fixture.allocate(0, 1);
    let deadline = fixture.driver(0).deadlines.last().unwrap().expect("an allocation expires");
    assert!(deadline > Instant::now() + Duration::from_secs(500));
}

#[test]
fn an_allocation_has_a_socket_until_it_is_deleted() {
    let mut fixture = Fixture::new();
    let ada = fixture.allocate(0, 1);
    assert_eq!(fixture.driver(0).open.values().collect::<Vec<_>>(), [&ada.relayed]);
    ada.ask(&mut fixture, Method::REFRESH, |request| _ = request.add(&Lifetime { seconds: 0 }));
    assert!(fixture.driver(0).open.is_empty());
    assert!(matches!(
        fixture.events.try_recv(),
        Ok(Event::Allocation(kopru_turn::Event::Created { .. }))
    ));
    assert!(matches!(
        fixture.events.try_recv(),
        Ok(Event::Allocation(kopru_turn::Event::Ended(_)))
    ));
}

#[test]
fn a_connection_lives_on_its_allocation_and_takes_it_along() {
    let mut fixture = Fixture::new();
    let ada = fixture.allocate(0, 1);
    let stranger = five_tuple(2);
    fixture.driver(0).due = [ada.five_tuple, stranger].into();
    fixture.live(0, []);
    let judged = std::mem::take(&mut fixture.driver(0).judged);
    assert_eq!(judged.len(), 2);
    let until = judged[0].1.expect("she has an allocation");
    assert!(until > Instant::now() + Duration::from_secs(500));
    assert_eq!((judged[0].0, judged[1]), (ada.five_tuple, (stranger, None)));

    fixture.driver(0).disconnected = [stranger, ada.five_tuple].into();
    fixture.live(0, []);
    assert!(fixture.driver(0).open.is_empty(), "its socket is closed");
    assert_eq!(fixture.driver(0).unproven, [ada.five_tuple], "once");
    let ended = fixture.events.try_iter().find_map(|event| match event {
        Event::Allocation(kopru_turn::Event::Ended(record)) => Some(record.reason),
        _ => None,
    });
    assert_eq!(ended, Some(kopru_turn::EndReason::Disconnected));
}

#[test]
fn without_descriptors_the_answer_is_508() {
    let mut fixture = Fixture::new();
    let mut ada = Allocated { five_tuple: five_tuple(1), ..Allocated::none() };
    let challenge = ada.ask(&mut fixture, Method::ALLOCATE, allocation(IPV4));
    assert!(ada.writer.learn(&challenge));
    fixture.driver(0).refusals = VecDeque::from([libc::EMFILE]);
    let reply = ada.ask(&mut fixture, Method::ALLOCATE, allocation(IPV4));
    assert_eq!(attribute::<ErrorCode>(&reply).number(), 508);
    let reply = ada.ask(&mut fixture, Method::ALLOCATE, allocation(IPV4));
    attribute::<XorRelayedAddress>(&reply);
}

#[test]
fn a_datagram_to_an_allocation_of_the_same_worker_never_leaves_it() {
    let mut fixture = Fixture::new();
    let (ada, bob) = (fixture.allocate(0, 1), fixture.allocate(0, 2));
    ada.bind_channel(&mut fixture, bob.relayed);
    bob.bind_channel(&mut fixture, ada.relayed);
    let sent = fixture.live(0, [ada.says(on_channel(CHANNEL, b"hello"))]);
    assert_eq!(sent, [(Departure::Client(bob.five_tuple), on_channel(CHANNEL, b"hello"))]);
}

#[test]
fn a_datagram_to_an_allocation_of_another_worker_goes_through_its_inbox() {
    let mut fixture = Fixture::new();
    let (ada, bob) = (fixture.allocate(0, 1), fixture.allocate(1, 2));
    ada.bind_channel(&mut fixture, bob.relayed);
    bob.bind_channel(&mut fixture, ada.relayed);
    assert_eq!(fixture.live(0, [ada.says(on_channel(CHANNEL, b"hello"))]), []);
    let sent = fixture.live(1, []);
    assert_eq!(sent, [(Departure::Client(bob.five_tuple), on_channel(CHANNEL, b"hello"))]);
}

#[test]
fn what_does_not_fit_the_inbox_is_counted_and_nothing_else_suffers() {
    let mut fixture = Fixture::new();
    let (ada, bob) = (fixture.allocate(0, 1), fixture.allocate(1, 2));
    ada.bind_channel(&mut fixture, bob.relayed);
    bob.bind_channel(&mut fixture, ada.relayed);
    let flood = (0..CROSSINGS_MAX + 3).map(|_| ada.says(on_channel(CHANNEL, b"hello")));
    assert_eq!(fixture.live(0, flood), []);
    assert_eq!(fixture.lost(0, Loss::InboxFull), 3);
    assert_eq!(fixture.live(1, []).len(), CROSSINGS_MAX);
}

#[test]
fn a_datagram_to_a_peer_outside_leaves_through_the_socket_of_its_allocation() {
    let mut fixture = Fixture::new();
    let ada = fixture.allocate(0, 1);
    let peer = SocketAddr::from(([127, 0, 0, 1], 9));
    ada.ask(&mut fixture, Method::CREATE_PERMISSION, |request| {
        request.add(&XorPeerAddress(peer));
    });
    let sent = fixture.live(0, [ada.says(indication(peer, b"hello"))]);
    let slot = fixture.workers[0].sockets.slot(RelayedAddr(ada.relayed)).unwrap();
    let departure = Departure::Peer { slot, to: PeerAddr(peer), dont_fragment: false };
    assert_eq!(sent, [(departure, b"hello".to_vec())]);
}

#[test]
fn events_that_nobody_fetches_are_counted() {
    let mut fixture = Fixture::new();
    for port in 1..=5 {
        fixture.allocate(0, port);
    }
    assert_eq!(fixture.workers[0].counted().events_lost(), 3, "two found a place");
}

const IPV4: RequestedAddressFamily = RequestedAddressFamily::IPV4;

mod trains;
