//! RFC 8656 §12.6: Receiving a ChannelData Message

use kopru_sim::{Peer, TurnClient, World, settings};
use kopru_turn::{DropReason, Settings};

fn ada_and_bob(world: &World) -> (TurnClient, Peer) {
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.allocate();
    ada.bind(0x4000, &bob);
    (ada, bob)
}

#[test]
fn the_data_becomes_the_datagram() {
    // 12.6: "the data following the UDP header is the contents of the data field"; length 0: "the
    // UDP datagram is still formed and sent"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    for len in [0, 1, 3, 4, 1200, 65_000] {
        let payload = vec![0xab; len];
        ada.send_on(0x4000, &payload);
        bob.expect(ada.relayed(), &payload);
    }
}

#[test]
fn padding_is_not_relayed() {
    // 12.5: "Over UDP, the padding is not required but MAY be included."
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    ada.send_bytes(b"\x40\x00\x00\x05hello\xff\xff\xff");
    bob.expect(ada.relayed(), b"hello");
}

#[test]
fn a_message_shorter_than_it_claims_is_discarded() {
    // 12.6: "too short to contain the claimed length … silently discarded"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    for bytes in [&b"\x40\x00\x00\x06hello"[..], b"\x40\x00\xff\xffhello", b"\x40\x00\x00", b"\x40"]
    {
        ada.send_bytes(bytes);
    }
    bob.expect_nothing();
    assert_eq!(world.dropped(DropReason::Malformed), 4);
}

#[test]
fn an_unbound_channel_is_discarded() {
    // 12.6: "on a channel that is not bound to any peer, then the message is silently discarded"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    ada.send_on(0x4001, b"x");
    bob.expect_nothing();
    assert_eq!(world.dropped(DropReason::NoChannel), 1);
}

#[test]
fn a_reserved_channel_number_is_discarded() {
    // 12.6: "a value in the reserved range (0x5000 through 0xFFFF) … silently discarded"
    for (rfc5766_channels, reason) in [(false, DropReason::NotStun), (true, DropReason::NoChannel)]
    {
        let world = World::with(Settings { rfc5766_channels, ..settings() });
        let (ada, _) = ada_and_bob(&world);
        ada.send_on(0x5000, b"x");
        assert_eq!(world.dropped(reason), 1);
        ada.send_on(0x8000, b"x");
        assert_eq!(world.counters().drops().map(|(_, count)| count).sum::<u64>(), 2);
    }
}

#[test]
fn it_refreshes_neither_the_channel_nor_the_permission() {
    // 12.6: "MUST NOT refresh either the channel binding or the permission towards the peer"
    let world = World::start();
    let (ada, bob) = ada_and_bob(&world);
    world.advance_s(299);
    ada.send_on(0x4000, b"x");
    bob.expect(ada.relayed(), b"x");
    world.advance_s(1);
    bob.send(ada.relayed(), b"the permission is over");
    ada.expect_nothing();
    ada.send_on(0x4000, b"the channel is not");
    bob.expect(ada.relayed(), b"the channel is not");
    world.advance_s(299);
    ada.send_on(0x4000, b"x");
    bob.expect(ada.relayed(), b"x");
    ada.ask(kopru_sim::refresh(600));
    world.advance_s(1);
    ada.send_on(0x4000, b"x");
    bob.expect_nothing();
}
