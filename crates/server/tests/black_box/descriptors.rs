//! Where a process may have few files open: each part is full by itself, none starves another, and
//! accept(2) never fails.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use kopru_stun::Method;
use rustls::pki_types::CertificateDer;

use crate::client::{Client as UdpClient, Writer};
use crate::door::Client;
use crate::http_client::{get, metric};
use crate::program::{Folder, Server, said, with_open_files};
use crate::streams::{ANY, ask_health, one_port_folder, over_tls, tcp};

#[test]
fn full_of_idle_connections_it_serves_clients_and_admins() {
    let (server, certificate) = few_files();
    let (public, admin) = (server.at.https[0], server.at.admin[0]);
    let (http, per_source) = (told(&server, "http"), told(&server, "http_per_source"));
    let refused = || metric(admin, "kopru_connections_refused_total{reason=\"too_many\"}") as usize;
    let mut early = Client::over(from(public, [203, 0, 113, 1]));
    early.allocate().unwrap();

    // One source alone, more than it may have: it is refused, and others are served.
    let mut idle: Vec<_> = (0..per_source + 40).map(|_| from(public, [203, 0, 113, 9])).collect();
    wait_until("40 are refused", || refused() >= 40);
    assert!(is_answered(from(public, [203, 0, 113, 10])));
    let mut secure = over_tls(from(public, [203, 0, 113, 10]), &certificate, ANY);
    assert_eq!(ask_health(&mut secure), 200);

    // Many sources, none of them too many, together more than there are places.
    let sources = u8::try_from(http / 8).unwrap();
    for source in 0..=sources {
        idle.extend((0..8).map(|_| from(public, [198, 51, 100, source])));
    }
    wait_until("all places are taken", || refused() >= 40 + per_source);
    assert_eq!(get(admin, "/healthz", &[]).status, 200);
    early.binding();

    // Some of them go: there are places again.
    drop(idle);
    wait_until("there is a place", || is_answered(from(public, [203, 0, 113, 11])));
    assert!(!server.log().contains("no connection can be accepted"), "{}", server.log());
}

#[test]
fn a_relay_without_descriptors_says_508_and_the_rest_goes_on() {
    let (server, _certificate) = few_files();
    let relay = told(&server, "relay");
    let mut clients = Vec::new();
    let refused = loop {
        let mut client = UdpClient::at(server.at.turn_udp[0]);
        match client.allocate() {
            Ok(_) => clients.push(client),
            Err(code) => break code,
        }
    };
    assert_eq!(refused, 508);
    assert!((relay - 16..relay).contains(&clients.len()), "{} of {relay}", clients.len());
    // Each of these needs a descriptor, and all at once.
    let mut several: Vec<_> = (0..20).map(|_| tcp(server.http())).collect();
    for stream in &mut several {
        stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    }
    assert!(!server.log().contains("no connection can be accepted"), "{}", server.log());
}

#[test]
fn too_few_are_a_refusal_to_start() {
    let folder = Folder::new();
    let options = ["--http", "127.0.0.1:0", "--turn", "127.0.0.1:0"];
    let said = said(with_open_files(500, &folder).args(options));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("500 open files are too few, 512 is the least"), "{said:?}");
}

/// A server behind a proxy on loopback, where descriptors are few, and its certificate.
fn few_files() -> (Server, CertificateDer<'static>) {
    let limits = "[turn.limits]\nallocations_per_user = 0\n";
    let (folder, certificate) = one_port_folder("proxy_from = \"127.0.0.0/8\"\n", limits);
    let command = with_open_files(640, &folder);
    (Server::spawn(command, folder, &["--config", "kopru.toml"]), certificate)
}

/// A number of the line that it tells at its start.
fn told(server: &Server, name: &str) -> usize {
    let log = server.log();
    let line = log.lines().find(|line| line.contains("open_files=640")).unwrap();
    let number = line.split_once(&format!(" {name}=")).unwrap().1;
    number.split(' ').next().unwrap().parse().unwrap()
}

/// A connection that the proxy makes for a client at `ip`.
fn from(at: SocketAddr, ip: [u8; 4]) -> TcpStream {
    let mut stream = tcp(at);
    let [a, b, c, d] = ip;
    let port = stream.local_addr().unwrap().port();
    let header = format!("PROXY TCP4 {a}.{b}.{c}.{d} 192.0.2.1 {port} 443\r\n");
    // It may be refused before that arrives.
    let _ = stream.write_all(header.as_bytes());
    stream
}

/// Whether a Binding request is answered.
fn is_answered(mut stream: TcpStream) -> bool {
    let request = Writer::new().request(Method::BINDING, |_| ());
    stream.write_all(&request).is_ok() && stream.read_exact(&mut [0; 20]).is_ok()
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(8);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
    }
}
