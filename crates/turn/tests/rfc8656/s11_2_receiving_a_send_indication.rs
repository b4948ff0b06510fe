//! RFC 8656 §11.2: Receiving a Send Indication

use kopru_sim::{Peer, Raw, Request, TurnClient, World, request};
use kopru_stun::Method;
use kopru_stun::attribute::{DontFragment, XorPeerAddress};
use kopru_turn::DropReason;

fn ada_and_bob(world: &World) -> (TurnClient, Peer) {
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.allocate();
    ada.permit(&bob);
    (ada, bob)
}

fn send() -> Request {
    request(Method::SEND).as_indication()
}

#[test]
fn the_value_of_data_becomes_the_datagram() {
    // 11.2: "the data following the UDP header is the contents of the value field of the DATA
    // attribute"; "the DATA attribute is allowed to contain zero bytes of data"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    for len in [0, 1, 2, 3, 4, 5, 1200, 60_000] {
        let payload = vec![0xab; len];
        ada.send_to(&bob, &payload);
        bob.expect(ada.relayed(), &payload);
    }
}

#[test]
fn peer_and_data_in_either_order() {
    // 11.1: the order of attributes is not fixed
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    let data = Raw::<0x0013>(b"hello".to_vec());
    ada.send(&send().with(data).with(XorPeerAddress(bob.address())).with_fingerprint());
    bob.expect(ada.relayed(), b"hello");
}

#[test]
fn a_missing_or_invalid_attribute_discards_it() {
    // 11.2: "If one of these attributes is missing or invalid, then the message is discarded."
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    let peer = || XorPeerAddress(bob.address());
    let data = || Raw::<0x0013>(b"x".to_vec());
    ada.send(&send().with(peer()));
    ada.send(&send().with(data()));
    ada.send(&send().with(Raw::<0x0012>(vec![0, 1])).with(data()));
    ada.send(&send().with(peer()).with(data()).with(Raw::<0x001a>(vec![1])));
    bob.expect_nothing();
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::Malformed), 4);
}

#[test]
fn an_unknown_comprehension_required_attribute_discards_it() {
    // RFC 8489 6.3.2: "the indication is discarded"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    let unknown = send().with(XorPeerAddress(bob.address())).with(Raw::<0x0013>(vec![1]));
    ada.send(&unknown.with(Raw::<0x7fff>(vec![])));
    bob.expect_nothing();
    assert_eq!(world.dropped(DropReason::UnknownAttribute), 1);
}

#[test]
fn dont_fragment_goes_with_the_datagram_that_asked_for_it() {
    // 14: "in response to a Send indication containing the DONT-FRAGMENT attribute … set the
    // outgoing UDP packet to not fragment. In all other cases …"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    let data = || Raw::<0x0013>(b"x".to_vec());
    ada.send(&send().with(XorPeerAddress(bob.address())).with(DontFragment).with(data()));
    bob.expect_unfragmented(ada.relayed(), b"x");
    ada.send_to(&bob, b"y");
    bob.expect(ada.relayed(), b"y");
}

#[test]
fn without_a_permission_it_is_discarded() {
    // 11.2: "If no such permission exists, the message is discarded."
    let world = World::start();
    let (ada, _) = ada_and_bob(&world);
    let eve = world.peer("8.8.4.4:2000");
    ada.send_to(&eve, b"x");
    eve.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoPermission), 1);
}

#[test]
fn a_port_out_of_reach_is_silently_discarded() {
    // 11.2: "restrictions on the IP address and port values …; silently discards"
    let world = World::start();
    let (ada, _) = ada_and_bob(&world);
    ada.send_to_address("8.8.8.8:0".parse().unwrap(), b"x");
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::PeerForbidden), 1);
}
