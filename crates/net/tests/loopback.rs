//! Real sockets, real threads: what clients and peers on this machine see.

mod client;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use client::{Client, peer, receive, settings};
use kopru_net::{Event, Loss, Settings, Workers};
use kopru_stun::attribute::{Icmp, RequestedAddressFamily, XorPeerAddress};
use kopru_stun::credentials::Secret;
use kopru_stun::{MessageBuilder, Method};
use kopru_turn::RefusalReason;
use kopru_turn::five_tuple::PeerAddr;

const CHANNEL: u16 = 0x4001;

#[test]
fn binding_tells_the_address_over_both_families() {
    let listen = ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"].map(|at| at.parse().unwrap());
    let workers = Workers::start(Settings { listen: listen.into(), ..settings() }).unwrap();
    for &listening in workers.listening() {
        let loopback = if listening.is_ipv4() { "127.0.0.1" } else { "::1" };
        let server = SocketAddr::new(loopback.parse().unwrap(), listening.port());
        let mut client = Client::at(server);
        assert_eq!(client.binding(), client.address());
    }
}

#[test]
fn a_wildcard_answers_from_the_address_that_was_asked() {
    let listen = vec!["0.0.0.0:0".parse().unwrap()];
    let workers = Workers::start(Settings { listen, ..settings() }).unwrap();
    let port = workers.listening()[0].port();
    for ip in ["127.0.0.1", "127.0.0.2", "127.9.9.9"] {
        // The client compares the source of every answer with the address it asked.
        let mut client = Client::at(SocketAddr::new(ip.parse().unwrap(), port));
        assert_eq!(client.binding(), client.address());
        client.allocate().unwrap();
        let (peer, at) = peer("127.0.0.1:0");
        client.bind_channel(CHANNEL, at);
        client.send_on_channel(CHANNEL, b"over");
        let (payload, relayed) = receive(&peer);
        assert_eq!(payload, b"over");
        peer.send_to(b"and back", relayed).unwrap();
        client.expect_on_channel(CHANNEL, b"and back");
    }
}

#[test]
fn a_peer_is_reached_and_answers_on_a_channel_and_in_indications() {
    let workers = Workers::start(settings()).unwrap();
    for (bind, family) in
        [("127.0.0.1:0", RequestedAddressFamily::IPV4), ("[::1]:0", RequestedAddressFamily::IPV6)]
    {
        let mut client = Client::of(&workers);
        let relayed = client.allocate_family(family).unwrap();
        let (peer, at) = peer(bind);
        client.permit(at);
        client.send_indication(at, b"hello");
        assert_eq!(receive(&peer), (b"hello".to_vec(), relayed));
        peer.send_to(b"hi", relayed).unwrap();
        assert_eq!(client.expect_data(), (at, b"hi".to_vec()));

        client.bind_channel(CHANNEL, at);
        client.send_on_channel(CHANNEL, b"");
        assert_eq!(receive(&peer), (vec![], relayed), "an empty datagram is one too");
        peer.send_to(b"", relayed).unwrap();
        client.expect_on_channel(CHANNEL, b"");
    }
    let turn = workers.stats().turn;
    assert_eq!((turn.to_peers.packets, turn.to_clients.packets, turn.allocations), (4, 4, 2));
}

#[test]
fn two_allocations_of_one_worker_meet_in_memory() {
    let workers = Workers::start(settings()).unwrap();
    let (mut ada, mut bob) = (Client::of(&workers), Client::of(&workers));
    meet(&mut ada, &mut bob);
}

#[test]
fn two_allocations_of_two_workers_meet_in_memory() {
    let workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let (mut ada, mut bob) = clients_of_two_workers(&workers);
    ada.refresh(0).unwrap();
    bob.refresh(0).unwrap();
    meet(&mut ada, &mut bob);
    assert_eq!(workers.stats().losses().map(|(_, count)| count).sum::<u64>(), 0);
}

#[test]
fn the_largest_datagrams_cross_whole() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Client::of(&workers);
    let relayed = client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    // 65507 is what UDP carries over IPv4; the channel header takes four of them.
    let largest: Vec<u8> = (0..65_503).map(|index| index as u8).collect();
    client.send_on_channel(CHANNEL, &largest);
    assert!(receive(&peer) == (largest.clone(), relayed));
    peer.send_to(&largest, relayed).unwrap();
    client.expect_on_channel(CHANNEL, &largest);
    // Four more can't be carried to the client with the header. They are counted, not cut.
    peer.send_to(&[0; 65_507], relayed).unwrap();
    peer.send_to(b"next", relayed).unwrap();
    client.expect_on_channel(CHANNEL, b"next");
    let dropped = workers.stats().turn.dropped(kopru_turn::DropReason::TooLarge);
    assert_eq!(dropped, 1);
}

