//! RFC 8489 §14.6: MESSAGE-INTEGRITY-SHA256

use kopru_sim::{Dialect, World, allocate, error, refresh, request, success};
use kopru_stun::Method;
use kopru_stun::attribute::{Lifetime, PasswordAlgorithm};
use kopru_turn::{DropReason, RequestMethod};

#[test]
fn what_follows_integrity_is_ignored() {
    // 14.6: "agents MUST ignore all other attributes that follow" but FINGERPRINT
    let world = World::start();
    let ada = world.client("7.7.7.7:1000").speaking(Dialect::Rfc8489);
    ada.ask(allocate()).expect(success());
    let plain = request(Method::REFRESH).with_unprotected(Lifetime { seconds: 0 });
    let reply = ada.ask(plain.with_fingerprint()).expect(success());
    assert_eq!((reply.lifetime_s(), world.open_ports()), (600, 1));
}

#[test]
fn every_protected_byte_is_protected() {
    // 14.6: the HMAC covers the message up to the attribute
    let world = World::start();
    let ada = world.client("7.7.7.7:1000").speaking(Dialect::Rfc8489);
    ada.ask(allocate()).expect(success());
    let whole = ada.write(&refresh(600));
    for place in 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x01;
        ada.send_bytes(&bytes);
    }
    assert_eq!(world.replied(RequestMethod::Refresh, 0), 0);
}

#[test]
fn a_part_of_it_proves_nothing() {
    // 14.6: "The value must be the full 32 bytes unless the STUN Usage explicitly specifies that
    // truncation is allowed": RFC 8656 does not
    let world = World::start();
    let algorithm = Some(PasswordAlgorithm::Sha256);
    let ada = world.client("7.7.7.7:1000").speaking(Dialect::Mixed { algorithm, sha256: true });
    ada.ask(allocate()).expect(success());
    let whole = ada.write(&refresh(0));
    for (kept, answered) in [(28, true), (16, true), (12, false)] {
        let mut bytes = whole[..whole.len() - 32 + kept].to_vec();
        let value_at = bytes.len() - kept;
        bytes[value_at - 1] = kept as u8;
        let length = (bytes.len() - 20) as u16;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let malformed = world.dropped(DropReason::Malformed);
        if answered {
            ada.ask_bytes(&bytes).expect(error(401));
        } else {
            ada.send_bytes(&bytes);
            ada.expect_nothing();
        }
        assert_eq!(world.dropped(DropReason::Malformed), malformed + u64::from(!answered));
    }
    assert_eq!(world.open_ports(), 1);
}
