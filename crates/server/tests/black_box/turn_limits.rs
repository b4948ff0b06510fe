//! `[turn.limits]`: a limit that is read and then forgotten would be worse than none (resiprocate
//! 484). Each key is set in a file, and a client meets it.

use std::net::SocketAddr;

use kopru_stun::Method;
use kopru_stun::attribute::XorPeerAddress;
use kopru_stun::channel_data::ChannelNumber;

use crate::client::{Client, peer, receive};
use crate::http_client::metric;
use crate::program::Server;

#[test]
fn resiprocate_484_allocations_are_limited_by_user_network_worker_and_in_all() {
    for (limit, same_user, other_user) in [
        ("allocations_per_user = 1", Some(486), None),
        ("allocations_per_prefix = 1", Some(486), Some(486)),
        ("allocations_total = 1", Some(486), Some(486)),
        ("allocations_per_worker = 1", Some(508), Some(508)),
        ("allocations_per_user = 0", None, None),
    ] {
        let server = limited_by(limit);
        let at = server.at.turn_udp[0];
        let mut ada = Client::at(at);
        ada.allocate().unwrap();
        assert_eq!(Client::at(at).allocate().err(), same_user, "{limit}");
        let mut bob = Client::at(at).user("bob");
        assert_eq!(bob.allocate().err(), other_user, "{limit}");
        // What is given back can be had again.
        ada.refresh(0).unwrap();
        assert!(Client::at(at).allocate().is_ok(), "{limit}");
    }
}

#[test]
fn resiprocate_484_permissions_channels_and_new_peers_are_limited() {
    let permission = |client: &mut Client, number: u8| {
        let peer = XorPeerAddress(SocketAddr::from(([127, 0, 0, number], 1000)));
        client.ask(Method::CREATE_PERMISSION, |request| _ = request.add(&peer)).map(drop)
    };
    let channel = |client: &mut Client, number: u8| {
        let peer = XorPeerAddress(SocketAddr::from(([127, 0, 0, 1], 1000 + u16::from(number))));
        let channel = ChannelNumber(0x4000 + u16::from(number));
        let write = |request: &mut kopru_stun::MessageBuilder<'_>| {
            request.add(&channel).add(&peer);
        };
        client.ask(Method::CHANNEL_BIND, write).map(drop)
    };
    type Ask = fn(&mut Client, u8) -> Result<(), u16>;
    for (limit, ask) in [
        ("permissions_per_allocation = 3", permission as Ask),
        ("channels_per_allocation = 3", channel),
        ("new_peers_per_second = 3", permission),
    ] {
        let server = limited_by(limit);
        let mut ada = Client::at(server.at.turn_udp[0]);
        ada.allocate().unwrap();
        for number in 1..=3 {
            assert_eq!(ask(&mut ada, number), Ok(()), "{limit}");
        }
        let refused = (4..20).find_map(|number| ask(&mut ada, number).err());
        assert_eq!(refused, Some(508), "{limit}");
        assert_eq!(ask(&mut ada, 1), Ok(()), "{limit}: what there is stays");
    }
}

#[test]
fn resiprocate_484_bits_and_packets_a_second_are_limited_in_both_directions() {
    for (limit, reason) in [
        ("allocation_bits_per_second = 8000", "allocation_rate"),
        ("allocation_packets_per_second = 10", "allocation_rate"),
        ("user_bits_per_second = 8000", "user_rate"),
        ("user_packets_per_second = 10", "user_rate"),
    ] {
        let server = limited_by(limit);
        let mut ada = Client::at(server.at.turn_udp[0]);
        let relayed = ada.allocate().unwrap();
        let (peer, at) = peer("127.0.0.1:0");
        ada.bind_channel(0x4000, at);
        let sample = format!("kopru_dropped_packets_total{{reason=\"{reason}\"}}");
        let dropped = || metric(server.at.admin[0], &sample);
        (0..100).for_each(|_| ada.send_on_channel(0x4000, &[1; 100]));
        assert_eq!(receive(&peer).0, [1; 100], "{limit}");
        while dropped() == 0.0 {}
        let to_peers = dropped();
        (0..100).for_each(|_| _ = peer.send_to(&[2; 100], relayed).unwrap());
        ada.expect_on_channel(0x4000, &[2; 100]);
        while dropped() == to_peers {}
    }
}

/// A server with this limit, one worker and two users.
fn limited_by(limit: &str) -> Server {
    Server::configured(&format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [turn]\nlisten = \"127.0.0.1:0\"\nrelay_addresses = \"127.0.0.1\"\nworkers = 1\n\
         realm = \"example.org\"\n[turn.auth]\nusers = {{ ada = \"ada\", bob = \"bob\" }}\n\
         [turn.peers]\nallow = \"127.0.0.0/8\"\n[turn.limits]\n{limit}\n"
    ))
}
