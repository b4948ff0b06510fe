//! Opening and closing, on a network that refuses as told.

use super::*;
use kopru_turn::five_tuple::ClientAddr;
use kopru_turn::relay_sockets::AddressFamily::{self, V4, V6};
use kopru_turn::{PerSecond, SourcePrefix};

use crate::driver::fake::FakeDriver;
use crate::quota::QuotaLimits;
use crate::sys::epoll::Epoll;

const ADA: &str = "ada";

fn owner(quota_key: &str) -> Owner<'_> {
    let prefix = SourcePrefix::of(ClientAddr(([192, 0, 2, 9], 1).into()));
    Owner { quota_key, granted_bits: PerSecond(0), prefix }
}

/// One worker with two ports on 192.0.2.1, two allocations a user, and room for three sockets.
struct Fixture {
    pool: Pool,
}

impl Fixture {
    fn new() -> Self {
        let ports =
            RelayPorts::new(&["192.0.2.1=10.0.0.1".parse().unwrap()], "5000-5001".parse().unwrap());
        let descriptors = DescriptorBudget::new(3);
        Self {
            pool: Pool {
                ports: Arc::new(ports),
                reservations: Arc::default(),
                quota: Quota::new(QuotaLimits { per_key: 2, ..QuotaLimits::default() }),
                bars: Bars::new(),
                descriptors,
            },
        }
    }

    fn worker(&self, number: u16) -> WorkerSockets<FakeDriver> {
        let peers = PeerSockets::new(Arc::new(Epoll::new().unwrap()));
        let crew = Crew { worker: number, count: 3 };
        WorkerSockets::new(crew, FakeDriver::default(), peers, self.pool.clone())
    }
}

fn wish(family: AddressFamily) -> PortWish {
    PortWish { transport: RelayTransport::Udp, family, parity: Parity::Any }
}

#[test]
fn an_open_address_is_live_everywhere_and_has_a_slot_where_it_was_opened() {
    let fixture = Fixture::new();
    let (mut one, other) = (fixture.worker(1), fixture.worker(2));
    let relayed = one.open(wish(V4), owner(ADA)).unwrap().relayed;
    let bound = one.driver.open[&one.slot(relayed).unwrap()];
    assert_eq!(bound, SocketAddr::new("10.0.0.1".parse().unwrap(), relayed.0.port()));
    assert!(
        one.is_live(RelayTransport::Udp, relayed.0)
            && other.is_live(RelayTransport::Udp, relayed.0)
            && !one.is_live(RelayTransport::Udp, bound)
    );
    assert_eq!((other.slot(relayed), other.owner(relayed).unwrap().worker), (None, 1));
    one.close(relayed);
    assert!(!other.is_live(RelayTransport::Udp, relayed.0));
    one.close_ended();
    assert!(one.driver.open.is_empty());
}

#[test]
fn what_ends_frees_its_quota_at_once_and_its_port_when_the_socket_is_closed() {
    let fixture = Fixture::new();
    let (mut one, mut other) = (fixture.worker(1), fixture.worker(2));
    let both: Vec<_> = (0..2).map(|_| one.open(wish(V4), owner(ADA)).unwrap().relayed).collect();
    one.close(both[0]);
    assert_eq!(one.driver.open.len(), 2);
    let refused = other.open(wish(V4), owner(ADA));
    assert_eq!(refused, Err(Refusal::Capacity), "the port of an open socket is nobody else's");
    one.close_ended();
    assert_eq!(other.open(wish(V4), owner(ADA)).unwrap().relayed, both[0]);
    one.close(both[1]);
    let reopened = one.open(wish(V4), owner("bob"));
    assert_eq!(reopened.unwrap().relayed, both[1], "who opens need not wait for the answers");
}

