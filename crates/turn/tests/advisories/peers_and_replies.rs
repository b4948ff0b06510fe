//! Peers that were to be out of reach, and replies that said or cost too much.

use kopru_sim::{
    RELAY_V4, World, allocate, binding, channel_bind, create_permission, error, refresh, request,
    settings, success,
};
use kopru_stun::Method;
use kopru_stun::attribute::{EvenPort, RequestedAddressFamily, XorPeerAddress};
use kopru_turn::{Counters, DropReason, PeerPolicy, Settings};

/// A client with an IPv6 allocation, which may name any address.
fn over_ipv6(world: &World) -> kopru_sim::TurnClient {
    let ada = world.client("[2a00::7]:1000");
    ada.ask(allocate().with(RequestedAddressFamily::IPV6)).expect(success());
    ada
}

/// Asks for a permission and for a channel to each of these addresses: both are refused.
#[track_caller]
fn all_forbidden(ada: &kopru_sim::TurnClient, addresses: &[&str]) {
    for address in addresses {
        let ip: std::net::IpAddr = address.parse().unwrap();
        let peer = std::net::SocketAddr::new(ip, 1000).to_string();
        ada.ask(create_permission(&[&peer])).expect(error(403));
        ada.ask(channel_bind(0x4000, &peer)).expect(error(403));
    }
}

#[test]
fn cve_2018_4056_to_4059_loopback_is_closed_and_nothing_is_open_by_default() {
    let ada = World::start().client("7.7.7.7:1000");
    ada.allocate();
    all_forbidden(&ada, &["127.0.0.1", "127.255.255.254"]);
}

#[test]
fn cve_2020_4067_padding_carries_nobody_s_bytes() {
    // The buffer is filled with a long message of another client before each reply and indication.
    let world = World::start();
    let (ada, eve) = (world.client("7.7.7.7:1000"), world.client("6.6.6.6:1000"));
    let bob = world.peer("8.8.8.8:2000");
    let relayed = ada.allocate();
    ada.permit(&bob);
    let dirty = || eve.send_bytes(&vec![0xff; 65_507]);
    for len in 0..8 {
        dirty();
        bob.send(relayed, &vec![1; len]);
        ada.expect_data(bob.address(), &vec![1; len]);
    }
    for unknown in [1, 3] {
        let asked = (0..unknown).fold(binding(), |asked, number| match number {
            0 => asked.with(kopru_sim::Raw::<0x7f00>(vec![])),
            1 => asked.with(kopru_sim::Raw::<0x7f01>(vec![])),
            _ => asked.with(kopru_sim::Raw::<0x7f02>(vec![])),
        });
        dirty();
        let reply = ada.ask(asked).expect(error(420));
        assert_eq!(reply.bytes().last_chunk::<2>(), Some(&[0, 0]), "an odd number is padded");
    }
}

#[test]
fn cve_2020_26262_unspecified_addresses_are_no_way_to_loopback() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    all_forbidden(&ada, &["0.0.0.0", "0.0.0.1", "0.255.255.255"]);
    all_forbidden(&over_ipv6(&world), &["::", "::1"]);
}

#[test]
fn cve_2026_27624_v4_mapped_addresses_are_the_addresses_inside() {
    let world = World::start();
    let mapped =
        ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8"];
    all_forbidden(&over_ipv6(&world), &mapped);
}

#[test]
fn coturn_1945_and_eturnal_stun_1_0_41_every_encoding_of_an_ipv4_address_is_that_address() {
    let world = World::start();
    let ada = over_ipv6(&world);
    all_forbidden(
        &ada,
        &[
            "::7f00:1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::9.9.9.9",
            "64:ff9b:1::127.0.0.1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001:0:808:808::80ff:fffe",
        ],
    );
    ada.ask(create_permission(&["64:ff9b::8.8.8.8"])).expect(success());
}

#[test]
fn coturn_1947_and_livekit_4505_private_and_shared_ranges_and_metadata_hosts_are_closed() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    all_forbidden(
        &ada,
        &[
            "10.0.0.1",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "100.100.100.200",
        ],
    );
    all_forbidden(&ada, &["168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1"]);
    all_forbidden(
        &over_ipv6(&world),
        &["fd00:ec2::254", "fc00::1", "fe80::1", "ff02::1", "100::1"],
    );
}

#[test]
fn coturn_6c13608c_an_ipv6_range_is_a_range_and_not_a_box() {
    // Compared byte by byte, the last address lies outside: some of its bytes are greater than
    // those of the range's end.
    let deny = ["2a00:0:0:fe00::/55", "2a00:5::/32"].map(|range| range.parse().unwrap()).to_vec();
    let peers = PeerPolicy { deny, ..PeerPolicy::default() };
    let world = World::with(Settings { peers: peers.into(), ..settings() });
    let ada = over_ipv6(&world);
    all_forbidden(&ada, &["2a00:0:0:fe00::", "2a00:0:0:feff::1", "2a00:5:1:ffff:ff00::1"]);
    ada.ask(create_permission(&["2a00:0:0:fdff:ffff:ffff:ffff:ffff"])).expect(success());
    ada.ask(create_permission(&["2a00:0:1::"])).expect(success());
}

