//! Trains of datagrams over real sockets: sent together, cut by the kernel at the far end, and by
//! whoever is in between.

mod client;
mod train;

use std::net::{SocketAddr, UdpSocket};

use client::{Client, attribute, indication, on_channel, peer, receive, settings};
use kopru_net::{Loss, Settings, Workers};
use kopru_stun::attribute::{Data, RequestedAddressFamily, XorMappedAddress};
use kopru_stun::{Class, MessageBuilder, MessageType, Method, TransactionId};
use kopru_turn::{DropReason, Limits, PerSecond, RelayRate};
use train::send_train;

const CHANNEL: u16 = 0x4001;

/// Payloads that tell their number, each as long as the first, but for the last.
fn payloads(count: u8, len: usize) -> Vec<Vec<u8>> {
    let mut payloads: Vec<_> = (0..count).map(|at| vec![at; len]).collect();
    payloads.push(vec![0xff; len / 3]);
    payloads
}

fn with_headers(channel: u16, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    payloads.iter().map(|payload| on_channel(channel, payload)).collect()
}

/// Sends messages of one length together; the last may be shorter.
fn send_together(client: &Client, server: SocketAddr, messages: &[Vec<u8>]) {
    send_train(&client.socket, server, &messages.concat(), messages[0].len());
}

#[track_caller]
fn expect_all(socket: &UdpSocket, from: SocketAddr, datagrams: &[Vec<u8>]) {
    for (number, datagram) in datagrams.iter().enumerate() {
        let (bytes, sender) = receive(socket);
        assert_eq!(sender, from);
        assert!(bytes == *datagram, "datagram {number}: {} bytes arrived", bytes.len());
    }
}

#[track_caller]
fn lost(workers: &Workers) -> u64 {
    workers.stats().losses().map(|(_, count)| count).sum()
}

