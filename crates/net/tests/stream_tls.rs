//! TURN over TLS: the handshake is over when a worker gets the connection.

mod client;
mod door;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use client::{on_channel, peer, receive, settings};
use door::{Client, Door, expect_counted, padded};
use kopru_net::{Loss, Settings, Stream, StreamEnd, Streams, Workers};
use kopru_stun::Method;
use kopru_stun::attribute::{ConnectionId, RequestedTransport, XorPeerAddress};
use kopru_turn::five_tuple::{FiveTuple, Transport};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};

type Tls = StreamOwned<ClientConnection, TcpStream>;

const CHANNEL: u16 = 0x4001;

/// Both ends of TLS, for one version.
struct Keys {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Keys {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&pair).unwrap().der().clone();
        let key = PrivatePkcs8KeyDer::from(pair.serialize_der());
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key.into())
            .unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { server: Arc::new(server), client: Arc::new(client) }
    }

    /// A client whose connection is a worker's as soon as the handshake is over, or `first` has
    /// been sent and decrypted.
    fn client(&self, door: &Door, first: &[u8]) -> Client<Tls> {
        let (near, mut socket, five_tuple) = door.connect();
        let name = ServerName::try_from("localhost").unwrap();
        let config = Arc::clone(&self.client);
        let mut near = StreamOwned::new(ClientConnection::new(config, name).unwrap(), near);
        let mut tls = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        let first = first.to_vec();
        let waits_for = first.len();
        let handshake = std::thread::spawn(move || {
            while near.conn.is_handshaking() {
                near.conn.complete_io(&mut near.sock).unwrap();
            }
            let mut client = Client::over(near);
            client.write(&first);
            client
        });
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).unwrap();
        }
        while tls.process_new_packets().unwrap().plaintext_bytes_to_read() < waits_for {
            tls.read_tls(&mut socket).unwrap();
        }
        let five_tuple = FiveTuple { transport: Transport::Tls, ..five_tuple };
        door.give(Stream { socket, tls: Some(Box::new(tls)), five_tuple, place: Box::new(()) });
        handshake.join().unwrap()
    }
}

#[test]
fn a_client_over_tls_reaches_its_peer() {
    for version in rustls::ALL_VERSIONS {
        let workers = Workers::start(settings()).unwrap();
        let mut client = Keys::new(version).client(&Door::of(&workers), b"");
        let relayed = client.allocate().unwrap();
        let (peer, at) = peer("127.0.0.1:0");
        client.bind_channel(CHANNEL, at);
        for len in [0, 1, 1199, 16_385, 65_503] {
            let payload = vec![7; len];
            client.send_on_channel(CHANNEL, &payload);
            assert_eq!(receive(&peer), (payload.clone(), relayed), "{len}");
            peer.send_to(&payload, relayed).unwrap();
            assert_eq!(client.receive(), on_channel(CHANNEL, &payload), "{len}");
        }
        assert_eq!(workers.stats().streams(), Streams { tcp: 0, tls: 1 });
        client.stream.conn.send_close_notify();
        client.stream.conn.complete_io(&mut client.stream.sock).unwrap();
        client.expect_end();
        expect_counted(&workers, StreamEnd::Closed);
        assert_eq!(workers.stats().turn.allocations, 0);
    }
}

#[test]
fn what_was_decrypted_before_is_not_lost() {
    let workers = Workers::start(settings()).unwrap();
    let keys = Keys::new(&rustls::version::TLS13);
    let request = client::Writer::new().request(Method::BINDING, |_| ());
    for parts in [request.len(), 7] {
        let mut client = keys.client(&Door::of(&workers), &request[..parts]);
        client.write(&request[parts..]);
        client.receive();
    }
}

#[test]
fn many_records_and_many_messages_in_one() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Keys::new(&rustls::version::TLS13).client(&Door::of(&workers), b"");
    client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    for byte in &padded(CHANNEL, b"a record for each byte") {
        client.write(&[*byte]);
    }
    assert_eq!(receive(&peer).0, b"a record for each byte");
    let numbers: Vec<[u8; 2]> = (0..200u16).map(u16::to_be_bytes).collect();
    client.write(&numbers.iter().flat_map(|n| padded(CHANNEL, n)).collect::<Vec<_>>());
    for number in numbers {
        assert_eq!(receive(&peer).0, number);
    }
}

