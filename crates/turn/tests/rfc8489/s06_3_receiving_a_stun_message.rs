//! RFC 8489 §6.3: Receiving a STUN Message

use kopru_sim::{Raw, World, allocate, binding, error, refresh, request, success};
use kopru_stun::Method;
use kopru_turn::DropReason;

#[test]
fn what_is_no_message_is_silently_discarded() {
    // 6.3: "first two bits are 0, … the Magic Cookie field has the correct value, … the message
    // length is sensible"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let whole = ada.write(&binding());
    let changed = |place: usize, to: u8| {
        let mut bytes = whole.clone();
        bytes[place] = to;
        bytes
    };
    for (bytes, reason) in [
        (vec![], DropReason::NotStun),
        (changed(0, 0x80), DropReason::NotStun),
        (changed(0, 20), DropReason::NotStun),
        (changed(4, 0), DropReason::Malformed),
        (changed(3, 4), DropReason::Malformed),
        (whole[..19].to_vec(), DropReason::Malformed),
        ([&whole[..], &[0; 4]].concat(), DropReason::Malformed),
        ([&changed(3, 4)[..], &[0, 6, 0, 9]].concat(), DropReason::Malformed),
    ] {
        let before = world.dropped(reason);
        ada.send_bytes(&bytes);
        ada.expect_nothing();
        assert_eq!(world.dropped(reason), before + 1, "{bytes:02x?}");
    }
    ada.ask_bytes(&whole).expect(success());
}

#[test]
fn an_unknown_method_and_a_wrong_class_are_silently_discarded() {
    // 6.3: "the method value is a supported method … the message class is allowed for the method"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for (message, reason) in [
        (request(Method::SEND).without_credentials(), DropReason::UnknownMethod),
        (request(Method::DATA).without_credentials(), DropReason::UnknownMethod),
        (allocate().as_indication(), DropReason::UnexpectedClass),
        (request(Method::DATA).as_indication(), DropReason::UnexpectedClass),
        (binding().as_response(), DropReason::UnexpectedClass),
        (binding().as_indication(), DropReason::KeepAlive),
    ] {
        let before = world.dropped(reason);
        ada.send(&message);
        ada.expect_nothing();
        assert_eq!(world.dropped(reason), before + 1, "{reason:?}");
    }
}

#[test]
fn a_wrong_fingerprint_is_silently_discarded() {
    // 6.3: "the FINGERPRINT attribute is present and contains the correct value"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let mut bytes = ada.write(&binding().with_fingerprint());
    ada.ask_bytes(&bytes).expect(success());
    *bytes.last_mut().unwrap() ^= 1;
    ada.send_bytes(&bytes);
    ada.expect_nothing();
    assert_eq!(world.dropped(DropReason::BadFingerprint), 1);
}

#[test]
fn unknown_comprehension_required_attributes_are_listed_in_420() {
    // 6.3.1: "an error response with an error code of 420 … and an UNKNOWN-ATTRIBUTES attribute"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let unknown = |request| ada.ask(request).expect(error(420)).unknown();
    let change_request = Raw::<0x0003>(vec![0, 0, 0, 4]);
    assert_eq!(unknown(binding().with(change_request)), [0x0003]);
    let access_token = Raw::<0x001b>(vec![0; 4]);
    let asked = allocate().with(Raw::<0x7abc>(vec![0x80])).with(access_token);
    assert_eq!(unknown(asked), [0x7abc, 0x001b], "one that is none, ACCESS-TOKEN");
    assert_eq!(world.open_ports(), 0);
    ada.allocate();
    assert_eq!(unknown(refresh(0).with(Raw::<0x7fff>(vec![]))), [0x7fff]);
    assert_eq!(world.open_ports(), 1, "a request with unknown attributes does nothing");
}

#[test]
fn unknown_comprehension_optional_attributes_are_ignored() {
    // 6.3: "Unknown comprehension-optional attributes MUST be ignored by the agent."
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let software = || Raw::<0x8022>(b"a client".to_vec());
    ada.ask(binding().with(software())).expect(success());
    let origin = Raw::<0x802f>(b"https://example.org".to_vec());
    ada.ask(allocate().with(software()).with(origin)).expect(success());
}

#[test]
fn credentials_are_checked_before_attributes() {
    // 6.3: "Once the authentication checks are done, the STUN agent checks for unknown attributes"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let unknown = allocate().with(Raw::<0x7fff>(vec![]));
    ada.ask(unknown.without_credentials()).expect(error(401));
}
