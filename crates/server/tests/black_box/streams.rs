//! STUN and TURN over TCP and TLS, on ports of their own and on the one that HTTPS has.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::Method;
use kopru_stun::attribute::XorMappedAddress;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::certificate;
use crate::client::{attribute, on_channel, peer, receive};
use crate::door::Client;
use crate::http_client::{get, metric, metric_from, parse};
use crate::program::{Folder, Server};

const CHANNEL: u16 = 0x4001;

type Tls = StreamOwned<ClientConnection, TcpStream>;

#[test]
fn one_port_serves_https_and_turn_over_tls_and_tcp() {
    let (server, certificate) = one_port("");
    let at = server.at.https[0];
    for (versions, alpn) in
        [(TLS13, &[][..]), (TLS12, &[]), (TLS13, &["stun.turn"]), (TLS13, &["h2", "http/1.1"])]
    {
        let shown = Shown { versions, alpn };
        let mut client = Client::over(tls(at, &certificate, shown));
        relays(&mut client);
        let chosen = client.stream.conn.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen, alpn.last().map(|name| name.as_bytes().to_vec()));

        let mut page = tls(at, &certificate, shown);
        assert_eq!(ask_health(&mut page), 200, "{alpn:?}");
    }
    relays(&mut Client::over(tcp(at)));
    let admin = server.at.admin[0];
    assert_eq!(metric(admin, "kopru_turn_connections_ended_total{reason=\"not_framed\"}"), 0.0);
}

#[test]
fn the_same_port_over_udp_stands_beside_it() {
    // An address of loopback that no other test run has, so that the port is free.
    let [.., a, b, c] = std::process::id().to_be_bytes();
    let at = format!("127.{}.{b}.{}:4443", 64 | a & 63, c.max(1));
    let folder = Folder::new();
    let certificate = certificate::write(&folder, "chain.pem", "key.pem");
    folder.write(
        "kopru.toml",
        &format!(
            "[http]\nlisten = []\n[https]\nlisten = \"{at}\"\ncertificate = \"chain.pem\"\n\
             key = \"key.pem\"\n[turn]\nlisten = [\"udp:{at}\", \"udp:127.0.0.1:0\"]\n\
             relay_addresses = \"127.0.0.1\"\nrealm = \"example.org\"\n\
             [turn.auth]\nusers = {{ ada = \"ada\" }}\n[turn.peers]\nallow = \"127.0.0.0/8\"\n"
        ),
    );
    let server = Server::start(folder, &["--config", "kopru.toml"]);
    let at = at.parse().unwrap();
    assert_eq!((server.at.https[0], server.at.turn_udp[0]), (at, at));
    relays(&mut Client::over(tls(at, &certificate, ANY)));
    relays(&mut Client::over(tcp(at)));
    crate::client::Client::at(at).allocate().unwrap();
    assert_eq!(ask_health(&mut tls(at, &certificate, ANY)), 200);
}

#[test]
fn what_is_spoken_nowhere_is_refused_and_counted() {
    let (server, _) = one_port("");
    let at = server.at.https[0];
    for (bytes, expect) in [
        (&b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], &b"HTTP/1.1 400 Bad Request\r\n"[..]),
        (b"\xff\xfe\xfd", b""),
        (b"\x00\x01\x00\x00\xde\xad\xbe\xef", b""),
        (b"\x40\x01\x00\x00", b""),
    ] {
        let answer = end_of(at, bytes);
        assert!(answer.starts_with(expect) && expect.is_empty() == answer.is_empty(), "{bytes:?}");
    }
    let sample = "kopru_connections_refused_total{reason=\"unknown_protocol\"}";
    assert_eq!(metric_from(server.at.admin[0], sample, 4.0), 4.0);
    // Where there is no TLS, its first byte is as unknown.
    assert_eq!(end_of(server.at.turn_tcp[0], b"\x16\x03\x01"), b"");
    assert_eq!(metric_from(server.at.admin[0], sample, 5.0), 5.0);
    end_of(at, b"\x16\x03\x01\x00\x04lies");
    let sample = "kopru_connections_refused_total{reason=\"tls_handshake\"}";
    assert_eq!(metric_from(server.at.admin[0], sample, 1.0), 1.0);
}

