//! Long random lives of TCP allocations (RFC 6062). The world holds after every step that what the
//! server counts is what is open, and that nothing outlives its allocation.

use std::net::SocketAddr;
use std::time::Duration;

use kopru_sim::{
    Peer, RELAY_V4, Random, TurnClient, Wire, World, allocate, allocate_tcp, connect,
    connection_bind, create_permission, refresh, settings,
};
use kopru_stun::attribute::ConnectionId;
use kopru_turn::five_tuple::Transport;
use kopru_turn::{Limits, Settings};

#[test]
fn whatever_clients_and_peers_do_no_connection_is_lost() {
    let (mut bound, mut refused) = (0, 0);
    for seed in 0..10 {
        let limits = Limits {
            allocations: 3,
            peer_connections: 6,
            peer_connections_per_allocation: 4,
            unbound_connections_per_allocation: 3,
            ..Limits::default()
        };
        let world = World::with(Settings { limits, tcp_relay: true, ..settings() });
        let clients: Vec<_> = (0..8_u16)
            .map(|number| {
                let address = format!("7.7.7.7:{}", 1000 + number);
                let client = world.client(&address).over(Transport::Tcp);
                if number % 3 == 0 { client.as_user("bob", "ross") } else { client }
            })
            .collect();
        let peers: Vec<_> = (0..4).map(|n| world.peer(&format!("8.8.8.{}:80", n / 2))).collect();
        let mut steps = Random::new(seed);
        for _ in 0..1000 {
            step(&world, &mut steps, &clients, &peers);
            let is_bound = |wire| matches!(wire, Some(Wire::Spliced(_)));
            let all = PORTS.flat_map(|port| peers.iter().map(move |peer| (relayed(port), peer)));
            bound += all.filter(|(at, peer)| is_bound(world.wire(*at, peer.address()))).count();
        }
        refused += world.counters().peer_connection_ends().map(|end| end.1).sum::<u64>();
        world.advance_s(3600);
        let left = (world.open_ports(), world.wires(), world.next_timeout());
        assert_eq!(left, (0, 0, None), "seed {seed}");
    }
    assert!(bound > 100 && refused > 100, "{bound} {refused}: it is no walk past everything");
}

fn step(world: &World, steps: &mut Random, clients: &[TurnClient], peers: &[Peer]) {
    let (client, peer) = (steps.one_of(clients), steps.one_of(peers));
    let at = relayed(PORTS.start + steps.below(3) as u16);
    match steps.below(14) {
        0 => world.advance_s(steps.below(40)),
        1 => world.advance_without_timers(Duration::from_millis(steps.below(60_000))),
        2 => drop(client.ask(allocate_tcp())),
        3 => drop(client.ask(allocate())),
        4 => drop(client.ask(refresh(*steps.one_of(&[0, 600, 600, 3600])))),
        5 => drop(client.ask(create_permission(&[&peer.text()]))),
        6 | 7 => client.send(&connect(&peer.text())),
        8 | 9 if world.wire(at, peer.address()) == Some(Wire::Connecting) => {
            if steps.below(4) == 0 { peer.refuse_connection(at) } else { peer.answer(at) }
        }
        10 => peer.connect(at),
        11 | 12 => {
            let id = world.wire_id(at, peer.address()).unwrap_or(ConnectionId(7));
            drop(client.ask(connection_bind(id)));
        }
        13 if world.wire(at, peer.address()).is_some() => match steps.below(3) {
            0 => peer.hang_up(at),
            1 => world.disconnect(&client.five_tuple()),
            _ => {}
        },
        _ => {}
    }
    clients.iter().for_each(TurnClient::forget_arrived);
}

fn relayed(port: u16) -> SocketAddr {
    SocketAddr::new(RELAY_V4, port)
}

/// As many as there are allocations.
const PORTS: std::ops::Range<u16> = 50_000..50_003;
