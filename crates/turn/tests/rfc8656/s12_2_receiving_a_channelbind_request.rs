//! RFC 8656 §12.2: Receiving a ChannelBind Request

use kopru_sim::{World, channel_bind, error, request, settings, success};
use kopru_stun::Method;
use kopru_stun::attribute::{AttributeType, XorPeerAddress};
use kopru_stun::channel_data::ChannelNumber;
use kopru_turn::Settings;

const BOB: &str = "8.8.8.8:2000";
const CYD: &str = "8.8.4.4:2000";

#[test]
fn both_attributes_are_needed() {
    // 12.2: "contains both a CHANNEL-NUMBER and an XOR-PEER-ADDRESS attribute", else 400
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    let bare = || request(Method::CHANNEL_BIND);
    ada.ask(bare()).expect(error(400));
    ada.ask(bare().with(ChannelNumber(0x4000))).expect(error(400));
    ada.ask(bare().with(XorPeerAddress(BOB.parse().unwrap()))).expect(error(400));
    let reply = ada.ask(channel_bind(0x4000, BOB)).expect(success());
    assert_eq!(reply.attributes(), [AttributeType::MESSAGE_INTEGRITY]);
}

#[test]
fn channel_numbers_have_a_range() {
    // 12.2: "The channel number is in the range 0x4000 through 0x4FFF (inclusive)"
    for (rfc5766_channels, last) in [(false, 0x4fff), (true, 0x7fff)] {
        let world = World::with(Settings { rfc5766_channels, ..settings() });
        let ada = world.client("7.7.7.7:1000");
        ada.allocate();
        for (number, expected) in [
            (0, error(400)),
            (0x3fff, error(400)),
            (0x4000, success()),
            (last, success()),
            (last + 1, error(400)),
            (0xffff, error(400)),
        ] {
            ada.ask(channel_bind(number, &format!("8.8.8.8:{}", number | 1))).expect(expected);
        }
    }
}

#[test]
fn a_channel_has_one_peer_and_a_peer_one_channel() {
    // 12.2: "not currently bound to a different transport address"; "… to a different channel
    // number"
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(channel_bind(0x4000, BOB)).expect(success());
    ada.ask(channel_bind(0x4000, CYD)).expect(error(400));
    ada.ask(channel_bind(0x4001, BOB)).expect(error(400));
    ada.ask(channel_bind(0x4000, BOB)).expect(success());
    ada.ask(channel_bind(0x4001, CYD)).expect(success());
    ada.ask(channel_bind(0x4000, CYD)).expect(error(400));
    ada.ask(channel_bind(0x4002, "8.8.8.8:2001")).expect(success());
}

#[test]
fn channels_of_one_allocation_mean_nothing_to_another() {
    // 12: "has no impact on their use in a different allocation"
    let world = World::start();
    for client in ["7.7.7.7:1000", "7.7.7.7:1001"] {
        let ada = world.client(client);
        ada.allocate();
        ada.ask(channel_bind(0x4000, BOB)).expect(success());
    }
}

#[test]
fn another_family_is_a_mismatch() {
    // 12.2: "an address family that is not the same … 443"
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(channel_bind(0x4000, "[2a00::1]:1")).expect(error(443));
}

#[test]
fn a_peer_out_of_reach_is_forbidden() {
    // 12.2: "restrictions on the IP address and port values … 403"
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    for peer in ["127.0.0.1:1", "10.0.0.1:1", "8.8.8.8:0", "9.9.9.9:3478", "9.9.9.9:22"] {
        ada.ask(channel_bind(0x4000, peer)).expect(error(403));
    }
    ada.ask(channel_bind(0x4000, BOB)).expect(success());
}

#[test]
fn it_installs_a_permission() {
    // 12.2: "The server also installs or refreshes a permission"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer(BOB));
    let relayed = ada.allocate();
    ada.bind(0x4000, &bob);
    ada.send_to(&bob, b"also without the channel");
    bob.expect(relayed, b"also without the channel");
    let other_port = world.peer("8.8.8.8:2001");
    other_port.send(relayed, b"x");
    ada.expect_data(other_port.address(), b"x");
}

#[test]
fn a_binding_lasts_ten_minutes_and_is_held_for_five_more() {
    // 12: "A channel binding lasts for 10 minutes unless refreshed"; "MUST wait 5 minutes after the
    // channel binding expires before attempting to bind the channel number to a different
    // transport address or the transport address to a different channel number"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer(BOB));
    ada.ask(kopru_sim::allocate().with(kopru_stun::attribute::Lifetime { seconds: 3600 }));
    ada.bind(0x4000, &bob);
    world.advance_s(599);
    ada.send_on(0x4000, b"x");
    bob.expect(ada.relayed(), b"x");
    ada.bind(0x4000, &bob);
    world.advance_s(600);
    ada.send_on(0x4000, b"x");
    bob.expect_nothing();
    world.advance_s(299);
    ada.ask(channel_bind(0x4000, CYD)).expect(error(400));
    ada.ask(channel_bind(0x4001, BOB)).expect(error(400));
    world.advance_s(1);
    ada.ask(channel_bind(0x4000, CYD)).expect(success());
    ada.ask(channel_bind(0x4001, BOB)).expect(success());
}

#[test]
fn the_same_pair_is_bound_again_at_any_time() {
    // 12.2: "(same transport address is OK)"
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer(BOB));
    ada.ask(kopru_sim::allocate().with(kopru_stun::attribute::Lifetime { seconds: 3600 }));
    ada.bind(0x4000, &bob);
    world.advance_s(700);
    ada.bind(0x4000, &bob);
    ada.send_on(0x4000, b"x");
    bob.expect(ada.relayed(), b"x");
}
