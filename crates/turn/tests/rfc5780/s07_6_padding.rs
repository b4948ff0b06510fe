//! RFC 5780 §7.6: PADDING

use kopru_sim::{binding, success};
use kopru_stun::attribute::{AttributeType, ChangeRequest, Padding};

use crate::discovery::{P2, V4, address, world};

#[test]
fn padding_is_answered_with_padding_that_is_no_longer() {
    // 6.1: "If the Request contained a PADDING attribute, PADDING MUST be included in the Binding
    // Response", "rounded up to an even multiple of four bytes"
    let ada = world().client("7.7.7.7:1000");
    for (asked, expect) in [(0, 0), (3, 0), (4, 4), (1499, 1496), (1500, 1500), (9000, 9000)] {
        let reply = ada.ask(binding().with(Padding { len: asked })).expect(success());
        assert_eq!(reply.get::<Padding>().len, expect, "{asked}");
        assert_eq!(reply.bytes().len(), 20 + 4 * 12 + 4 + expect);
    }
    assert!(!ada.ask(binding()).attributes().contains(&AttributeType::PADDING));
}

#[test]
fn the_longest_response_is_a_datagram() {
    // "PADDING MUST NOT be longer than the length that brings the total IP datagram size to 64K."
    for client in ["7.7.7.7:1000", "[2a00::7]:1000"] {
        let ada = world().client(client);
        let reply = ada.ask(binding().with_fingerprint().with(Padding { len: 65_476 }));
        let len = reply.expect(success()).bytes().len();
        assert!((65_400..=65_507).contains(&len), "{len}");
    }
}

#[test]
fn what_is_in_it_is_zeroes_and_nobody_s_bytes() {
    let ada = world().client("7.7.7.7:1000");
    let reply = ada.ask(binding().with(kopru_sim::Raw::<0x0026>(b"secret".repeat(100))));
    let padding = reply.message().value_range(AttributeType::PADDING).unwrap();
    assert_eq!(reply.bytes()[padding], [0; 600]);
}

#[test]
fn it_goes_with_change_request() {
    let ada = world().client("7.7.7.7:1000");
    ada.send(&binding().with(Padding { len: 1500 }).with(ChangeRequest { ip: true, port: true }));
    let reply = ada.expect_message_from(address(V4[1], P2)).expect(success());
    assert_eq!(reply.get::<Padding>().len, 1500);
}
