//! RFC 8489 §14.5: MESSAGE-INTEGRITY

use kopru_sim::{World, create_permission, error, refresh, request, success};
use kopru_stun::Method;
use kopru_stun::attribute::{Lifetime, RequestedTransport, XorPeerAddress};
use kopru_turn::DropReason;

#[test]
fn what_follows_integrity_is_ignored() {
    // 14.5: "agents MUST ignore all other attributes that follow MESSAGE-INTEGRITY"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.allocate();
    let also_bob = create_permission(&["8.8.4.4"]).with_unprotected(XorPeerAddress(bob.address()));
    ada.ask(also_bob).expect(success());
    ada.send_to(&bob, b"not permitted");
    bob.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoPermission), 1);

    let plain = request(Method::REFRESH);
    let reply = ada.ask(plain.with_unprotected(Lifetime { seconds: 0 })).expect(success());
    assert_eq!((reply.lifetime_s(), world.open_ports()), (600, 1));
}

#[test]
fn an_attribute_that_is_only_behind_integrity_is_missing() {
    // 14.5, RFC 8656 7.2 (3)
    let ada = World::start().client("7.7.7.7:1000");
    let bare = request(Method::ALLOCATE);
    ada.ask(bare.with_unprotected(RequestedTransport::UDP)).expect(error(400));
}

#[test]
fn every_protected_byte_is_protected() {
    // 14.5: the HMAC covers the message up to the attribute
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let whole = ada.write(&refresh(600));
    for place in 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x01;
        ada.send_bytes(&bytes);
    }
    assert_eq!(world.replied(kopru_turn::RequestMethod::Refresh, 0), 0);
}