#[test]
fn a_slow_reader_loses_messages_before_they_are_encrypted() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Keys::new(&rustls::version::TLS13).client(&Door::of(&workers), b"");
    let relayed = client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    let datagram = |number: u32| [&number.to_be_bytes()[..], &[7; 1000]].concat();
    let mut sent = 0;
    while workers.stats().lost(Loss::StreamBacklog) < 100 {
        assert!(sent < 100_000, "nothing is ever dropped");
        for _ in 0..100 {
            peer.send_to(&datagram(sent), relayed).unwrap();
            sent += 1;
        }
    }
    // A record that were missing would be a wrong MAC.
    let mut previous = None;
    while previous != Some(sent - 1) {
        let message = client.receive();
        let number = u32::from_be_bytes(message[4..8].try_into().unwrap());
        assert_eq!(message, on_channel(CHANNEL, &datagram(number)));
        assert!(Some(number) > previous);
        previous = Some(number);
    }
    client.binding();
}

#[test]
fn what_is_no_message_ends_it_with_a_goodbye() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Keys::new(&rustls::version::TLS13).client(&Door::of(&workers), b"");
    let request = client.writer.request(Method::BINDING, |_| ());
    client.write(&[&request[..], b"\xff"].concat());
    client.receive();
    // Without close_notify this would be an error: the end could be anybody's.
    assert_eq!(client.stream.read_to_end(&mut Vec::new()).unwrap(), 0);
    expect_counted(&workers, StreamEnd::NotFramed);
}

#[test]
fn a_data_connection_over_tls_carries_everything_and_each_half_ends_by_itself() {
    let mut settings = settings();
    settings.turn.tcp_relay = true;
    let workers = Workers::start(Settings { workers: 2, ..settings }).unwrap();
    let door = Door::of(&workers);
    let numbers: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    for version in rustls::ALL_VERSIONS {
        let keys = Keys::new(version);
        let mut control = keys.client(&door, b"");
        control.ask(Method::ALLOCATE, |request| _ = request.add(&RequestedTransport::TCP)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = XorPeerAddress(listener.local_addr().unwrap());
        let reply = control.ask(Method::CONNECT, |request| _ = request.add(&at)).unwrap();
        let id: ConnectionId = client::attribute(&reply);
        let mut peer = listener.accept().unwrap().0;
        let mut data = keys.client(&door, b"");
        data.ask(Method::CONNECTION_BIND, |request| _ = request.add(&id)).unwrap();
        let mut arrived = vec![0; numbers.len()];
        std::thread::scope(|scope| {
            scope.spawn(|| peer.write_all(&numbers).unwrap());
            data.stream.read_exact(&mut arrived).unwrap();
        });
        assert!(arrived == numbers);
        std::thread::scope(|scope| {
            scope.spawn(|| data.write(&numbers));
            peer.read_exact(&mut arrived).unwrap();
        });
        assert!(arrived == numbers);
        data.stream.conn.send_close_notify();
        data.stream.flush().unwrap();
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        peer.write_all(b"the answer").unwrap();
        drop(peer);
        let mut answer = Vec::new();
        // Without close_notify this were an error: somebody could have cut it off.
        data.stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"the answer");
    }
}

#[test]
fn what_is_not_tls_ends_the_connection() {
    let workers = Workers::start(settings()).unwrap();
    let mut client = Keys::new(&rustls::version::TLS13).client(&Door::of(&workers), b"");
    client.binding();
    client.stream.sock.write_all(&[0xff; 100]).unwrap();
    let mut alert = Vec::new();
    client.stream.sock.read_to_end(&mut alert).unwrap();
    assert!(!alert.is_empty(), "and says why");
    expect_counted(&workers, StreamEnd::Closed);
}
