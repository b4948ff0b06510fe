//! Opening and closing, on a network that refuses as told.

use super::*;
use kopru_turn::SourcePrefix;
use kopru_turn::five_tuple::ClientAddr;
use kopru_turn::relay_sockets::AddressFamily::{self, V4, V6};

use crate::driver::fake::FakeDriver;
use crate::quota::QuotaLimits;

const ADA: &str = "ada";

fn owner(quota_key: &str) -> Owner<'_> {
    Owner { quota_key, prefix: SourcePrefix::of(ClientAddr(([192, 0, 2, 9], 1).into())) }
}

/// One worker with two ports on 192.0.2.1, two allocations a user, and room for three sockets.
struct Fixture {
    pool: Pool,
}

impl Fixture {
    fn new() -> Self {
        let ports =
            RelayPorts::new(&["192.0.2.1=10.0.0.1".parse().unwrap()], "5000-5001".parse().unwrap());
        let descriptors = DescriptorBudget::new(67);
        Self {
            pool: Pool {
                ports: Arc::new(ports),
                quota: Quota::new(QuotaLimits { per_key: 2, ..QuotaLimits::default() }),
                bars: Bars::new(),
                descriptors,
            },
        }
    }

    fn worker(&self, number: u16) -> WorkerSockets<FakeDriver> {
        WorkerSockets::new(number, FakeDriver::default(), self.pool.clone())
    }
}

fn wish(family: AddressFamily) -> PortWish {
    PortWish { family, even: false }
}

#[test]
fn an_open_address_is_live_everywhere_and_has_a_slot_where_it_was_opened() {
    let fixture = Fixture::new();
    let (mut one, other) = (fixture.worker(1), fixture.worker(2));
    let relayed = one.open(wish(V4), owner(ADA)).unwrap();
    let bound = one.driver.open[&one.slot(relayed).unwrap()];
    assert_eq!(bound, SocketAddr::new("10.0.0.1".parse().unwrap(), relayed.0.port()));
    assert!(one.is_live(relayed.0) && other.is_live(relayed.0) && !one.is_live(bound));
    assert_eq!((other.slot(relayed), other.owner(relayed).unwrap().worker), (None, 1));
    one.close(relayed);
    assert!(!other.is_live(relayed.0) && one.driver.open.is_empty());
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
    let kept: Vec<_> = (0..2).map(|_| worker.open(wish(V4), owner(ADA)).unwrap()).collect();
    assert_eq!(worker.open(wish(V4), owner(ADA)), Err(Refusal::Quota));
    assert_eq!(worker.open(wish(V4), owner("bob")), Err(Refusal::Capacity), "both ports are open");
    worker.close(kept[0]);
    assert_eq!(worker.open(wish(V4), owner("bob")), Ok(kept[0]));
}

#[test]
fn a_port_that_another_program_has_is_passed_over() {
    let fixture = Fixture::new();
    let mut worker = fixture.worker(0);
    for code in [libc::EADDRINUSE, libc::EACCES] {
        worker.driver.refusals = [code].into();
        let relayed = worker.open(wish(V4), owner(ADA)).unwrap();
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
    let relayed = one.open(wish(V4), owner(ADA)).unwrap();
    other.close(relayed);
    assert!(one.is_live(relayed.0));
}
