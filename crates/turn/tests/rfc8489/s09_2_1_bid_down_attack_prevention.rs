//! RFC 8489 §9.2.1: Bid-Down Attack Prevention

use kopru_sim::{Dialect, Raw, World, allocate, error, refresh, request, settings, success};
use kopru_stun::Method;
use kopru_stun::attribute::{Nonce, PasswordAlgorithm, PasswordAlgorithms};
use kopru_turn::Settings;

#[test]
fn the_nonce_says_what_is_offered_beside_it() {
    // 9.2: "with bit 0 as the most significant bit"; 18.1: "Bit 0: Password algorithms, Bit 1:
    // Username anonymity"
    let listed_alone = Settings { secrets: [].into(), ..settings() };
    let secrets_alone = Settings { users: Default::default(), ..settings() };
    for (settings, cookie) in [
        (settings(), "obMatJos2gAAA"),
        (secrets_alone, "obMatJos2gAAA"),
        (listed_alone, "obMatJos2wAAA"),
    ] {
        let ada = World::with(settings).client("7.7.7.7:1000");
        let reply = ada.ask(allocate().without_credentials()).expect(error(401));
        assert!(reply.get::<Nonce<'_>>().0.starts_with(cookie), "{}", ada.nonce());
        assert_eq!(reply.get::<PasswordAlgorithms<'_>>(), PasswordAlgorithms::SHA256_OR_MD5);
    }
}

#[test]
fn a_stale_nonce_is_replaced_together_with_the_offer() {
    // 9.2.4: "This response MUST include NONCE, REALM, and PASSWORD-ALGORITHMS attributes"
    let world = World::start();
    for (port, dialect) in [(1000, Dialect::Rfc5389), (1001, Dialect::Rfc8489)] {
        let ada = world.client(&format!("7.7.7.7:{port}")).speaking(dialect);
        ada.ask(allocate()).expect(success());
        ada.ask(refresh(3600)).expect(success());
        let old = ada.nonce();
        world.advance_s(1800);
        let reply = ada.ask(refresh(600).nonce(&old)).expect(error(438));
        assert_eq!(reply.get::<PasswordAlgorithms<'_>>(), PasswordAlgorithms::SHA256_OR_MD5);
        assert!(reply.get::<Nonce<'_>>().0.starts_with("obMatJos2gAAA"));
        ada.ask(refresh(600)).expect(success());
    }
}

#[test]
fn a_challenge_without_room_for_the_offer_is_good_for_nothing_but_the_next_one() {
    // 9.2.4: "The server MAY support alternate password algorithms"; RFC 8656 §21.1: nobody is
    // sent more than four times what he sent
    let ada = World::start().client("7.7.7.7:1000").speaking(Dialect::Rfc8489);
    let empty = request(Method::ALLOCATE).without_credentials();
    let reply = ada.ask(empty).expect(error(401));
    assert!(reply.get::<Nonce<'_>>().0.starts_with("obMatJos2AAAA"));
    assert_eq!(reply.message().get::<PasswordAlgorithms<'_>>(), Ok(None));
    let reply = ada.ask(allocate().nonce(&ada.nonce())).expect(error(438));
    assert_eq!(reply.get::<PasswordAlgorithms<'_>>(), PasswordAlgorithms::SHA256_OR_MD5);
    ada.ask(allocate()).expect(success());
}

#[test]
fn a_list_that_an_attacker_shortened_is_a_bad_request() {
    // 9.2.4: "unless … PASSWORD-ALGORITHMS matches the value sent in the response that sent this
    // NONCE": the attacker left MD5 alone in the 401, and the client echoes what it saw
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().without_credentials()).expect(error(401));
    let shortened = Raw::<0x8002>(PasswordAlgorithms::MD5.0.to_vec());
    let downgraded = allocate().with(shortened).with(PasswordAlgorithm::Md5);
    ada.ask(downgraded).expect(error(400));
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn a_bit_that_an_attacker_cleared_makes_the_nonce_worthless() {
    // 9.2.1: "the nonce is enhanced with additional information"
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().without_credentials()).expect(error(401));
    for cookie in ["obMatJos2AAAA", "obMatJos2QAAA", "obMatJos2wAAA", "obMatJos2gAAB"] {
        let cleared = ada.nonce().replace("obMatJos2gAAA", cookie);
        ada.ask(allocate().nonce(&cleared)).expect(error(438));
    }
    assert_eq!(world.open_ports(), 0);
}
