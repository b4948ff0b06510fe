//! Bytes that broke a parser, secrets that could be guessed, and features that let strangers in.

use std::collections::HashSet;

use kopru_sim::{
    QUOTA, Raw, SECRET, World, allocate, binding, channel_bind, create_permission, error, refresh,
    success,
};
use kopru_stun::attribute::{AttributeType, PasswordAlgorithm};
use kopru_stun::credentials::{LongTermKey, Secret};
use kopru_stun::{Integrity, Message};
use kopru_turn::DropReason;

#[test]
fn cve_2025_69217_and_pion_1f1673d_nothing_random_can_be_guessed() {
    // The ids of indications: none twice, none of another worker, each bit as often set as not.
    let world = World::with_workers(kopru_sim::settings(), 2);
    let bob = world.peer("8.8.8.8:2000");
    let mut seen = HashSet::new();
    let mut ones = [0_u32; 96];
    for client in [world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001")] {
        let relayed = client.allocate();
        client.permit(&bob);
        for _ in 0..500 {
            bob.send(relayed, b"x");
            let bytes = client.arrived().unwrap();
            let id = Message::parse(&bytes).unwrap().transaction_id().0;
            assert!(seen.insert(id), "{id:?} twice");
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += u32::from(id[bit / 8] >> (bit % 8) & 1);
            }
        }
    }
    assert!(ones.iter().all(|ones| (400..600).contains(ones)), "{ones:?}");
    // Nonces: of another client's nonce nothing can be derived. Behind cookie and time all differs.
    let nonces: HashSet<_> = (0..500_u16)
        .map(|port| {
            let client = world.client(&format!("7.7.7.7:{}", 2000 + port));
            client.ask(allocate().without_credentials()).expect(error(401));
            client.nonce()[19..].to_owned()
        })
        .collect();
    assert_eq!(nonces.len(), 500);
}

#[test]
fn cve_2026_40613_a_message_may_lie_at_any_address() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let whole = ada.write(&create_permission(&["8.8.8.8", "8.8.4.4:7"]).with_fingerprint());
    let mut buffer = vec![0; whole.len() + 16];
    for offset in 0..16 {
        buffer[offset..][..whole.len()].copy_from_slice(&whole);
        let message = Message::parse(&buffer[offset..][..whole.len()]).unwrap();
        assert_eq!(message.verify_fingerprint(), Some(true), "{offset}");
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, "ada", "example.org", "lovelace");
        assert_eq!(message.verify_integrity(&key), Integrity::Valid, "{offset}");
    }
}

#[test]
fn cve_2026_43994_an_access_token_is_not_opened() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for len in [0, 1, 2, 0xff, 1000, 60_000] {
        let token = || Raw::<0x001b>(vec![0xff; len]);
        ada.ask(allocate().with(token()).without_credentials()).expect(error(401));
        let reply = ada.ask(allocate().with(token())).expect(error(420));
        assert_eq!(reply.unknown(), [0x001b]);
    }
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn coturn_1869_an_integrity_that_is_almost_right_is_wrong() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().without_credentials()).expect(error(401));
    let whole = ada.write(&allocate());
    let end = whole.len();
    for place in end - 20..end {
        for bit in [0, 7] {
            let mut almost = whole.clone();
            almost[place] ^= 1 << bit;
            ada.ask_bytes(&almost).expect(error(401));
        }
    }
    assert_eq!(world.open_ports(), 0);
}

#[test]
fn coturn_1871_an_origin_decides_nothing() {
    // Whoever names one, with proof or without, is who it was before.
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    let origin = |text: &str| Raw::<0x802f>(text.as_bytes().to_vec());
    let elsewhere = origin("https://elsewhere.example");
    ada.ask(allocate().with(elsewhere).without_credentials()).expect(error(401));
    ada.ask(allocate().with(origin("https://example.org"))).expect(success());
    ada.ask(refresh(600).with(origin("%s%n"))).expect(success());
    assert_eq!(world.open_ports(), 1);
}

#[test]
fn coturn_1969_a_mobility_ticket_moves_nobody_s_allocation() {
    let world = World::start();
    let (ada, eve) = (world.client("7.7.7.7:1000"), world.client("6.6.6.6:1000"));
    let reply = ada.ask(allocate().with(Raw::<0x8030>(vec![]))).expect(success());
    assert!(!reply.attributes().contains(&AttributeType(0x8030)), "no ticket is given");
    for ticket in [vec![], vec![0; 32]] {
        eve.ask(refresh(600).with(Raw::<0x8030>(ticket))).expect(error(437));
    }
    assert_eq!(world.open_ports(), 1);
}

