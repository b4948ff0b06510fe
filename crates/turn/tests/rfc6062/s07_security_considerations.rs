//! RFC 6062 §7: Security Considerations; RFC 8656 §21.3.1. The limits of connections, reached and
//! just below.

use std::time::Duration;

use kopru_sim::{connect, connection_bind, error, refresh, success};
use kopru_turn::{Direction, Limits, PeerConnectionEnd, PerSecond, RelayRate};

use crate::{limited, over_tcp};

#[test]
fn connections_of_one_allocation() {
    let limits = Limits { peer_connections_per_allocation: 3, ..Limits::default() };
    let world = limited(limits);
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let relayed = ada.allocate_tcp();
    let peers = ["8.8.8.8:80", "8.8.8.8:81", "8.8.8.8:82"].map(|peer| world.peer(peer));
    for (port, peer) in (1001..).zip(&peers) {
        let id = ada.connect(peer);
        let data = over_tcp(&world, &format!("7.7.7.7:{port}"));
        data.ask(connection_bind(id)).expect(success());
    }
    ada.ask(connect("8.8.8.8:83")).expect(error(508));
    ada.permit(&peers[0]);
    world.peer("8.8.8.8:84").connect(relayed);
    ada.expect_nothing();
    assert_eq!(world.wires_ended(PeerConnectionEnd::Limit), 1);
    // Another allocation has its own.
    let bea = over_tcp(&world, "7.7.7.8:1000");
    bea.allocate_tcp();
    bea.connect(&peers[0]);
    peers[2].hang_up(relayed);
    ada.connect(&world.peer("8.8.8.8:83"));
}

#[test]
fn connections_that_wait() {
    let limits = Limits { unbound_connections_per_allocation: 2, ..Limits::default() };
    let world = limited(limits);
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let relayed = ada.allocate_tcp();
    let (bob, cyd) = (world.peer("8.8.8.8:2000"), world.peer("8.8.8.8:2001"));
    ada.permit(&bob);
    ada.send(&connect("8.8.8.8:80"));
    bob.connect(relayed);
    let id = ada.expect_attempt(&bob);
    ada.ask(connect("8.8.8.8:81")).expect(error(508));
    cyd.connect(relayed);
    assert_eq!(world.wires_ended(PeerConnectionEnd::Limit), 1);
    over_tcp(&world, "7.7.7.7:1001").ask(connection_bind(id)).expect(success());
    cyd.connect(relayed);
    ada.expect_attempt(&cyd);
}

#[test]
fn connections_of_a_server() {
    let world = limited(Limits { peer_connections: 2, ..Limits::default() });
    let (ada, bea) = (over_tcp(&world, "7.7.7.7:1000"), over_tcp(&world, "7.7.7.8:1000"));
    ada.allocate_tcp();
    bea.allocate_tcp();
    ada.connect(&world.peer("8.8.8.8:80"));
    bea.connect(&world.peer("8.8.8.8:80"));
    ada.ask(connect("8.8.8.8:81")).expect(error(508));
    bea.ask(refresh(0)).expect(success());
    ada.connect(&world.peer("8.8.8.8:81"));
}

#[test]
fn connect_requests_in_a_second() {
    // Connecting to look for open ports is no faster than permissions to look for hosts.
    let world = limited(Limits { new_peers: PerSecond(3), ..Limits::default() });
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let relayed = ada.allocate_tcp();
    for port in 80..83 {
        ada.send(&connect(&format!("8.8.8.8:{port}")));
        world.peer(&format!("8.8.8.8:{port}")).refuse_connection(relayed);
        ada.expect_message().expect(error(447));
    }
    ada.ask(connect("8.8.8.8:83")).expect(error(508));
    world.advance_s(1);
    ada.connect(&world.peer("8.8.8.8:83"));
}

#[test]
fn the_rate_of_an_allocation_is_kept_by_waiting() {
    let rate = RelayRate { bits: PerSecond(80_000), packets: PerSecond(0) };
    let world = limited(Limits { allocation_rate: rate, ..Limits::default() });
    let ada = over_tcp(&world, "7.7.7.7:1000");
    let (bob, cyd) = (world.peer("8.8.8.8:80"), world.peer("8.8.8.8:81"));
    let relayed = ada.allocate_tcp();
    for (port, peer) in [(1001, &bob), (1002, &cyd)] {
        let id = ada.connect(peer);
        let data = over_tcp(&world, &format!("7.7.7.7:{port}"));
        data.ask(connection_bind(id)).expect(success());
    }
    // 10 000 bytes a second: a piece of 20 000 passes, and what comes after it waits a second.
    let wait = |peer| world.piece_wait(relayed, peer, Direction::ToPeer);
    world.carry(relayed, &bob, Direction::ToPeer, 20_000);
    let waits = [&bob, &cyd].map(wait);
    assert!(waits[0] > Duration::from_millis(999) && waits[0] <= Duration::from_millis(1001));
    assert_eq!(waits[1], waits[0], "both are of one allocation");
    assert_eq!(world.piece_wait(relayed, &bob, Direction::ToClient), Duration::ZERO);
    world.advance(waits[0]);
    assert_eq!(wait(&cyd), Duration::ZERO);
}

#[test]
fn the_rate_of_a_user_is_kept_by_waiting() {
    let world = limited(Limits::default());
    world.limit_user("ada", RelayRate { bits: PerSecond(8_000), packets: PerSecond(0) });
    let (ada, too) = (over_tcp(&world, "7.7.7.7:1000"), over_tcp(&world, "7.7.7.7:2000"));
    let bob = world.peer("8.8.8.8:80");
    let (relayed, another) = (ada.allocate_tcp(), too.allocate_tcp());
    for (port, client) in [(1001, &ada), (2001, &too)] {
        let id = client.connect(&bob);
        let data = over_tcp(&world, &format!("7.7.7.7:{port}"));
        data.ask(connection_bind(id)).expect(success());
    }
    world.carry(relayed, &bob, Direction::ToClient, 3000);
    let wait = world.piece_wait(another, &bob, Direction::ToClient);
    assert!(wait > Duration::from_secs(1), "{wait:?}");
    assert_eq!(world.piece_wait(another, &bob, Direction::ToPeer), Duration::ZERO);
    world.advance(wait);
    assert_eq!(world.piece_wait(relayed, &bob, Direction::ToClient), Duration::ZERO);
}
