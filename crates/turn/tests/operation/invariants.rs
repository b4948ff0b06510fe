//! Long random lives. What must hold after every step is checked by the world itself: events,
//! counters, timers and ports agree, none is leaked, every success is proven.

use std::time::Duration;

use kopru_sim::{
    Peer, Random, TurnClient, World, allocate, channel_bind, create_permission, refresh, settings,
};
use kopru_turn::{Limits, Settings};

#[test]
fn whatever_clients_do_the_tables_agree() {
    for seed in 0..20 {
        let limits = Limits { allocations: 3, permissions: 4, channels: 3, ..Limits::default() };
        let max_session = Duration::from_secs(5000);
        let world = World::with_workers(Settings { limits, max_session, ..settings() }, 2);
        world.limit_ports(5);
        let clients: Vec<_> = (0..8_u16)
            .map(|number| {
                let client = world.client(&format!("7.7.7.7:{}", 1000 + number));
                if number % 2 == 0 { client } else { client.as_user("bob", "ross") }
            })
            .collect();
        let peers: Vec<_> =
            (0..6).map(|n| world.peer(&format!("8.8.8.{n}:{}", n / 2 + 1))).collect();
        let mut steps = Random::new(seed);
        for _ in 0..500 {
            step(&world, &mut steps, &clients, &peers);
        }
        world.advance_s(3600);
        assert_eq!((world.open_ports(), world.next_timeout()), (0, None), "seed {seed}");
    }
}

fn step(world: &World, steps: &mut Random, clients: &[TurnClient], peers: &[Peer]) {
    let (client, peer) = (steps.one_of(clients), steps.one_of(peers));
    let channel = 0x4000 + steps.below(4) as u16;
    let lifetime = *steps.one_of(&[0, 0, 1, 600, 700, 3600]);
    match steps.below(10) {
        0 => world.advance_s(steps.below(400)),
        1 => world.advance_without_timers(Duration::from_millis(steps.below(300_000))),
        2 | 3 => drop(client.ask(allocate())),
        4 => drop(client.ask(refresh(lifetime))),
        5 => {
            let another = steps.one_of(peers).text();
            drop(client.ask(create_permission(&[&peer.text(), &another])));
        }
        6 => drop(client.ask(channel_bind(channel, &peer.text()))),
        7 => client.send_to(peer, b"an indication"),
        8 => client.send_on(channel, b"on a channel"),
        _ => {
            let relayed = std::net::SocketAddr::new(kopru_sim::RELAY_V4, 50_000 + channel % 50);
            peer.send(relayed, b"from a peer");
        }
    }
    clients.iter().for_each(TurnClient::forget_arrived);
}