#[test]
fn a_dead_peer_does_not_hurt_the_datagram_to_the_next() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Client::of(&workers);
    client.allocate().unwrap();
    let (dead, dead_at) = peer("127.0.0.1:0");
    let (live, live_at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, dead_at);
    client.bind_channel(CHANNEL + 1, live_at);
    drop(dead);
    for _ in 0..100 {
        client.send_on_channel(CHANNEL, b"anybody there?");
        client.send_on_channel(CHANNEL + 1, b"hello");
        assert_eq!(receive(&live).0, b"hello");
    }
}

#[test]
fn eturnal_1_2_3_a_listener_outlives_the_errors_of_clients_that_went() {
    let workers = Workers::start(settings()).unwrap();
    let mut stayed = Client::of(&workers);
    for _ in 0..200 {
        // The answer finds nobody, and the kernel tells the listener so.
        let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
        let binding = client::Writer::new().request(kopru_stun::Method::BINDING, |_| ());
        gone.send_to(&binding, workers.listening()[0]).unwrap();
        drop(gone);
        assert_eq!(stayed.binding(), stayed.address());
    }
}

#[test]
fn the_quota_of_a_user_counts_on_all_workers_and_comes_back() {
    let mut settings = Settings { workers: 2, ..settings() };
    settings.turn.limits.allocations_per_user = 3;
    let workers = Workers::start(settings).unwrap();
    let mut clients: Vec<_> = (0..3).map(|_| Client::of(&workers)).collect();
    for client in &mut clients {
        client.allocate().unwrap();
    }
    let mut one_more = Client::of(&workers);
    assert_eq!(one_more.allocate(), Err(486));
    Client::of(&workers).user("bob").allocate().expect("another user has another quota");
    clients[0].refresh(0).unwrap();
    one_more.allocate().expect("what ended is counted no longer");
}

#[test]
fn a_network_has_a_quota_on_all_workers_whoever_its_users_are() {
    let mut settings = Settings { workers: 2, ..settings() };
    settings.turn.limits.allocations_per_prefix = 2;
    let workers = Workers::start(settings).unwrap();
    let (mut ada, mut bob) = (Client::of(&workers), Client::of(&workers).user("bob"));
    ada.allocate().unwrap();
    bob.allocate().unwrap();
    assert_eq!(Client::of(&workers).allocate(), Err(486));
    ada.refresh(0).unwrap();
    Client::of(&workers).allocate().expect("what ended is counted no longer");
}

#[test]
fn a_user_has_one_rate_on_both_workers() {
    let mut settings = Settings { workers: 2, ..settings() };
    // One datagram in a thousand seconds: what comes after the first waits longer than any test.
    settings.turn.limits.user_rate.bits = kopru_turn::PerSecond(8);
    let workers = Workers::start(settings).unwrap();
    let (mut ada, mut bob) = clients_of_two_workers(&workers);
    let (peer, at) = peer("127.0.0.1:0");
    ada.bind_channel(CHANNEL, at);
    bob.bind_channel(CHANNEL, at);
    ada.send_on_channel(CHANNEL, &[1; 1000]);
    assert_eq!(receive(&peer).0, [1; 1000]);
    bob.send_on_channel(CHANNEL, b"too much");
    // Bob's worker answers in the order of arrival.
    bob.permit(at);
    assert_eq!(workers.stats().turn.dropped(kopru_turn::DropReason::UserRate), 1);
}

#[test]
fn who_is_revoked_loses_what_it_has_on_every_worker_and_gets_nothing_new() {
    let mut workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let events = workers.take_events().unwrap();
    let (mut ada, mut bea) = clients_of_two_workers(&workers);
    let mut bob = Client::of(&workers).user("bob");
    let of_bob = bob.allocate().unwrap();

    workers.endings().revoke("ada", Duration::from_secs(600)).unwrap();
    let events = std::iter::from_fn(|| events.recv_timeout(Duration::from_secs(10)).ok());
    let revoked = events.filter_map(|event| match event {
        Event::Allocation(kopru_turn::Event::Ended(ended)) => Some(ended),
        _ => None,
    });
    let revoked = revoked.filter(|ended| ended.reason == kopru_turn::EndReason::Revoked);
    for record in revoked.take(2) {
        assert_eq!(&*record.username, "ada");
        UdpSocket::bind(record.relayed.0).expect("its socket is closed");
    }
    assert_eq!((ada.refresh(600), bea.refresh(600)), (Err(437), Err(437)));
    assert_eq!((ada.allocate(), bea.allocate()), (Err(403), Err(403)));
    bob.refresh(600).expect("another user is not concerned");
    UdpSocket::bind(of_bob).expect_err("and has its socket");
    assert_eq!(workers.stats().turn.allocations, 1);
}

