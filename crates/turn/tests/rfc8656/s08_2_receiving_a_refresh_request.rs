//! RFC 8656 §8.2: Receiving a Refresh Request

use std::time::Duration;

use kopru_sim::{World, allocate, error, refresh, request, settings, success};
use kopru_stun::Method;
use kopru_stun::attribute::{Lifetime, RequestedAddressFamily};
use kopru_turn::Settings;

#[test]
fn a_refresh_sets_the_time_to_expiry() {
    // 8.2: "the allocation's time-to-expiry is set to the 'desired lifetime'"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    for (proposed, granted) in [(1, 600), (600, 600), (700, 700), (3600, 3600), (9999, 3600)] {
        assert_eq!(ada.ask(refresh(proposed)).expect(success()).lifetime_s(), granted);
    }
    let plain = request(Method::REFRESH);
    assert_eq!(ada.ask(plain).expect(success()).lifetime_s(), 600, "a shorter one than before");
    world.advance_s(599);
    assert_eq!(ada.ask(refresh(600)).expect(success()).lifetime_s(), 600);
    world.advance_s(599);
    assert_eq!(world.open_ports(), 1);
    world.advance_s(1);
    assert_eq!(world.open_ports(), 0);
    ada.ask(refresh(600)).expect(error(437));
}

#[test]
fn a_lifetime_can_be_shortened() {
    // 8.2: the desired lifetime replaces the time-to-expiry, whichever is longer
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().with(Lifetime { seconds: 3600 })).expect(success());
    ada.ask(refresh(600)).expect(success());
    world.advance_s(599);
    assert_eq!(world.open_ports(), 1);
    world.advance_s(1);
    assert_eq!(world.open_ports(), 0, "and nobody waits for the longer one");
}

#[test]
fn a_lifetime_of_zero_ends_relaying_at_once() {
    // 8.2: "If the 'desired lifetime' is zero, then the request succeeds and the allocation is
    // deleted."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    assert_eq!(ada.ask(refresh(0)).expect(success()).lifetime_s(), 0);
    ada.send_on(0x4000, b"x");
    ada.send_to(&bob, b"x");
    bob.send(relayed, b"x");
    bob.expect_nothing();
    ada.expect_nothing();
    assert_eq!((world.open_ports(), world.next_timeout()), (0, None));
}

#[test]
fn a_retransmitted_deletion_is_a_mismatch() {
    // 8.2 NOTE: "will cause a 437 (Allocation Mismatch) response if the allocation has already been
    // deleted"
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    let bytes = ada.write(&refresh(0));
    ada.ask_bytes(&bytes).expect(success());
    ada.ask_bytes(&bytes).expect(error(437));
    ada.allocate();
}

#[test]
fn the_family_of_a_refresh_is_that_of_the_allocation() {
    // 8.2: "the attribute value does not match the address family of the allocation … 443"
    let world = World::start();
    let (four, six) = (RequestedAddressFamily::IPV4, RequestedAddressFamily::IPV6);
    for (client, family, other) in [("7.7.7.7:1", four, six), ("7.7.7.7:2", six, four)] {
        let ada = world.client(client);
        ada.ask(allocate().with(family)).expect(success());
        ada.ask(refresh(600).with(family)).expect(success());
        ada.ask(refresh(0).with(other)).expect(error(443));
        ada.ask(refresh(0).with(RequestedAddressFamily(3))).expect(error(443));
    }
    assert_eq!(world.open_ports(), 2);
}

#[test]
fn a_session_ends_for_good() {
    // 8.2 and `max_session`: refreshed as often as a client likes, it ends
    let max_session = Duration::from_secs(1500);
    let world = World::with(Settings { max_session, ..settings() });
    let ada = world.client("7.7.7.7:1000");
    assert_eq!(ada.ask(allocate().with(Lifetime { seconds: 3600 })).lifetime_s(), 1500);
    world.advance_s(500);
    assert_eq!(ada.ask(refresh(600)).expect(success()).lifetime_s(), 600);
    world.advance_s(500);
    assert_eq!(ada.ask(refresh(3600)).expect(success()).lifetime_s(), 500, "what is left");
    world.advance_s(499);
    assert_eq!(ada.ask(refresh(600)).expect(success()).lifetime_s(), 1);
    world.advance_s(1);
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn a_refresh_in_the_instant_of_expiry_comes_too_late() {
    // 6: "When an allocation expires, the state data … can be freed": with the timer late as well
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    world.advance_without_timers(Duration::from_millis(599_999));
    ada.ask(refresh(600)).expect(success());
    world.advance_without_timers(Duration::from_secs(600));
    ada.ask(refresh(600)).expect(error(437));
    assert_eq!(world.open_ports(), 0);
}
