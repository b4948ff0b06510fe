//! RFC 5780 §10: Security Considerations

use kopru_sim::{Raw, World, allocate, binding, error, settings, success};
use kopru_stun::attribute::{AttributeType, ResponsePort};
use kopru_turn::{DropReason, Limits, PerSecond, ReplyLimit, Settings};

use crate::discovery::{V4, at, world};

/// The number of replies that a network gets without having proven anything.
const REPLIES: usize = 3;

/// A world in which that is all.
fn frugal() -> World {
    let replies = ReplyLimit { packets: PerSecond(REPLIES as u64), bytes: PerSecond(0) };
    let limits = Limits { replies, ..Limits::default() };
    World::with(Settings { nat_discovery: [at(V4)].into(), limits, ..settings() })
}

#[test]
fn four_addresses_are_all_that_is_added_to_a_request() {
    let world = world();
    for (client, expect) in [("7.7.7.7:1000", 20 + 4 * 12), ("[2a00::7]:1000", 20 + 4 * 24)] {
        assert_eq!(world.client(client).ask(binding()).bytes().len(), expect);
    }
}

#[test]
fn responses_to_another_port_have_the_budget_of_all_others() {
    // A borrowed source address gets no more of them than of any.
    let world = frugal();
    let (spoofed, victim) = (world.stranger("7.7.7.7:1000"), world.client("7.7.7.7:53"));
    (0..100).for_each(|_| spoofed.send(&binding().with(ResponsePort(53))));
    let arrived = std::iter::from_fn(|| victim.arrived()).count();
    assert_eq!((arrived, world.dropped(DropReason::ReplyBudget)), (REPLIES, 97));
}

#[test]
fn a_nonce_proves_the_port_that_it_was_sent_to() {
    let world = frugal();
    let (x, y) = (world.client("7.7.7.7:1000"), world.client("7.7.7.7:1001"));
    x.ask(allocate().without_credentials()).expect(error(401));
    let nonce = x.nonce();
    let dropped_of_ten_towards = |port| {
        let echo = Raw::<{ AttributeType::NONCE.0 }>(nonce.clone().into_bytes());
        let request = binding().with(echo).with(ResponsePort(port));
        (0..10).for_each(|_| y.send(&request));
        world.dropped(DropReason::ReplyBudget)
    };
    assert_eq!(dropped_of_ten_towards(1000), 0, "who shows it was given it at port 1000");
    assert_eq!(dropped_of_ten_towards(1001), 8, "of the three, the 401 has had one");
    x.expect_message().expect(success());
}