#[test]
fn who_left_loses_what_it_has_on_every_worker_and_may_come_back() {
    let mut workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let events = workers.take_events().unwrap();
    let (mut ada, mut bea) = clients_of_two_workers(&workers);
    let mut bob = Client::of(&workers).user("bob");
    bob.allocate().unwrap();

    workers.endings().end("nobody");
    workers.endings().end("ada");
    let events = std::iter::from_fn(|| events.recv_timeout(Duration::from_secs(10)).ok());
    let left = events.filter_map(|event| match event {
        Event::Allocation(kopru_turn::Event::Ended(ended)) => Some(ended),
        _ => None,
    });
    let left = left.filter(|ended| ended.reason == kopru_turn::EndReason::Left);
    for record in left.take(2) {
        assert_eq!(&*record.username, "ada");
        UdpSocket::bind(record.relayed.0).expect("its socket is closed");
    }
    assert_eq!((ada.refresh(600), bea.refresh(600)), (Err(437), Err(437)));
    bob.refresh(600).expect("another user is not concerned");
    ada.allocate().expect("nobody is barred");
    // The workers look through their users again, for another one: what is new goes on.
    workers.endings().revoke("cyd", Duration::from_secs(600)).unwrap();
    assert_eq!(workers.stats().turn.allocations, 2);
    ada.refresh(600).unwrap();
    workers.endings().end("ada");
    assert_eq!(workers.stats().turn.allocations, 1);
    assert_eq!(workers.endings().lost(), 0);
}

#[test]
fn more_revocations_at_once_than_a_worker_has_places_for_words() {
    let workers = Workers::start(settings()).unwrap();
    let mut bob = Client::of(&workers).user("bob");
    bob.allocate().unwrap();
    workers.endings().revoke("bob", Duration::from_secs(600)).unwrap();
    for number in 0..1000 {
        workers.endings().revoke(&number.to_string(), Duration::from_secs(600)).unwrap();
    }
    assert_eq!(workers.stats().turn.allocations, 0);
}

#[test]
fn everybody_together_has_a_quota_too() {
    let workers = Workers::start(Settings { allocations_total: 1, ..settings() }).unwrap();
    Client::of(&workers).allocate().unwrap();
    assert_eq!(Client::of(&workers).user("bob").allocate(), Err(486));
}

#[test]
fn no_free_port_is_508_until_one_is_free() {
    let (reserved, at) = peer("127.0.0.1:0");
    let relay_ports = format!("{0}-{0}", at.port()).parse().unwrap();
    let workers = Workers::start(Settings { relay_ports, ..settings() }).unwrap();
    let (mut ada, mut bob) = (Client::of(&workers), Client::of(&workers));
    assert_eq!(ada.allocate(), Err(508), "another program has the only port");
    drop(reserved);
    assert_eq!(ada.allocate(), Ok(at));
    assert_eq!(bob.allocate(), Err(508), "we have the only port");
    ada.refresh(0).unwrap();
    assert_eq!(bob.allocate(), Ok(at));
}

#[test]
fn data_before_the_first_permission_is_dropped_and_counted_while_the_port_is_ours() {
    let workers = Workers::start(settings()).unwrap();
    let mut ada = Client::of(&workers);
    let relayed = ada.allocate().unwrap();
    UdpSocket::bind(relayed).expect_err("nobody else gets the port of an allocation");
    let (peer, at) = peer("127.0.0.1:0");
    for early in 0..5_u8 {
        peer.send_to(&[early], relayed).unwrap();
    }
    ada.bind_channel(CHANNEL, at);
    peer.send_to(b"now", relayed).unwrap();
    ada.expect_on_channel(CHANNEL, b"now");
    assert_eq!(workers.stats().lost(Loss::BeforePermission), 5);
}

#[test]
fn what_comes_to_an_allocation_without_permissions_is_counted_when_it_ends() {
    let workers = Workers::start(settings()).unwrap();
    let mut ada = Client::of(&workers);
    let relayed = ada.allocate().unwrap();
    peer("127.0.0.1:0").0.send_to(b"scan", relayed).unwrap();
    ada.refresh(0).unwrap();
    ada.binding();
    assert_eq!(workers.stats().lost(Loss::BeforePermission), 1);
    UdpSocket::bind(relayed).expect("the port is free");
}

#[test]
fn a_client_is_told_that_nobody_listens_at_its_peer() {
    let workers = Workers::start(settings()).unwrap();
    let mut ada = Client::of(&workers);
    ada.allocate().unwrap();
    let (gone, dead) = peer("127.0.0.1:0");
    drop(gone);
    ada.permit(dead);
    ada.send_indication(dead, b"anybody there?");
    assert_eq!(ada.expect_icmp(), (dead, Icmp { icmp_type: 3, code: 3, error_data: 0 }));
}

