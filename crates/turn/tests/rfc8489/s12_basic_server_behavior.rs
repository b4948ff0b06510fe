//! RFC 8489 §12: Basic Server Behavior

use kopru_sim::{World, allocate, binding, success};
use kopru_stun::attribute::AttributeType;

#[test]
fn binding_tells_the_source_address_and_nothing_else() {
    // 6.3.1.1: "this attribute contains the source transport address of the request message"
    let world = World::start();
    for address in ["7.7.7.7:1000", "[2a00::7]:65535"] {
        let ada = world.client(address);
        let reply = ada.ask(binding()).expect(success());
        assert_eq!(reply.mapped(), ada.address());
        assert_eq!(reply.attributes(), [AttributeType::XOR_MAPPED_ADDRESS]);
    }
}

#[test]
fn fingerprint_is_answered_with_fingerprint() {
    // 12: "It MAY utilize the FINGERPRINT mechanism but MUST NOT require it."
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let types = [AttributeType::XOR_MAPPED_ADDRESS, AttributeType::FINGERPRINT];
    assert_eq!(ada.ask(binding().with_fingerprint()).expect(success()).attributes(), types);
}

#[test]
fn binding_asks_for_no_credentials_even_where_there_is_an_allocation() {
    // 12: "It SHOULD NOT utilize the short-term or long-term credential mechanism."
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate()).expect(success());
    ada.ask(binding()).expect(success());
}
