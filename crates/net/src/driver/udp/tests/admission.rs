//! RFC 8656 §9, §11.3: what comes to a relay socket before the first permission, and after the end.

use std::os::fd::AsRawFd;

use super::*;
use crate::sys::sockopt::unreceived;

/// How many descriptors wake the worker.
fn watched(fixture: &Fixture) -> usize {
    let fd = fixture.wakeable.epoll.as_fd().as_raw_fd();
    let state = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    state.lines().filter(|line| line.starts_with("tfd:")).count()
}

fn send_many(to: SocketAddr, payload: &[u8], count: usize) {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    (0..count).for_each(|_| _ = peer.send_to(payload, to).unwrap());
}

#[test]
fn what_came_before_is_dropped_and_counted_and_what_comes_after_arrives() {
    for early in [0, 1, 3, 1000] {
        let fixture = Fixture::new();
        let mut driver = UdpDriver::new(&fixture.wakeable);
        let (slot, at) = open_to_nobody(&mut driver);
        send_many(at, &[0; 1400], early);
        driver.wait(Some(Instant::now()));
        assert_eq!(driver.ready.len(), 0, "nobody is woken");
        driver.admit(slot).unwrap();
        driver.wait(Some(Instant::now()));
        assert_eq!(receive_all(&mut driver), [], "nothing is kept");
        assert_eq!(lost(&mut driver, Loss::BeforePermission), early as u64);
        send_many(at, b"now", 2);
        driver.wait(soon());
        let arrived = receive_all(&mut driver);
        assert!(arrived.len() == 2 && arrived.iter().all(|(_, payload)| payload == b"now"));
        let tally = driver.tally().clone();
        assert_eq!(
            (tally.kernel_drops, lost(&mut driver, Loss::BeforePermission)),
            (0, early as u64)
        );
    }
}

#[test]
fn to_a_socket_that_nobody_hears_next_to_nothing_may_wait() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    for payload in [&[0; 1][..], &[0; 1400], &[0; 60_000]] {
        let (slot, at) = open_to_nobody(&mut driver);
        send_many(at, payload, 100);
        let relay = driver.relays[slot as usize].as_ref().unwrap();
        let waiting = unreceived(relay).unwrap().waiting_bytes as usize;
        assert!(waiting < 8 * 1024 + 2 * payload.len(), "{waiting}");
    }
}

#[test]
fn what_came_to_a_socket_that_never_admitted_anybody_is_counted_at_its_end() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let (slot, at) = open_to_nobody(&mut driver);
    UdpSocket::bind(at).expect_err("its port is taken");
    send_many(at, b"scan", 40);
    driver.close(slot);
    assert_eq!(lost(&mut driver, Loss::BeforePermission), 40);
    UdpSocket::bind(at).expect("its port is free");
}

#[test]
fn a_socket_is_watched_from_its_first_permission_to_its_end() {
    let fixture = Fixture::new();
    let mut driver = UdpDriver::new(&fixture.wakeable);
    let before = watched(&fixture);
    let (slot, _) = open_to_nobody(&mut driver);
    assert_eq!(watched(&fixture), before);
    for _ in 0..3 {
        driver.admit(slot).unwrap();
        assert_eq!(watched(&fixture), before + 1, "each further permission changes nothing");
    }
    let (unheard, _) = open_to_nobody(&mut driver);
    driver.close(slot);
    driver.close(unheard);
    assert_eq!(watched(&fixture), before);
    driver.admit(slot).expect("of what is closed nothing is wanted");
    assert_eq!(watched(&fixture), before);
}