#[test]
fn ghsa_5x2p_4vqj_f6m4_dtls_and_anything_else_is_dropped_at_its_first_byte() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for first_byte in (4..0x40).chain(0x50..=0xff) {
        let mut hello = vec![0xfe; 200];
        hello[0] = first_byte;
        ada.send_bytes(&hello);
        ada.expect_nothing();
    }
    assert_eq!(world.dropped(DropReason::NotStun), 0xff - 3 - 16);
    assert_eq!((world.open_ports(), world.next_timeout()), (0, None));
}

#[test]
fn eturnal_stun_1_2_8_nonces_expire() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.ask(allocate().without_credentials()).expect(error(401));
    let old = ada.nonce();
    world.advance_s(1799);
    ada.ask(allocate().nonce(&old)).expect(success());
    world.advance_s(1);
    ada.ask(refresh(600).nonce(&old)).expect(error(438));
}

#[test]
fn pion_f15249d_the_longest_datagrams_are_within_bounds() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    for len in [65_440, 65_471, 65_472, 65_500, 65_503, 65_504, 65_507] {
        bob.send(relayed, &vec![1; len]);
    }
    ada.forget_arrived();
    ada.bind(0x4000, &bob);
    for len in [65_503, 65_504, 65_507] {
        bob.send(relayed, &vec![1; len]);
    }
    ada.forget_arrived();
    for first_byte in [0, 1, 0x40] {
        ada.send_bytes(&vec![first_byte; 65_507]);
    }
    assert!(world.dropped(DropReason::TooLarge) >= 2);
    ada.ask(refresh(600)).expect(success());
}

#[test]
fn pion_556_fingerprint_is_the_last_attribute_and_covers_the_others() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for asked in [binding(), allocate().without_credentials(), allocate(), refresh(0)] {
        let reply = ada.ask(asked.with_fingerprint());
        assert_eq!(reply.attributes().last(), Some(&AttributeType::FINGERPRINT));
        assert_eq!(reply.message().verify_fingerprint(), Some(true));
    }
}

#[test]
fn pion_568_the_name_begins_at_the_first_colon() {
    let world = World::start();
    let secret = Secret::new(SECRET);
    for (port, username) in ["1900000000:a:b", "1900000001:a:b", "1900000002:a:b"]
        .into_iter()
        .cycle()
        .take(QUOTA)
        .enumerate()
    {
        let client = world.client(&format!("7.7.7.7:{}", 1000 + port));
        client.as_user(username, &secret.password(username)).allocate();
    }
    let (same, other) = ("1900000003:a:b", "1900000003:a");
    let client = |username: &str| {
        let client = world.client("7.7.7.7:2000");
        client.as_user(username, &secret.password(username))
    };
    client(same).ask(allocate()).expect(error(486));
    client(other).ask(allocate()).expect(success());
}

#[test]
fn pion_570_and_7a0272f_no_connect_goes_around_the_policy() {
    // RFC 6062: Connect and ConnectionBind are not served, whoever asks.
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let peer = kopru_stun::attribute::XorPeerAddress("127.0.0.1:22".parse().unwrap());
    for method in [0x0a, 0x0b] {
        let mut bytes = ada.write(&binding().with(peer));
        bytes[1] = method;
        ada.send_bytes(&bytes);
        ada.expect_nothing();
    }
    assert_eq!(world.dropped(DropReason::UnknownMethod), 2);
}

#[test]
fn firezone_10291_a_channel_that_is_bound_again_after_it_expired_relays() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.ask(allocate().with(kopru_stun::attribute::Lifetime { seconds: 3600 }));
    for _ in 0..3 {
        ada.ask(channel_bind(0x4000, &bob.text())).expect(success());
        ada.send_on(0x4000, b"over");
        bob.expect(ada.relayed(), b"over");
        bob.send(ada.relayed(), b"and back");
        ada.expect_channel_data(0x4000, b"and back");
        world.advance_s(601);
        ada.send_on(0x4000, b"expired");
        bob.expect_nothing();
    }
}
