//! Bytes that no client and no peer would send: each is answered or dropped, and nothing else.

use kopru_sim::{
    Random, Raw, World, allocate, binding, channel_bind, create_permission, refresh, request,
};
use kopru_stun::Method;
use kopru_stun::attribute::XorPeerAddress;

#[test]
fn messages_with_any_byte_changed_and_of_any_length() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.allocate();
    ada.bind(0x4000, &bob);
    let send = request(Method::SEND).as_indication().with(XorPeerAddress(bob.address()));
    let whole = [
        binding().with_fingerprint(),
        allocate(),
        refresh(600),
        create_permission(&["8.8.8.8", "8.8.4.4"]),
        channel_bind(0x4001, "8.8.4.4:1"),
        send.with(Raw::<0x0013>(b"a payload".to_vec())),
    ];
    let mut whole: Vec<_> = whole.iter().map(|message| ada.write(message)).collect();
    whole.push(b"\x40\x00\x00\x09a payload".to_vec());
    let mut steps = Random::new(1);
    for bytes in &whole {
        for place in 0..bytes.len() {
            ada.send_bytes(&bytes[..place]);
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                ada.send_bytes(&changed);
            }
            let mut noise = bytes.clone();
            noise[place..].fill_with(|| steps.below(256) as u8);
            ada.send_bytes(&noise);
        }
    }
    let sent: u64 = whole.iter().map(|bytes| 10 * bytes.len() as u64).sum();
    let counters = world.counters();
    let replied: u64 = counters.replies().map(|(_, _, count)| count).sum();
    let dropped: u64 = counters.drops().map(|(_, count)| count).sum();
    // Three before the changed ones: a challenge, Allocate and ChannelBind.
    assert_eq!(sent + 3, replied + dropped + counters.to_peers.packets, "each has one outcome");
    assert_eq!(world.open_ports(), 1);
}

#[test]
fn a_peer_may_send_anything() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    let relayed = ada.allocate();
    ada.permit(&bob);
    for message in [ada.write(&allocate()), ada.write(&refresh(0)), b"\x40\x00\xff\xff".to_vec()] {
        bob.send(relayed, &message);
        ada.expect_data(bob.address(), &message);
    }
    assert_eq!(world.open_ports(), 1);
}
