//! Lines and gateways between hosts that know nothing of TURN.

use std::time::Duration;

use crate::nat::NatBehavior;
use crate::{Fate, Internet, Link, Loss, Peer};

/// The payloads that have arrived, in order.
fn arrived(peer: &Peer) -> Vec<u8> {
    std::iter::from_fn(|| peer.take()).map(|datagram| datagram[0]).collect()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_line_takes_its_time() {
    let internet = Internet::seed(1);
    let (home, bob) = (internet.open(), internet.peer("8.8.8.8:2000"));
    let ada = internet.peer_behind(&home);
    ada.send(bob.address(), b"x");
    internet.advance(Duration::from_micros(9_999));
    bob.expect_nothing();
    internet.advance(Duration::from_micros(1));
    bob.expect(ada.address(), b"x");
}

#[test]
fn a_line_loses_doubles_and_delays_what_a_test_decides() {
    let internet = Internet::seed(1);
    let (home, bob) = (internet.open(), internet.peer("8.8.8.8:2000"));
    let ada = internet.peer_behind(&home);
    for fate in [Fate::Lost, Fate::Twice(ms(5)), Fate::Late(ms(2)), Fate::Arrives] {
        home.outbound(fate);
    }
    (1..=5).for_each(|number| ada.send(bob.address(), &[number]));
    home.inbound(Fate::Lost);
    (6..=7).for_each(|number| bob.send(ada.address(), &[number]));
    internet.advance_s(1);
    assert_eq!((arrived(&bob), arrived(&ada)), (vec![2, 4, 5, 3, 2], vec![7]));
    assert_eq!((internet.lost(Loss::Line), internet.tally().doubled), (2, 1));
}

#[test]
fn a_line_loses_doubles_and_reorders_by_chance() {
    let internet = Internet::seed(1);
    let (home, bob) = (internet.open(), internet.peer("8.8.8.8:2000"));
    let ada = internet.peer_behind(&home);
    home.set_link(Link { latency: ms(5), jitter: ms(20), loss: 25, duplication: 25 });
    for number in 0..200 {
        ada.send(bob.address(), &[number]);
        internet.advance(ms(1));
    }
    internet.advance_s(1);
    let (tally, numbers) = (internet.tally(), arrived(&bob));
    let (lost, doubled) = (tally.lost(Loss::Line), tally.doubled);
    assert!((30..=70).contains(&lost) && (20..=60).contains(&doubled), "{tally:?}");
    assert_eq!(numbers.len() as u64, 200 - lost + doubled);
    assert!(!numbers.is_sorted());
}

#[test]
fn a_firewall_lets_nothing_out_and_nothing_in() {
    let internet = Internet::seed(1);
    let (office, bob) = (internet.udp_blocked(), internet.peer("8.8.8.8:2000"));
    let ada = internet.peer_behind(&office);
    ada.send(bob.address(), b"x");
    bob.send(ada.address(), b"x");
    internet.advance_s(1);
    assert_eq!((arrived(&bob), arrived(&ada)), (vec![], vec![]));
    assert_eq!(internet.lost(Loss::Blocked), 2);
}

#[test]
fn a_private_address_is_nobody_s_outside() {
    let internet = Internet::seed(1);
    let homes = [(), ()].map(|()| internet.nat(NatBehavior::full_cone()));
    let ada = internet.peer_behind(&homes[0]);
    let (bea, bob) = (internet.peer_behind(&homes[0]), internet.peer_behind(&homes[1]));
    ada.send(bob.address(), b"x");
    ada.send(bea.address(), b"y");
    internet.advance_s(1);
    assert_eq!((arrived(&bob), arrived(&bea)), (vec![], vec![b'y']));
    assert_eq!(internet.lost(Loss::Unreachable), 1);
}

#[test]
fn a_nat_behind_a_nat_translates_again() {
    let internet = Internet::seed(1);
    let provider = internet.nat(NatBehavior::port_restricted());
    let home = internet.nat_within(&provider, NatBehavior::port_restricted());
    let (ada, bob) = (internet.peer_behind(&home), internet.peer("8.8.8.8:2000"));
    ada.send(bob.address(), b"x");
    internet.advance(ms(20));
    let from = bob.take_from(b"x");
    assert_eq!(from.ip().to_string(), "5.0.1.1");
    bob.send(from, b"y");
    internet.advance(ms(20));
    ada.expect(bob.address(), b"y");
}

#[test]
fn a_one_to_one_nat_changes_the_address_alone() {
    let internet = Internet::seed(1);
    let (cloud, bob) = (internet.one_to_one(), internet.peer("8.8.8.8:2000"));
    let (ada, bea) = (internet.peer_behind(&cloud), internet.peer_behind(&cloud));
    ada.send(bob.address(), b"x");
    bob.send("5.0.1.2:5000".parse().expect("an address"), b"y");
    internet.advance_s(1);
    bob.expect("5.0.1.1:5000".parse().expect("an address"), b"x");
    bea.expect(bob.address(), b"y");
    ada.send("5.0.1.2:5000".parse().expect("an address"), b"z");
    bea.expect("5.0.1.1:5000".parse().expect("an address"), b"z");
}
