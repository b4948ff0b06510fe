//! RFC 8656 §7.2: Receiving an Allocate Request; RFC 8656 §18.10: RESERVATION-TOKEN. The port next
//! to an even one, held for a later request.

use kopru_sim::{
    QUOTA, Raw, Request, TurnClient, World, allocate, error, refresh, settings, success,
};
use kopru_stun::attribute::{AttributeType, EvenPort, RequestedAddressFamily, ReservationToken};
use kopru_turn::limits::RESERVATION_LIFETIME;
use kopru_turn::{Limits, Settings};

fn pair() -> Request {
    allocate().with(EvenPort { reserve_next: true })
}

/// Allocates an even port, and gives the token of the next one.
#[track_caller]
fn reserve(client: &TurnClient) -> ReservationToken {
    client.ask(pair()).expect(success()).reserved()
}

#[test]
fn the_next_port_is_held_for_whoever_shows_the_token() {
    // 7.2: "a pair of port numbers N and N+1 on the same IP address, where N is even"
    let world = World::start();
    let (ada, other) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    let reply = ada.ask(pair()).expect(success());
    let types = [AttributeType::XOR_RELAYED_ADDRESS, AttributeType::RESERVATION_TOKEN];
    assert_eq!(reply.attributes()[..2], types);
    assert_eq!(reply.relayed().port() % 2, 0);
    assert_eq!((world.open_ports(), world.reserved_ports()), (1, 1));

    let claimed = other.ask(allocate().with(reply.reserved())).expect(success());
    assert_eq!(claimed.relayed().ip(), reply.relayed().ip());
    assert_eq!(claimed.relayed().port(), reply.relayed().port() + 1);
    assert!(!claimed.attributes().contains(&AttributeType::RESERVATION_TOKEN));
    assert_eq!((world.open_ports(), world.reserved_ports()), (2, 0));
}

#[test]
fn the_token_is_good_on_every_worker() {
    // 7.2: "the reservation is a server-wide reservation"
    let world = World::with_workers(settings(), 2);
    let (ada, other) = (world.client("7.7.7.7:1000"), world.client("[2a00::7]:1001"));
    let token = reserve(&ada);
    let relayed = other.ask(allocate().with(token)).expect(success()).relayed();
    assert_eq!(relayed.port(), ada.relayed().port() + 1);
    let bob = world.peer("8.8.8.8:2000");
    other.permit(&bob);
    bob.send(relayed, b"hello");
    other.expect_data(bob.address(), b"hello");
    // The worker that made it has nothing left to end.
    world.advance(RESERVATION_LIFETIME);
    other.send_to(&bob, b"still here");
    bob.expect(relayed, b"still here");
}

#[test]
fn a_token_is_good_once() {
    // 7.2 (5): "the corresponding relayed transport address is still available"
    let world = World::start();
    let token = reserve(&world.client("7.7.7.7:1000"));
    world.client("7.7.7.7:1001").ask(allocate().with(token)).expect(success());
    world.client("7.7.7.7:1002").ask(allocate().with(token)).expect(error(508));
    assert_eq!(world.open_ports(), 2);
}

#[test]
fn a_reservation_is_held_for_30_seconds_whatever_becomes_of_its_allocation() {
    // 7.2: "The server MUST hold this reservation for at least 30 seconds"
    for (waited_s, expected) in [(29, success()), (30, error(508))] {
        let world = World::start();
        let ada = world.client("7.7.7.7:1000");
        let token = reserve(&ada);
        ada.ask(refresh(0)).expect(success());
        world.advance_s(waited_s);
        ada.ask(allocate().with(token)).expect(expected);
        world.advance_s(30);
        assert_eq!(world.reserved_ports(), 0);
    }
}

#[test]
fn a_busy_server_gives_an_expired_reservation_back_late_but_surely() {
    let world = World::start();
    let token = reserve(&world.client("7.7.7.7:1000"));
    world.advance_without_timers(RESERVATION_LIFETIME);
    assert_eq!(world.handle_timeout_once(), 1, "the allocation lives");
    assert_eq!(world.reserved_ports(), 0);
    world.client("7.7.7.7:1001").ask(allocate().with(token)).expect(error(508));
}

#[test]
fn a_token_that_is_none_gets_508() {
    // 7.2 (5): "If the token is not valid for some reason … 508"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for token in [[0; 8], [0xff; 8], *b"a guess!"] {
        ada.ask(allocate().with(ReservationToken(token))).expect(error(508));
    }
    ada.ask(allocate().with(Raw::<0x0022>(vec![0; 7]))).expect(error(400));
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn a_token_says_everything_about_the_port() {
    // 7.2 (5): "and the request also contains an EVEN-PORT or REQUESTED-ADDRESS-FAMILY or
    // ADDITIONAL-ADDRESS-FAMILY attribute … 400"
    let world = World::start();
    let token = reserve(&world.client("7.7.7.7:1000"));
    let ada = world.client("7.7.7.7:1001");
    let asked = || allocate().with(token);
    ada.ask(asked().with(EvenPort { reserve_next: false })).expect(error(400));
    ada.ask(asked().with(RequestedAddressFamily::IPV4)).expect(error(400));
    ada.ask(asked().with(Raw::<0x8000>(vec![2, 0, 0, 0]))).expect(error(400));
    assert_eq!(world.reserved_ports(), 1, "a bad request uses nothing up");
    ada.ask(asked()).expect(success());
}

#[test]
fn a_retransmission_is_told_the_same_token() {
    // 7.2: "the server may need to store an indication of any reservation token returned in the
    // original response"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let again = || pair().transaction(*b"once is good");
    let first = ada.ask(again()).expect(success());
    let second = ada.ask(again()).expect(success());
    assert_eq!((first.relayed(), first.reserved()), (second.relayed(), second.reserved()));
    assert_eq!((world.open_ports(), world.reserved_ports()), (1, 1));
}

#[test]
fn what_is_reserved_counts_for_its_user() {
    // 7.2 (10): nobody gets around the quota with ports that he does not use
    let world = World::start();
    let client = |port| world.client(&format!("7.7.7.7:{port}"));
    let pairs = QUOTA as u16 / 2;
    let tokens: Vec<_> = (0..pairs).map(|port| reserve(&client(1000 + port))).collect();
    client(2000).ask(pair()).expect(error(486));
    client(2000).allocate();
    client(2001).ask(allocate()).expect(error(486));
    client(2001).ask(allocate().with(tokens[0])).expect(success());
    world.advance(RESERVATION_LIFETIME);
    client(2002).allocate();
}

#[test]
fn reservations_have_a_limit() {
    let limits = Limits { allocations: 2, ..Limits::default() };
    let world = World::with(Settings { limits, ..settings() });
    for port in [1000, 1001] {
        let ada = world.client(&format!("7.7.7.7:{port}"));
        reserve(&ada);
        ada.ask(refresh(0)).expect(success());
    }
    let ada = world.client("7.7.7.7:1002");
    ada.ask(pair()).expect(error(508));
    ada.ask(allocate().with(EvenPort { reserve_next: false })).expect(success());
    world.advance(RESERVATION_LIFETIME);
    reserve(&world.client("7.7.7.7:1003"));
}

#[test]
fn without_a_pair_there_is_no_allocation() {
    // 7.2 (8): "If the server cannot satisfy the request … 508"
    let world = World::start();
    world.limit_ports(1);
    let ada = world.client("7.7.7.7:1000");
    ada.ask(pair()).expect(error(508));
    assert_eq!((world.open_ports(), world.reserved_ports()), (0, 0));
    ada.allocate();
}