#[test]
fn peers_are_admitted_where_the_allocation_is_and_the_system_may_refuse() {
    let fixture = Fixture::new();
    let (mut one, mut other) = (fixture.worker(1), fixture.worker(2));
    let relayed = one.open(wish(V4), owner(ADA)).unwrap().relayed;
    assert!(one.driver.admitted.is_empty());
    one.driver.refusals = [libc::ENOSPC].into();
    assert_eq!(one.admit(relayed), Err(Refusal::Capacity));
    assert_eq!((one.admit(relayed), other.admit(relayed)), (Ok(()), Ok(())));
    assert_eq!((one.driver.admitted.len(), other.driver.admitted.len()), (1, 0));
}

#[test]
fn each_refusal_has_its_reason_and_keeps_nothing() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker(0);
    for _ in 0..100 {
        assert_eq!(worker.open(wish(V6), owner(ADA)), Err(Refusal::Family));
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::EADDRNOTAVAIL] {
            worker.driver.refusals = [code].into();
            assert_eq!(worker.open(wish(V4), owner(ADA)), Err(Refusal::Capacity), "{code}");
        }
    }
    let kept: Vec<_> = (0..2).map(|_| worker.open(wish(V4), owner(ADA)).unwrap().relayed).collect();
    assert_eq!(worker.open(wish(V4), owner(ADA)), Err(Refusal::Quota));
    assert_eq!(worker.open(wish(V4), owner("bob")), Err(Refusal::Capacity), "both ports are open");
    worker.close(kept[0]);
    let opened = worker.open(wish(V4), owner("bob")).unwrap();
    assert_eq!(opened, Opened { relayed: kept[0], reserved: None });
}

#[test]
fn a_port_that_another_program_has_is_passed_over() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker(0);
    for code in [libc::EADDRINUSE, libc::EACCES] {
        worker.driver.refusals = [code].into();
        let relayed = worker.open(wish(V4), owner(ADA)).unwrap().relayed;
        worker.driver.refusals = [code, code].into();
        assert_eq!(worker.open(wish(V4), owner(ADA)), Err(Refusal::Capacity), "one port was left");
        worker.driver.refusals.clear();
        worker.close(relayed);
    }
}

#[test]
fn descriptors_run_out_before_the_system_says_so() {
    let fixture = Fixture::new();
    let _elsewhere: Vec<_> = (0..3).map(|_| fixture.pool.descriptors.take().unwrap()).collect();
    let mut worker = fixture.worker(0);
    assert_eq!(worker.open(wish(V4), owner(ADA)), Err(Refusal::Capacity));
}

#[test]
fn a_worker_that_goes_gives_everything_back() {
    let fixture = Fixture::new();
    for number in 0..3 {
        let mut worker = fixture.worker(number);
        let opened = [worker.open(wish(V4), owner(ADA)), worker.open(wish(V4), owner(ADA))];
        assert!(opened.iter().all(Result::is_ok), "worker {number}");
    }
}

#[test]
fn closing_what_another_worker_has_open_does_nothing() {
    let fixture = Fixture::new();
    let (mut one, mut other) = (fixture.worker(1), fixture.worker(2));
    let relayed = one.open(wish(V4), owner(ADA)).unwrap().relayed;
    other.close(relayed);
    assert!(one.is_live(RelayTransport::Udp, relayed.0));
}

#[test]
fn a_port_relays_one_of_the_two_and_connections_are_counted() {
    let ports = RelayPorts::new(&["127.0.0.1".parse().unwrap()], "49152-65535".parse().unwrap());
    let mut fixture = Fixture::new();
    fixture.pool.ports = Arc::new(ports);
    let mut worker = fixture.worker(1);
    let tcp = PortWish { transport: RelayTransport::Tcp, ..wish(V4) };
    let at = worker.open(tcp, owner(ADA)).unwrap().relayed;
    assert!(worker.is_live(RelayTransport::Tcp, at.0));
    assert!(!worker.is_live(RelayTransport::Udp, at.0) && worker.slot(at).is_none());
    let peers = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [to, another, third] = peers.each_ref().map(|peer| PeerAddr(peer.local_addr().unwrap()));
    // The budget is three: the listener has one.
    let ids = [to, another].map(|to| worker.connect(at, to).unwrap());
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.0 % 3 == 1), "{ids:?}: of worker 1");
    assert_eq!(worker.connect(at, to), Err(ConnectRefusal::Capacity));
    assert_eq!(worker.keep(), Err(ConnectRefusal::Capacity));
    worker.disconnect(ids[0]);
    assert_eq!(worker.keep(), Err(ConnectRefusal::Failed), "nobody is at the door");
    worker.connect(at, third).unwrap();
    worker.close(at);
    assert!(!worker.is_live(RelayTransport::Tcp, at.0));
    assert!(worker.open(tcp, owner(ADA)).is_ok());
}