#[test]
fn coturn_ab762f33_attributes_behind_integrity_do_nothing() {
    let world = World::start();
    let (ada, bob) = (world.client("7.7.7.7:1000"), world.peer("8.8.8.8:2000"));
    ada.allocate();
    let peer = XorPeerAddress(bob.address());
    ada.ask(request(Method::CREATE_PERMISSION).with_unprotected(peer)).expect(error(400));
    ada.send_to(&bob, b"x");
    bob.expect_nothing();
}

#[test]
fn pion_120_an_allocation_is_its_user_s() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    let thief = world.client("7.7.7.7:1000").as_user("bob", "ross");
    thief.ask(refresh(0)).expect(error(441));
    thief.ask(create_permission(&["8.8.8.8"])).expect(error(441));
    thief.ask(allocate()).expect(error(437));
    let liar = world.client("7.7.7.7:1000").as_user("bob", "ross");
    liar.ask(refresh(0).username("ada")).expect(error(401));
    assert_eq!(world.open_ports(), 1);
}

#[test]
fn pion_361_and_coturn_2024_a_flood_of_spoofed_sources_leaves_nothing_behind() {
    let world = World::start();
    for source in 0..100_000_u32 {
        let [_, a, b, c] = source.to_be_bytes();
        let from = format!("100.{a}.{b}.{c}:{}", 1 + source % 60_000);
        let flood = world.stranger(&from);
        let message = match source % 4 {
            0 => binding(),
            1 => allocate().without_credentials(),
            2 => refresh(600).without_credentials(),
            _ => allocate().as_indication(),
        };
        flood.send(&message);
    }
    assert_eq!((world.open_ports(), world.next_timeout(), world.event()), (0, None, None));
    let Counters { allocations, .. } = world.counters();
    assert_eq!((allocations, world.dropped(DropReason::UnexpectedClass)), (0, 25_000));
}

#[test]
fn coturn_1588_and_eturnal_60_replies_to_strangers_are_short() {
    // From the shortest request of each method to one that is as long as those of browsers.
    let world = World::start();
    let stranger = world.stranger("6.6.6.6:1000");
    let software = || kopru_sim::Raw::<0x8022>(b"some client".to_vec());
    for method in [
        Method::BINDING,
        Method::ALLOCATE,
        Method::REFRESH,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
    ] {
        let plain = || request(method).without_credentials();
        for asked in [plain(), plain().with(software()), plain().with_fingerprint()] {
            let sent = stranger.write(&asked);
            stranger.send_bytes(&sent);
            let Some(reply) = stranger.arrived() else { continue };
            let times = if method == Method::BINDING { 2.2 } else { 4.0 };
            let allowed = times * sent.len() as f64;
            assert!(reply.len() as f64 <= allowed, "{method:?}: {} for {allowed}", reply.len());
        }
    }
}

#[test]
fn coturn_4adbd82e_an_even_port_and_the_next_one_are_given_back() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    for reserve_next in [true, false] {
        ada.ask(allocate().with(EvenPort { reserve_next })).expect(success());
        assert_eq!((world.open_ports(), world.reserved_ports()), (1, usize::from(reserve_next)));
        ada.ask(refresh(0)).expect(success());
        world.advance_s(30);
        assert_eq!((world.open_ports(), world.reserved_ports()), (0, 0));
    }
}

#[test]
fn firezone_14035_nothing_is_sent_to_port_0() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(create_permission(&["8.8.8.8:0"])).expect(success());
    ada.ask(channel_bind(0x4000, "8.8.8.8:0")).expect(error(403));
    ada.send_to_address("8.8.8.8:0".parse().unwrap(), b"x");
    assert_eq!(world.dropped(DropReason::PeerForbidden), 1);
}

#[test]
fn livekit_4526_expiry_of_a_credential_ends_no_call() {
    let world = World::start();
    let secret = kopru_stun::credentials::Secret::new(kopru_sim::SECRET);
    let ttl = std::time::Duration::from_secs(300);
    let minted = kopru_stun::credentials::mint(&secret, world.now(), ttl, "ada");
    let ada = world.client("7.7.7.7:1000").as_user(&minted.username, &minted.password);
    ada.allocate();
    world.advance_s(500);
    ada.ask(refresh(600)).expect(success());
}

#[test]
fn our_own_services_are_not_reached_through_us() {
    let world = World::start();
    let ada = world.client("7.7.7.7:1000");
    ada.allocate();
    ada.ask(create_permission(&[&RELAY_V4.to_string()])).expect(success());
    for port in [22, 53, 80, 3478] {
        ada.send_to_address(std::net::SocketAddr::new(RELAY_V4, port), b"x");
        ada.ask(channel_bind(0x4000, &format!("{RELAY_V4}:{port}"))).expect(error(403));
    }
    assert_eq!(world.dropped(DropReason::PeerForbidden), 4);
}