#[test]
fn development_mode_hands_out_tcp_and_it_works() {
    let server = Server::development(&[]);
    let at = server.at.turn_tcp[0];
    let servers = get(server.http(), "/v1/ice-servers", &[]).json()["iceServers"].clone();
    let urls: Vec<&str> =
        servers[1]["urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
    let udp = format!("turn:127.0.0.1:{}?transport=udp", server.at.turn_udp[0].port());
    let tcp_url = format!("turn:127.0.0.1:{}?transport=tcp", at.port());
    assert_eq!(urls, [udp, tcp_url]);
    let mut client = Client::over(tcp(at));
    client.binding();
    assert_eq!(metric(server.http(), "kopru_turn_connections{transport=\"tcp\"}"), 1.0);
    drop(client);
    let sample = "kopru_turn_connections_ended_total{reason=\"closed\"}";
    while metric(server.http(), sample) < 1.0 {}
    assert_eq!(metric(server.http(), "kopru_turn_connections{transport=\"tcp\"}"), 0.0);
}

#[test]
fn a_public_host_with_a_certificate_is_handed_out_over_all_transports() {
    let (server, _) = one_port("public_host = \"turn.example.org\"\n");
    let [udp, tcp, tls] =
        [&server.at.turn_udp, &server.at.turn_tcp, &server.at.https].map(|at| at[0].port());
    let key = ["Authorization: Bearer key"];
    let mut page = Vec::new();
    let path = "/turn?service=turn&username=ada";
    page.extend(get(server.http(), path, &key).json()["uris"].as_array().unwrap().clone());
    let expect = [
        format!("turn:turn.example.org:{udp}?transport=udp"),
        format!("turn:turn.example.org:{tcp}?transport=tcp"),
        format!("turns:turn.example.org:{tls}?transport=tcp"),
    ];
    assert_eq!(page, expect);
}

#[test]
fn a_prefix_takes_one_transport() {
    for (prefix, udp, tcp) in [("udp", 1, 0), ("tcp", 0, 1)] {
        let server = Server::configured(&format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"{prefix}:127.0.0.1:0\"\n"
        ));
        assert_eq!((server.at.turn_udp.len(), server.at.turn_tcp.len()), (udp, tcp));
    }
}

#[test]
fn a_proxy_says_whom_it_stands_for() {
    let (server, certificate) = one_port_with("proxy_from = \"127.0.0.0/8\"\n", "");
    let header = b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n";
    for at in [server.at.https[0], server.at.turn_tcp[0]] {
        let mut stream = tcp(at);
        stream.write_all(header).unwrap();
        assert_eq!(mapped(&mut Client::over(stream)), "203.0.113.9:50000".parse().unwrap());
    }
    let mut stream = tcp(server.at.https[0]);
    stream.write_all(header).unwrap();
    let mut client = Client::over(over_tls(stream, &certificate, ANY));
    assert_eq!(mapped(&mut client), "203.0.113.9:50000".parse().unwrap());
    relays(&mut client);

    // Without a header, and with half of one, it is not believed.
    for bytes in [&b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"[..], b"PROXY TCP4 x y z\r\n"] {
        assert_eq!(end_of(server.at.https[0], bytes), b"");
    }
    let sample = "kopru_connections_refused_total{reason=\"proxy_header\"}";
    assert_eq!(metric_from(server.at.admin[0], sample, 2.0), 2.0);
}