const PAIR: PortWish =
    PortWish { transport: RelayTransport::Udp, family: V4, parity: Parity::EvenAndNext };

#[test]
fn a_reserved_port_is_opened_with_its_token_by_any_worker() {
    let fixture = Fixture::new();
    let (mut one, mut other) = (fixture.worker(1), fixture.worker(2));
    let Opened { relayed, reserved: Some(token) } = one.open(PAIR, owner(ADA)).unwrap() else {
        panic!("the next port is reserved")
    };
    let next = SocketAddr::new(relayed.0.ip(), 5001);
    assert_eq!(relayed.0.port(), 5000);
    assert!(!one.is_live(RelayTransport::Udp, next), "nothing is relayed there yet");
    assert_eq!(one.open(wish(V4), owner("bob")), Err(Refusal::Capacity), "nobody else gets it");
    assert_eq!(other.open_reserved(token, owner(ADA)), Ok(RelayedAddr(next)));
    assert_eq!(
        other.open_reserved(token, owner(ADA)),
        Err(Refusal::Capacity),
        "a token is for once"
    );
    one.release(token);
    assert!(one.is_live(RelayTransport::Udp, next), "what somebody came for is not given back");
    other.close(RelayedAddr(next));
    other.close_ended();
    one.close(relayed);
    assert!(one.open(PAIR, owner(ADA)).is_ok(), "both ports and both places in the quota are free");
}

#[test]
fn a_reservation_that_ends_gives_back_port_and_quota() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker(0);
    for _ in 0..10 {
        let Opened { relayed, reserved } = worker.open(PAIR, owner(ADA)).unwrap();
        assert_eq!(worker.open(wish(V4), owner(ADA)), Err(Refusal::Quota), "it is counted");
        worker.close(relayed);
        worker.release(reserved.unwrap());
        assert_eq!(worker.open_reserved(reserved.unwrap(), owner(ADA)), Err(Refusal::Capacity));
    }
}

#[test]
fn a_worker_that_goes_gives_its_reservations_back() {
    let fixture = Fixture::new();
    let mut token = None;
    for number in 0..3 {
        let mut worker = fixture.worker(number);
        assert_eq!(
            token.map(|token| worker.open_reserved(token, owner(ADA))),
            token.map(|_| { Err(Refusal::Capacity) })
        );
        token = worker.open(PAIR, owner(ADA)).unwrap().reserved;
        assert!(token.is_some(), "worker {number}");
    }
}

#[test]
fn a_pair_that_is_refused_keeps_nothing() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker(0);
    for code in [libc::EMFILE, libc::EADDRINUSE] {
        worker.driver.refusals = [code].into();
        assert_eq!(worker.open(PAIR, owner(ADA)), Err(Refusal::Capacity), "{code}");
        worker.driver.refusals.clear();
    }
    let single = worker.open(wish(V4), owner(ADA)).unwrap().relayed;
    assert_eq!(worker.open(PAIR, owner(ADA)), Err(Refusal::Quota), "a pair counts twice");
    assert_eq!(
        worker.open(PAIR, owner("bob")),
        Err(Refusal::Capacity),
        "half of the pair is taken"
    );
    worker.close(single);
    let reserved = worker.open(PAIR, owner(ADA)).unwrap().reserved.unwrap();
    worker.driver.refusals = [libc::EADDRINUSE].into();
    assert_eq!(worker.open_reserved(reserved, owner(ADA)), Err(Refusal::Capacity));
    assert!(worker.open(wish(V4), owner(ADA)).is_ok(), "and the reservation is over");
}