#[test]
fn a_sleeping_worker_wakes_to_end_what_has_expired() {
    let mut settings = settings();
    settings.turn.max_session = Duration::from_secs(1);
    let mut workers = Workers::start(settings).unwrap();
    let events = workers.take_events().unwrap();
    let relayed = Client::of(&workers).allocate().unwrap();
    let events = std::iter::from_fn(|| events.recv_timeout(Duration::from_secs(10)).ok());
    let mut ended = events.filter_map(|event| match event {
        Event::Allocation(kopru_turn::Event::Ended(ended)) => Some(ended),
        _ => None,
    });
    assert_eq!(ended.next().unwrap().relayed.0, relayed);
    UdpSocket::bind(relayed).expect("its socket is closed");
    assert_eq!(workers.stats().turn.allocations, 0);
}

#[test]
fn what_a_credential_is_refused_comes_with_the_events_of_allocations() {
    let mut settings = settings();
    settings.turn.secrets = [Secret::new("s3cr3t")].into();
    let mut workers = Workers::start(settings).unwrap();
    let events = workers.take_events().unwrap();
    let next = || match events.recv_timeout(Duration::from_secs(10)) {
        Ok(Event::Allocation(event)) => event,
        other => panic!("{other:?}"),
    };
    let name = "1893456000:alice";
    let mut eve = Client::of(&workers).credentials(name, "guessed");
    assert_eq!(eve.allocate(), Err(401));
    let mut alice = Client::of(&workers).credentials(name, "W2pH7hZX7AGtrPAHFj61wSpifMA=");
    alice.allocate().unwrap();
    let router: SocketAddr = "192.168.0.1:80".parse().unwrap();
    let permission = |request: &mut MessageBuilder<'_>| _ = request.add(&XorPeerAddress(router));
    assert_eq!(alice.ask(Method::CREATE_PERMISSION, permission).err(), Some(403));

    for (client, reason) in [
        (&eve, Some(RefusalReason::WrongPassword)),
        (&alice, None),
        (&alice, Some(RefusalReason::PeerForbidden(PeerAddr(router)))),
    ] {
        let (five_tuple, username, found) = match next() {
            kopru_turn::Event::Refused(it) => (it.five_tuple, it.username, Some(it.reason)),
            kopru_turn::Event::Created { five_tuple, username, .. } => (five_tuple, username, None),
            other => panic!("{other:?}"),
        };
        assert_eq!((five_tuple.client.0, &*username, found), (client.address(), name, reason));
    }
}

#[test]
fn a_family_without_relay_address_is_440() {
    let relay_addresses = vec!["127.0.0.1".parse().unwrap()];
    let workers = Workers::start(Settings { relay_addresses, ..settings() }).unwrap();
    let v6 = Client::of(&workers).allocate_family(RequestedAddressFamily::IPV6);
    assert_eq!(v6, Err(440));
}

#[test]
fn the_advertised_address_is_told_and_leads_to_the_allocation_in_memory() {
    let relay_addresses = vec!["203.0.113.7=127.0.0.1".parse().unwrap()];
    let workers = Workers::start(Settings { relay_addresses, ..settings() }).unwrap();
    let (mut ada, mut bob) = (Client::of(&workers), Client::of(&workers));
    let relayed = meet(&mut ada, &mut bob);
    assert_eq!(relayed.ip(), "203.0.113.7".parse::<std::net::IpAddr>().unwrap());
}

/// Two clients exchange datagrams through an allocation each; the relayed transport address of the
/// first.
#[track_caller]
fn meet(ada: &mut Client, bob: &mut Client) -> SocketAddr {
    let (relayed_ada, relayed_bob) = (ada.allocate().unwrap(), bob.allocate().unwrap());
    ada.bind_channel(CHANNEL, relayed_bob);
    ada.send_on_channel(CHANNEL, b"not permitted yet");
    // Answered after that datagram was handed on, and so before bob's worker hears of a permission.
    ada.binding();
    bob.permit(relayed_ada);
    for _ in 0..10 {
        ada.send_on_channel(CHANNEL, b"hello");
        assert_eq!(bob.expect_data(), (relayed_ada, b"hello".to_vec()));
        bob.send_indication(relayed_ada, b"hi");
        ada.expect_on_channel(CHANNEL, b"hi");
    }
    relayed_ada
}

/// The kernel chooses a worker by a hash of the addresses: try until it has chosen both.
fn clients_of_two_workers(workers: &Workers) -> (Client, Client) {
    let busy = || workers.stats_by_worker().iter().filter(|one| one.turn.allocations > 0).count();
    let mut ada = Client::of(workers);
    ada.allocate().unwrap();
    for _ in 0..64 {
        let mut bob = Client::of(workers);
        bob.allocate().unwrap();
        if busy() == 2 {
            return (ada, bob);
        }
        bob.refresh(0).unwrap();
    }
    panic!("64 clients hash to one worker");
}