#[test]
fn a_train_reaches_the_peer_and_one_comes_back() {
    for (listen, family) in [
        ("127.0.0.1:0", RequestedAddressFamily::IPV4),
        ("[::1]:0", RequestedAddressFamily::IPV6),
        ("0.0.0.0:0", RequestedAddressFamily::IPV4),
        ("127.0.0.1:0", RequestedAddressFamily::IPV6),
    ] {
        let listen: SocketAddr = listen.parse().unwrap();
        let workers = Workers::start(Settings { listen: vec![listen], ..settings() }).unwrap();
        let mut server = workers.listening()[0];
        if server.ip().is_unspecified() {
            server.set_ip("127.0.0.2".parse().unwrap());
        }
        let mut client = Client::at(server);
        let relayed = client.allocate_family(family).unwrap();
        let (peer, peer_at) = peer(if relayed.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" });
        client.bind_channel(CHANNEL, peer_at);
        for (count, len) in [(1, 3), (15, 1200), (63, 100), (63, 1015)] {
            let (payloads, messages) = (payloads(count, len), payloads_on_channel(count, len));
            send_together(&client, server, &messages);
            expect_all(&peer, relayed, &payloads);
            // The longest of these is more than one datagram can be, with its headers.
            send_train(&peer, relayed, &payloads.concat(), len);
            expect_all(&client.socket, server, &messages);
        }
        assert_eq!(lost(&workers), 0, "{listen}");
        let counted = workers.stats().turn;
        let sent = 2 + 16 + 64 + 64;
        assert_eq!((counted.to_peers.packets, counted.to_clients.packets), (sent, sent));
    }
}

fn payloads_on_channel(count: u8, len: usize) -> Vec<Vec<u8>> {
    with_headers(CHANNEL, &payloads(count, len))
}

#[test]
fn what_is_no_run_goes_by_itself_and_in_its_turn() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Client::of(&workers);
    let relayed = client.allocate().unwrap();
    let (on_a_channel, at) = peer("127.0.0.1:0");
    let (permitted, permitted_at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    client.permit(permitted_at);
    let sent = indication(permitted_at, b"sent");
    let binding = padded_binding(sent.len());
    let said = |at: u8| on_channel(CHANNEL, &vec![at; sent.len() - 4]);
    let unbound = on_channel(CHANNEL + 1, &vec![0; sent.len() - 4]);
    let together = [
        said(1),
        said(2),
        binding.clone(),
        said(3),
        sent.clone(),
        unbound,
        said(4),
        vec![0xff; sent.len()],
        binding,
        said(5)[..7].to_vec(),
    ];
    send_together(&client, workers.listening()[0], &together);
    let len = sent.len() - 4;
    expect_all(&on_a_channel, relayed, &[1, 2, 3, 4].map(|at| vec![at; len]));
    expect_all(&permitted, relayed, &[b"sent".to_vec()]);
    for _ in 0..2 {
        let (response, _) = receive(&client.socket);
        assert_eq!(attribute::<XorMappedAddress>(&response).0, client.address());
    }
    let counted = workers.stats().turn;
    // The last claims more than is there.
    for why in [DropReason::NoChannel, DropReason::NotStun, DropReason::Malformed] {
        assert_eq!(counted.dropped(why), 1, "{why:?}");
    }

    // A peer without channel: each becomes a Data indication.
    let payloads = payloads(40, 100);
    send_train(&permitted, relayed, &payloads.concat(), 100);
    for payload in &payloads {
        let (bytes, _) = receive(&client.socket);
        assert_eq!(attribute::<Data<'_>>(&bytes).0, &payload[..]);
    }
}

/// A Binding request of so many bytes.
fn padded_binding(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let kind = MessageType::new(Method::BINDING, Class::Request);
    let header = MessageBuilder::new(&mut bytes, kind, TransactionId([7; 12])).finish();
    // An attribute that nobody has to know fills the rest.
    bytes[header..header + 2].copy_from_slice(&[0x80, 0x99]);
    bytes[header + 2..header + 4].copy_from_slice(&((len - header - 4) as u16).to_be_bytes());
    bytes[2..4].copy_from_slice(&((len - header) as u16).to_be_bytes());
    bytes
}

#[test]
fn a_train_crosses_between_allocations_of_one_and_of_two_workers() {
    let workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let server = workers.listening()[0];
    let mut clients: Vec<_> = (0..32).map(|_| Client::of(&workers)).collect();
    let relayed: Vec<_> = clients.iter_mut().map(|client| client.allocate().unwrap()).collect();
    let busy = workers.stats_by_worker().iter().filter(|one| one.turn.allocations > 0).count();
    assert_eq!(busy, 2, "32 clients hash to both workers");
    let (first, others) = clients.split_first_mut().unwrap();
    for ((channel, other), &at) in (CHANNEL + 1..).zip(&mut *others).zip(&relayed[1..]) {
        first.bind_channel(channel, at);
        other.bind_channel(CHANNEL, relayed[0]);
    }
    let payloads = payloads(20, 1200);
    for (channel, other) in (CHANNEL + 1..).zip(&*others) {
        send_together(first, server, &with_headers(channel, &payloads));
        expect_all(&other.socket, server, &with_headers(CHANNEL, &payloads));
        send_together(other, server, &with_headers(CHANNEL, &payloads));
        expect_all(&first.socket, server, &with_headers(channel, &payloads));
    }
    assert_eq!(lost(&workers), 0);
}

#[test]
fn a_rate_lets_the_first_of_a_train_pass() {
    let rate = RelayRate { packets: PerSecond(7), bits: PerSecond(0) };
    let mut settings = settings();
    settings.turn.limits = Limits { allocation_rate: rate, ..Limits::default() };
    let workers = Workers::start(settings).unwrap();
    let mut client = Client::of(&workers);
    let relayed = client.allocate().unwrap();
    let (peer, peer_at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, peer_at);
    let payloads = payloads(15, 500);
    send_together(&client, workers.listening()[0], &with_headers(CHANNEL, &payloads));
    expect_all(&peer, relayed, &payloads[..7]);
    send_train(&peer, relayed, &payloads.concat(), 500);
    expect_all(&client.socket, workers.listening()[0], &with_headers(CHANNEL, &payloads[..7]));
    assert_eq!(workers.stats().turn.dropped(DropReason::AllocationRate), 18);
    assert_eq!(workers.stats().lost(Loss::SendRefused), 0);
}

#[test]
fn datagrams_that_wait_one_by_one_keep_their_order_and_their_lengths() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Client::of(&workers);
    let relayed = client.allocate().unwrap();
    let (peer, peer_at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, peer_at);
    for round in 0..50_usize {
        let lens = [100, 100, 100, 40, 100, 0, 0, 7, 7, 1200, 1200, 1300, round];
        let payloads: Vec<_> = (0..).zip(lens).map(|(at, len)| vec![at; len]).collect();
        let messages = with_headers(CHANNEL, &payloads);
        messages.iter().for_each(|message| client.send(message));
        expect_all(&peer, relayed, &payloads);
        payloads.iter().for_each(|payload| _ = peer.send_to(payload, relayed).unwrap());
        expect_all(&client.socket, workers.listening()[0], &messages);
    }
    assert_eq!(lost(&workers), 0);
}
