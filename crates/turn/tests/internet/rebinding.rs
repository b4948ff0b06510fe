//! Rebinding mid-call: the NAT forgets, or the client goes to another network. For the server that
//! is another client, since the five-tuple is another.

use std::time::Duration;

use kopru_sim::{
    Internet, Loss, MappingRefresh, NatBehavior, Peer, PortAssignment, QUOTA, TurnClient, allocate,
    error, refresh,
};
use kopru_turn::DropReason;

/// Data goes both ways.
#[track_caller]
fn talk(internet: &Internet, ada: &TurnClient, bob: &Peer) {
    ada.send_on(0x4000, b"to bob");
    bob.send(ada.relayed(), b"to ada");
    internet.advance_s(1);
    bob.expect(ada.relayed(), b"to bob");
    ada.expect_channel_data(0x4000, b"to ada");
}

/// What is left of the old allocation, and how the client gets a new one.
#[track_caller]
fn start_again(internet: &Internet, ada: &TurnClient, bob: &Peer) {
    let (old, mapped) = (ada.relayed(), ada.mapped());
    ada.send_on(0x4000, b"to bob");
    bob.send(old, b"to ada");
    internet.advance_s(1);
    bob.expect_nothing();
    ada.expect_nothing();
    assert_eq!(internet.dropped(DropReason::NoAllocation), 1);

    // Its nonce was given to another address.
    let nonce = ada.nonce();
    ada.ask(refresh(600).nonce(&nonce)).expect(error(438));
    ada.ask(refresh(600)).expect(error(437));
    ada.allocate();
    assert_ne!(ada.mapped(), mapped);
    ada.bind(0x4000, bob);
    talk(internet, ada, bob);
    assert_eq!(internet.open_ports(), 2, "the old one counts until it expires");
    ada.stay_in_call_s(620, 0x4000, bob);
    assert_eq!(internet.open_ports(), 1);
    talk(internet, ada, bob);
}

#[test]
fn the_nat_forgets() {
    for behavior in [NatBehavior::port_restricted(), NatBehavior::symmetric()] {
        let internet = Internet::seed(1);
        let home = internet.nat(behavior);
        let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
        ada.allocate();
        ada.bind(0x4000, &bob);
        talk(&internet, &ada, &bob);
        home.forget_mappings();
        start_again(&internet, &ada, &bob);
        assert_eq!(internet.lost(Loss::NoMapping), 1, "what bob sent to the old one");
    }
}

#[test]
fn the_client_goes_to_another_network() {
    let internet = Internet::seed(1);
    let (home, mobile) =
        (internet.nat(NatBehavior::port_restricted()), internet.nat(NatBehavior::symmetric()));
    let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
    ada.allocate();
    ada.bind(0x4000, &bob);
    talk(&internet, &ada, &bob);
    internet.take_along(&ada, &mobile);
    start_again(&internet, &ada, &bob);
}

#[test]
fn rebinding_again_and_again_ends_at_the_quota_and_not_for_good() {
    let internet = Internet::seed(1);
    let home = internet.nat(NatBehavior::port_restricted());
    let ada = internet.client_behind(&home);
    for _ in 0..QUOTA {
        ada.allocate();
        home.forget_mappings();
        internet.advance_s(10);
    }
    ada.ask(allocate()).expect(error(486));
    internet.advance_s(600 - 10 * QUOTA as u64);
    ada.allocate();
    assert_eq!(internet.open_ports(), QUOTA);
}

#[test]
fn another_user_inherits_the_five_tuple() {
    // RFC 8656 §5: "the server MUST reply with … 441 (Wrong Credentials)", §7.2 (2): 437
    let internet = Internet::seed(1);
    let ports = PortAssignment::Preservation;
    let home = internet.nat(NatBehavior { ports, ..NatBehavior::full_cone() });
    let (ada, bea) = (internet.client_behind(&home), internet.client_behind(&home));
    let bea = bea.as_user("bob", "ross");
    let bob = internet.peer("8.8.8.8:2000");
    ada.allocate();
    ada.bind(0x4000, &bob);
    home.forget_mappings();

    bea.ask(allocate()).expect(error(437));
    bea.ask(refresh(0)).expect(error(441));
    assert_eq!(internet.open_ports(), 1, "it is ada's still");
    internet.advance_s(600);
    bea.allocate();
    assert_eq!(bea.mapped(), ada.mapped());
    bob.send(bea.relayed(), b"to ada?");
    bea.send_on(0x4000, b"to bob?");
    internet.advance_s(1);
    bea.expect_nothing();
    bob.expect_nothing();
}

#[test]
fn whoever_keeps_alive_is_not_forgotten() {
    // RFC 8445 §11: Keepalives
    let refresh = MappingRefresh { timer: Duration::from_secs(30), inbound: false };
    let internet = Internet::seed(1);
    let home = internet.nat(NatBehavior { refresh, ..NatBehavior::symmetric() });
    let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
    ada.allocate();
    ada.bind(0x4000, &bob);
    ada.stay_in_call_s(7200, 0x4000, &bob);
    talk(&internet, &ada, &bob);
    assert_eq!((internet.open_ports(), internet.lost(Loss::NoMapping)), (1, 0));
    internet.advance_s(30);
    bob.send(ada.relayed(), b"to ada");
    internet.advance_s(1);
    ada.expect_nothing();
    assert_eq!(internet.lost(Loss::NoMapping), 1, "a silent one is");
}
