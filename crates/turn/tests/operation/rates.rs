//! How much a second: each rate reached and just below, in both directions, on every way.

use std::time::Duration;

use kopru_sim::{
    TurnClient, World, binding, channel_bind, create_permission, error, settings, success,
};
use kopru_turn::{DropReason, Limits, PerSecond, RelayRate, ReplyLimit, Settings};

fn limited(limits: Limits) -> World {
    World::with(Settings { limits, ..settings() })
}

const THREE_PACKETS: RelayRate = RelayRate { bits: PerSecond(0), packets: PerSecond(3) };
/// 300 bytes a second.
const BITS: RelayRate = RelayRate { bits: PerSecond(2400), packets: PerSecond(0) };

/// How many of ten datagrams with 100 bytes arrive, each way: sent on a channel, by indication, and
/// by the peer to each of the two.
fn arrive(world: &World, ada: &TurnClient) -> [usize; 4] {
    let relayed = ada.relayed();
    let on_channel = world.peer("8.8.8.8:1");
    let by_indication = world.peer("8.8.4.4:1");
    let arrived = [
        count(|| ada.send_on(0x4000, &[1; 100]), || on_channel.take_any()),
        count(|| ada.send_to(&by_indication, &[1; 100]), || by_indication.take_any()),
        count(|| on_channel.send(relayed, &[1; 100]), || ada.arrived().is_some()),
        count(|| by_indication.send(relayed, &[1; 100]), || ada.arrived().is_some()),
    ];
    ada.expect_nothing();
    arrived
}

fn count(send: impl Fn(), arrived: impl Fn() -> bool) -> usize {
    (0..10).for_each(|_| send());
    (0..10).filter(|_| arrived()).count()
}

fn ready(world: &World, address: &str) -> TurnClient {
    let ada = world.client(address);
    ada.allocate();
    ada.bind(0x4000, &world.peer("8.8.8.8:1"));
    ada.permit(&world.peer("8.8.4.4:1"));
    ada
}

#[test]
fn an_allocation_relays_so_much_a_second_each_way() {
    for rate in [THREE_PACKETS, BITS] {
        let world = limited(Limits { allocation_rate: rate, ..Limits::default() });
        let ada = ready(&world, "7.7.7.7:1000");
        assert_eq!(arrive(&world, &ada), [3, 0, 3, 0], "each direction has its own");
        assert_eq!(world.dropped(DropReason::AllocationRate), 34);
        world.advance_s(1);
        assert_eq!(arrive(&world, &ada), [3, 0, 3, 0]);
        world.advance(Duration::from_millis(400));
        assert_eq!(arrive(&world, &ada), [2, 0, 2, 0], "what has begun to be free counts");
        let bea = ready(&world, "7.7.7.7:1002");
        assert_eq!(arrive(&world, &bea), [3, 0, 3, 0], "another allocation has its own");
        let ended = world.counters();
        assert_eq!((ended.to_peers.packets, ended.to_clients.packets), (11, 11));
    }
}

#[test]
fn what_stays_below_the_rate_is_never_dropped() {
    let rate = RelayRate { bits: PerSecond(8000), packets: PerSecond(10) };
    let world = limited(Limits { allocation_rate: rate, ..Limits::default() });
    let (ada, bob) = (ready(&world, "7.7.7.7:1000"), world.peer("8.8.8.8:1"));
    for _ in 0..100 {
        ada.send_on(0x4000, &[1; 100]);
        bob.expect(ada.relayed(), &[1; 100]);
        bob.send(ada.relayed(), &[2; 100]);
        ada.expect_channel_data(0x4000, &[2; 100]);
        world.advance(Duration::from_millis(100));
    }
    assert_eq!(world.dropped(DropReason::AllocationRate), 0);
}

#[test]
fn a_user_relays_so_much_with_all_allocations_on_all_workers() {
    for rate in [THREE_PACKETS, BITS] {
        let world = World::with_workers(settings(), 2);
        world.limit_user("ada", rate);
        let (one, two) = (ready(&world, "7.7.7.7:1000"), ready(&world, "7.7.7.7:1001"));
        assert_eq!(arrive(&world, &one), [3, 0, 3, 0]);
        assert_eq!(arrive(&world, &two), [0; 4]);
        assert_eq!(world.dropped(DropReason::UserRate), 34 + 40);
        world.advance_s(1);
        assert_eq!(arrive(&world, &two), [3, 0, 3, 0]);
        let bob = world.client("7.7.7.7:1003").as_user("bob", "ross");
        bob.allocate();
        bob.bind(0x4000, &world.peer("8.8.8.8:1"));
        bob.permit(&world.peer("8.8.4.4:1"));
        assert_eq!(arrive(&world, &bob), [10; 4], "another user has another rate, or none");
    }
}

#[test]
fn new_peers_of_an_allocation() {
    let world = limited(Limits { new_peers: PerSecond(2), ..Limits::default() });
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(create_permission(&["8.8.8.1"])).expect(success());
    ada.ask(channel_bind(0x4000, "8.8.8.2:1")).expect(success());
    ada.ask(create_permission(&["8.8.8.3"])).expect(error(508));
    ada.ask(channel_bind(0x4001, "8.8.8.3:1")).expect(error(508));
    ada.ask(create_permission(&["8.8.8.1", "8.8.8.2"])).expect(success());
    ada.ask(channel_bind(0x4001, "8.8.8.1:1")).expect(success());
    world.advance(Duration::from_millis(500));
    ada.ask(create_permission(&["8.8.8.3"])).expect(success());
    ada.ask(create_permission(&["8.8.8.4"])).expect(error(508));
    world.advance_s(300);
    ada.ask(create_permission(&["8.8.8.1"])).expect(success());
    ada.ask(create_permission(&["8.8.8.2"])).expect(success());
    ada.ask(create_permission(&["8.8.8.4"])).expect(error(508));
}

#[test]
fn a_request_with_many_new_peers_is_paid_for_by_the_next() {
    let world = limited(Limits { new_peers: PerSecond(2), ..Limits::default() });
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let four = create_permission(&["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4"]);
    ada.ask(four).expect(success());
    world.advance_s(1);
    ada.ask(create_permission(&["8.8.8.5"])).expect(error(508));
    world.advance(Duration::from_millis(1));
    ada.ask(create_permission(&["8.8.8.5"])).expect(success());
}

#[test]
fn replies_to_the_unproven_of_one_network() {
    let replies = ReplyLimit { packets: PerSecond(5), bytes: PerSecond(0) };
    let world = limited(Limits { replies, ..Limits::default() });
    let (ada, eve) = (world.client("7.7.7.7:1000"), world.client("7.7.7.8:1000"));
    ada.allocate();
    for _ in 0..4 {
        eve.ask(binding()).expect(success());
    }
    eve.send(&binding());
    eve.expect_nothing();
    assert_eq!(world.dropped(DropReason::ReplyBudget), 1);
    world.client("7.7.6.7:1000").ask(binding()).expect(success());
    ada.permit(&world.peer("8.8.8.8:1"));
    world.advance_s(1);
    eve.ask(binding()).expect(success());
    let local = world.client("127.0.0.1:1000");
    (0..10).for_each(|_| _ = local.ask(binding()).expect(success()));
}
