//! From start to end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::certificate;
use crate::http_client::{Answer, get, parse};
use crate::program::{Folder, Server, run};
use crate::signaling_client::Client;

#[test]
fn development_mode_says_what_is_open_to_whom() {
    let server = Server::development(&[]);
    let banner = server.folder.read("stdout");
    let link = format!("http://localhost:{}/", server.http().port());
    assert!(banner.contains(&link), "{banner}");
    assert!(banner.contains("open to this machine only"), "{banner}");
    let [udp, tcp] = [server.at.turn_udp[0], server.at.turn_tcp[0]];
    let transports = format!("{udp} over UDP, {tcp} over TCP");
    assert!(banner.contains(&transports), "{banner}");
}

#[test]
fn the_ready_file_lives_as_long_as_the_server() {
    let mut server = Server::development(&[]);
    assert!(server.at.pid > 0);
    assert_eq!(get(server.at.http[0], "/healthz", &[]).status, 200);
    server.signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(5)).code(), Some(0));
    assert!(!server.folder.path("ready.json").exists());
}

#[tokio::test]
async fn ctrl_c_tells_everybody_and_ends_cleanly() {
    let mut server = Server::development(&[]);
    let mut client = Client::connect(server.http()).await;
    client.greet(None).await;
    let begin = Instant::now();
    server.signal("INT");
    assert_eq!(client.closed().await, (1001, "going_away;retry_after_s=1".to_owned()));
    // Its half of the closing handshake.
    while client.socket.next().await.is_some_and(|message| message.is_ok()) {}
    assert_eq!(server.ended(Duration::from_secs(5)).code(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready() {
    let mut server = Server::development(&[]);
    // A client that does not say goodbye keeps it draining for a moment.
    let mut client = Client::connect(server.http()).await;
    client.greet(None).await;
    assert_eq!(get(server.http(), "/readyz", &[]).status, 200);
    server.signal("INT");
    while !server.log().contains("stopping") {
        assert!(server.is_running(), "{}", server.log());
    }
    let ready = get(server.http(), "/readyz", &[]);
    assert_eq!((ready.status, ready.code().as_str()), (503, "stopping"));
    assert_eq!(ready.header("retry-after"), Some("2"));
    assert_eq!(Client::connect_from(server.http(), None).await.err(), Some(503));
    assert_eq!(server.ended(Duration::from_secs(5)).code(), Some(0));
    drop(client);
}

#[test]
fn a_taken_port_is_a_refusal_to_start() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (tcp, udp_at) = (tcp.local_addr().map(|at| (tcp, at)).unwrap(), udp.local_addr().unwrap());
    for (http, turn, option, taken) in [
        (tcp.1.to_string(), "127.0.0.1:0".to_owned(), "http.listen", tcp.1),
        ("127.0.0.1:0".to_owned(), udp_at.to_string(), "turn.listen", udp_at),
    ] {
        let said = run(&Folder::new(), &["--http", &http, "--turn", &turn]);
        assert_eq!(said.code, 2, "{said:?}");
        for part in [option, "already in use", "another kopru", &taken.to_string()] {
            assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
        }
    }
}

#[test]
fn development_mode_is_not_opened_by_an_address() {
    let said = run(&Folder::new(), &["--http", "0.0.0.0:0", "--turn", "127.0.0.1:0"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("--lan opens it"), "{}", said.stderr);
}

#[test]
fn an_address_of_another_host_is_a_refusal_to_start() {
    let text = "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"127.0.0.1:0\"\n\
                relay_addresses = \"203.0.113.7\"\n[turn.auth]\nsecrets = \"x\"\n";
    let said = run(&Folder::with("kopru.toml", text), &["--config", "kopru.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("turn.relay_addresses"), "{}", said.stderr);
    assert!(said.stderr.contains("public=private"), "{}", said.stderr);
}

#[test]
fn a_private_relay_address_is_shouted_about() {
    let text = "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"127.0.0.1:0\"\n\
                relay_addresses = \"127.0.0.1\"\n[turn.auth]\nsecrets = \"x\"\n";
    let server = Server::configured(text);
    assert!(server.log().contains("PUBLIC=127.0.0.1"), "{}", server.log());
}

#[test]
fn https_from_files() {
    let folder = Folder::new();
    let certificate = certificate::write(&folder, "chain.pem", "key.pem");
    folder.write(
        "kopru.toml",
        "[http]\nlisten = []\n[https]\nlisten = \"127.0.0.1:0\"\ncertificate = \"chain.pem\"\n\
         key = \"key.pem\"\n[turn]\nlisten = \"127.0.0.1:0\"\n",
    );
    let server = Server::start(folder, &["--config", "kopru.toml"]);
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let answer = get_over_tls(server.at.https[0], roots, "/healthz");
    assert_eq!(answer.status, 200);
}

#[test]
fn the_local_network_gets_https_and_a_code_for_its_cameras() {
    let server = Server::development(&["--lan"]);
    assert!(server.at.http.is_empty());
    let banner = server.folder.read("stdout");
    let link = format!("https://127.0.0.1:{}/", server.at.https[0].port());
    assert!(banner.contains(&link), "{banner}");
    assert!(banner.contains("Everybody on this network may join any room"), "{banner}");
    assert!(banner.contains("to see or end those of others, to this machine only"), "{banner}");
    assert!(banner.contains('█') && banner.contains('▄'), "{banner}");
    let mut stream = TcpStream::connect(server.at.https[0]).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 400"), "whoever forgot the s learns it");
}

fn get_over_tls(at: SocketAddr, roots: RootCertStore, path: &str) -> Answer {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(at).unwrap());
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    parse(&String::from_utf8(answer).unwrap())
}
