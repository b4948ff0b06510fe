//! RFC 8656 §12.7: Relaying Data from the Peer

use kopru_sim::{World, refresh, success};

#[test]
fn a_bound_peer_is_heard_on_its_channel() {
    // 12.5: "The server, on the other hand, MUST use the ChannelData message if a channel has been
    // bound to the peer."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    bob.send(relayed, b"before");
    ada.expect_data(bob.address(), b"before");
    ada.bind(0x4000, &bob);
    for len in [0, 1, 3, 4, 1200, 65_000] {
        let payload = vec![0xcd; len];
        bob.send(relayed, &payload);
        ada.expect_channel_data(0x4000, &payload);
    }
}

#[test]
fn a_channel_is_bound_to_a_port_as_well() {
    // 12: "a transport address (of the peer)"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let other_port = world.peer("8.8.8.8:2001");
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    other_port.send(relayed, b"x");
    ada.expect_data(other_port.address(), b"x");
}

#[test]
fn an_expired_channel_is_followed_by_data_indications() {
    // 12: "When the channel binding expires, the channel becomes unbound."
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    world.advance_s(500);
    ada.ask(refresh(600)).expect(success());
    ada.permit(&bob);
    world.advance_s(99);
    bob.send(relayed, b"bound");
    ada.expect_channel_data(0x4000, b"bound");
    world.advance_s(1);
    bob.send(relayed, b"unbound");
    ada.expect_data(bob.address(), b"unbound");
}
