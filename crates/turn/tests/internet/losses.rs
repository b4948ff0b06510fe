//! Loss of a request and of a reply: the client sends again, and the server says again what it
//! said. RFC 8489 §6.3.1: "The server MUST respond to retransmissions".

use std::time::Duration;

use kopru_sim::{
    Fate, Internet, Link, NatBehavior, Request, Site, TurnClient, allocate, channel_bind,
    create_permission, error, refresh, success,
};
use kopru_stun::attribute::{AdditionalAddressFamily, EvenPort, RequestedAddressFamily};
use kopru_turn::RequestMethod;

/// A client that knows its nonce, behind a NAT.
fn start() -> (Internet, Site, TurnClient) {
    let internet = Internet::seed(1);
    let home = internet.nat(NatBehavior::symmetric());
    let ada = internet.client_behind(&home);
    ada.ask(allocate().without_credentials()).expect(error(401));
    (internet, home, ada)
}

/// The requests of a call, in their order.
fn requests() -> [(RequestMethod, fn() -> Request); 4] {
    [
        (RequestMethod::Allocate, allocate),
        (RequestMethod::CreatePermission, || create_permission(&["8.8.8.8"])),
        (RequestMethod::ChannelBind, || channel_bind(0x4000, "8.8.8.8:2000")),
        (RequestMethod::Refresh, || refresh(600)),
    ]
}

#[test]
fn a_lost_request_is_sent_again() {
    let (internet, home, ada) = start();
    for (method, request) in requests() {
        home.outbound(Fate::Lost);
        let asked_at = internet.now().instant;
        ada.ask(request()).expect(success());
        let waited = internet.now().instant - asked_at;
        assert_eq!(waited, Duration::from_millis(500 + 2 * 10), "{method:?}");
        assert_eq!(internet.replied(method, 0), 1, "{method:?}");
    }
    assert_eq!(internet.open_ports(), 1);
}

#[test]
fn a_lost_reply_is_given_again() {
    let (internet, home, ada) = start();
    for (method, request) in requests() {
        home.inbound(Fate::Lost);
        ada.ask(request()).expect(success());
        assert_eq!(internet.replied(method, 0), 2, "{method:?}: the same answer twice");
    }
    assert_eq!(internet.open_ports(), 1);
    let (bob, relayed) = (internet.peer("8.8.8.8:2000"), ada.relayed());
    ada.send_on(0x4000, b"to bob");
    internet.advance_s(1);
    bob.expect(relayed, b"to bob");
}

#[test]
fn a_lost_challenge_is_given_again() {
    let internet = Internet::seed(1);
    let home = internet.nat(NatBehavior::symmetric());
    let ada = internet.client_behind(&home);
    home.inbound(Fate::Lost);
    ada.allocate();
    assert_eq!(internet.replied(RequestMethod::Allocate, 401), 2);
    assert_eq!(internet.replied(RequestMethod::Allocate, 0), 1);
}

#[test]
fn a_lost_deletion_is_a_mismatch_and_that_is_as_good() {
    // RFC 8656 §8.3: "If the client receives a 437 … to a request to delete the allocation, then
    // the allocation no longer exists and it should consider its request as having effectively
    // succeeded."
    let (internet, home, ada) = start();
    ada.allocate();
    home.inbound(Fate::Lost);
    ada.ask(refresh(0)).expect(error(437));
    assert_eq!((internet.open_ports(), internet.next_timeout()), (0, None));
    ada.allocate();
}

#[test]
fn what_was_told_beside_the_address_is_told_again() {
    let (internet, home, ada) = start();
    let request = allocate().with(EvenPort { reserve_next: true }).transaction(*b"a lost reply");
    let bytes = ada.write(&request);
    ada.send_bytes(&bytes);
    home.inbound(Fate::Lost);
    internet.advance_s(1);
    ada.expect_nothing();
    let token = ada.ask_bytes(&bytes).expect(success()).reserved();
    assert_eq!((internet.open_ports(), internet.reserved_ports()), (1, 1));
    let bea = internet.client_behind(&home);
    bea.ask(allocate().with(token)).expect(success());
}

#[test]
fn both_halves_of_a_dual_allocation_are_told_again() {
    let (internet, home, ada) = start();
    let both = AdditionalAddressFamily(RequestedAddressFamily::IPV6);
    home.inbound(Fate::Lost);
    let reply = ada.ask(allocate().with(both)).expect(success());
    assert_eq!((reply.all_relayed().len(), internet.open_ports()), (2, 2));
}

#[test]
fn the_seventh_request_is_the_last() {
    // RFC 8489 §6.2.1: "until a total of Rc requests have been sent"
    for (lost, arrives) in [(6, true), (7, false)] {
        let (internet, home, ada) = start();
        (0..lost).for_each(|_| home.outbound(Fate::Lost));
        let asked_at = internet.now().instant;
        let reply = ada.try_ask(allocate());
        let waited = internet.now().instant - asked_at;
        let expected = if arrives { 31_520 } else { 39_500 };
        assert_eq!((reply.is_some(), waited), (arrives, Duration::from_millis(expected)));
        assert_eq!(internet.open_ports(), usize::from(arrives));
    }
}

#[test]
fn a_call_over_a_line_that_loses_a_sixth_of_everything() {
    let link = Link { loss: 17, jitter: Duration::from_millis(50), ..Link::default() };
    for seed in 0..20 {
        let internet = Internet::seed(seed);
        let home = internet.nat(NatBehavior::port_restricted());
        home.set_link(link);
        let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
        ada.allocate();
        ada.bind(0x4000, &bob);
        ada.stay_in_call_s(1800, 0x4000, &bob);
        for _ in 0..100 {
            ada.send_on(0x4000, b"to bob");
        }
        internet.advance_s(1);
        let arrived = std::iter::from_fn(|| bob.take()).filter(|it| it == b"to bob").count();
        assert!((70..=95).contains(&arrived), "{arrived} with seed {seed}");
        // The answer to a deletion may be lost as well.
        drop(ada.ask(refresh(0)));
        assert_eq!((internet.open_ports(), internet.next_timeout()), (0, None), "seed {seed}");
    }
}