#[test]
fn nobody_else_may_speak_for_others() {
    let (server, _) = one_port_with("proxy_from = \"192.0.2.0/24\"\n", "");
    let header = b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n";
    assert!(!end_of(server.at.https[0], header).starts_with(b"HTTP/1.1 200"));
    assert_eq!(end_of(server.at.https[0], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0"), b"");
    let sample = "kopru_connections_refused_total{reason=\"unknown_protocol\"}";
    assert_eq!(metric_from(server.at.admin[0], sample, 2.0), 2.0);
    assert_ne!(mapped(&mut Client::over(tcp(server.at.https[0]))).port(), 50000);
}

#[test]
fn a_source_has_so_many_connections_without_an_allocation() {
    let (server, _) = one_port_with("proxy_from = \"127.0.0.0/8\"\n", "");
    let from = |ip: &str, port: usize| {
        let mut stream = tcp(server.at.turn_tcp[0]);
        let header = format!("PROXY TCP4 {ip} 192.0.2.1 {} 443\r\n", 10_000 + port);
        stream.write_all(header.as_bytes()).unwrap();
        Client::over(stream)
    };
    // Answered, so it has its place, and for longer than who has said nothing.
    let placed = |port| {
        let mut client = from("203.0.113.9", port);
        client.binding();
        client
    };
    let _clients: Vec<_> = (0..PER_SOURCE).map(placed).collect();
    from("203.0.113.9", PER_SOURCE).expect_end();
    from("203.0.113.10", 0).binding();
    let sample = "kopru_connections_refused_total{reason=\"too_many\"}";
    assert_eq!(metric_from(server.at.admin[0], sample, 1.0), 1.0);
}

type Versions = &'static [&'static rustls::SupportedProtocolVersion];

const TLS12: Versions = &[&rustls::version::TLS12];
const TLS13: Versions = &[&rustls::version::TLS13];

#[test]
fn coturn_402_and_livekit_a_renewed_certificate_is_taken_and_a_wrong_one_is_not() {
    let (mut server, old) = one_port("");
    let at = server.at.https[0];
    let mut client = Client::over(tls(at, &old, ANY));
    relays(&mut client);

    server.folder.write("chain.pem", "no certificate\n");
    wait_for(&mut server, "the old certificate is shown still");
    assert_eq!(ask_health(&mut tls(at, &old, ANY)), 200);

    let new = certificate::write(&server.folder, "chain.pem", "key.pem");
    wait_for(&mut server, "the new certificate is shown now");
    assert_eq!(ask_health(&mut tls(at, &new, ANY)), 200);
    let mut distrustful = tls(at, &old, ANY);
    assert!(distrustful.write_all(b"x").is_err(), "nobody is shown the old one");
    client.binding();
    assert_eq!(metric(server.at.admin[0], "kopru_turn_connections{transport=\"tls\"}"), 1.0);
}

#[test]
fn a_hangup_reads_the_certificate_again() {
    let (mut server, certificate) = one_port("");
    server.signal("HUP");
    wait_for(&mut server, "the new certificate is shown now");
    assert_eq!(ask_health(&mut tls(server.at.https[0], &certificate, ANY)), 200);
}

#[track_caller]
fn wait_for(server: &mut Server, line: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.log().contains(line) {
        assert!(server.is_running() && Instant::now() < deadline, "{}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a TLS client shows.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    versions: Versions,
    alpn: &'static [&'static str],
}

pub(crate) const ANY: Shown = Shown { versions: rustls::ALL_VERSIONS, alpn: &[] };

pub(crate) fn tls(at: SocketAddr, trusted: &CertificateDer<'static>, shown: Shown) -> Tls {
    over_tls(tcp(at), trusted, shown)
}

pub(crate) fn over_tls(stream: TcpStream, trusted: &CertificateDer<'static>, shown: Shown) -> Tls {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(client_config(trusted, shown), name).unwrap(), stream)
}

pub(crate) fn client_config(trusted: &CertificateDer<'static>, shown: Shown) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(shown.versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = shown.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(crate) fn tcp(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What comes until the end, for these bytes.
fn end_of(at: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = tcp(at);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).map_err(|error| error.kind());
    // Closed with something unread is a reset.
    assert!(matches!(ended, Ok(_) | Err(std::io::ErrorKind::ConnectionReset)), "{ended:?}");
    answer
}

/// Relays a datagram to a peer and one back.
#[track_caller]
pub(crate) fn relays<S: Read + Write>(client: &mut Client<S>) {
    let relayed = client.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    client.bind_channel(CHANNEL, at);
    client.send_on_channel(CHANNEL, b"hello");
    assert_eq!(receive(&peer), (b"hello".to_vec(), relayed));
    peer.send_to(b"hi", relayed).unwrap();
    assert_eq!(client.receive(), on_channel(CHANNEL, b"hi"));
}

fn mapped<S: Read + Write>(client: &mut Client<S>) -> SocketAddr {
    let request = client.writer.request(Method::BINDING, |_| ());
    client.write(&request);
    attribute::<XorMappedAddress>(&client.receive()).0
}

pub(crate) fn ask_health(stream: &mut Tls) -> u16 {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    parse(&answer).status
}

/// HTTPS with what goes into `[turn]`, and the certificate to trust.
pub(crate) fn one_port(turn: &str) -> (Server, CertificateDer<'static>) {
    one_port_with("", turn)
}

fn one_port_with(https: &str, turn: &str) -> (Server, CertificateDer<'static>) {
    let (folder, certificate) = one_port_folder(https, turn);
    (Server::start(folder, &["--config", "kopru.toml"]), certificate)
}

/// What that server is started with.
pub(crate) fn one_port_folder(https: &str, turn: &str) -> (Folder, CertificateDer<'static>) {
    let folder = Folder::new();
    let certificate = certificate::write(&folder, "chain.pem", "key.pem");
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n\
         [https]\nlisten = \"127.0.0.1:0\"\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n{https}\
         [turn]\nlisten = \"127.0.0.1:0\"\nrelay_addresses = \"127.0.0.1\"\n\
         realm = \"example.org\"\n{turn}\
         [turn.auth]\nsecrets = \"s\"\nusers = {{ ada = \"ada\" }}\n\
         [turn.peers]\nallow = \"127.0.0.0/8\"\n\
         [signaling.auth]\napi_keys = \"key\"\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n"
    );
    folder.write("kopru.toml", &text);
    (folder, certificate)
}

/// Connections of one source that have proved nothing.
const PER_SOURCE: usize = 512;
