//! The second Binding port, and the addresses of RFC 5780.

use std::net::{SocketAddr, TcpStream, UdpSocket};

use kopru_stun::Method;
use kopru_stun::attribute::{OtherAddress, ResponseOrigin};
use serde_json::json;

use crate::client::{attribute, neighbours};
use crate::door::Client;
use crate::http_client::get;
use crate::program::{Folder, Server, run};

/// A port that somebody has, and the address below it, which is free.
fn somebody() -> (UdpSocket, SocketAddr) {
    let [lower, upper] = neighbours();
    (upper, lower.local_addr().unwrap())
}

#[test]
fn development_mode_has_the_next_port_and_says_so() {
    let (upper, below) = somebody();
    let second = upper.local_addr().unwrap();
    drop(upper);
    let server = Server::development(&["--turn", &below.to_string()]);
    assert_eq!(server.at.turn_udp_second, [second]);
    let banner = server.folder.read("stdout");
    assert!(banner.contains(&format!("; {second} over UDP")), "{banner}");
    let told = get(server.http(), "/v1/ice-servers", &[]).json();
    assert_eq!(told["natProbe"]["urls"], json!([below, second].map(|at| format!("stun:{at}"))));
}

#[test]
fn where_the_next_port_is_taken_development_mode_goes_on_and_says_so() {
    let (upper, below) = somebody();
    let taken = upper.local_addr().unwrap();
    let server = Server::development(&["--turn", &below.to_string()]);
    assert_eq!(server.at.turn_udp_second, []);
    let log = server.log();
    let told = format!("udp:{taken} is already in use by another process: STUN has one port only");
    assert!(log.contains(&told), "{log}");
    assert!(!server.folder.read("stdout").contains(&taken.to_string()));
    assert_eq!(get(server.http(), "/v1/ice-servers", &[]).json().get("natProbe"), None);
}

#[test]
fn a_second_port_that_was_chosen_and_is_taken_is_a_refusal_to_start() {
    let (upper, below) = somebody();
    let taken = upper.local_addr().unwrap();
    for (key, option) in [
        (format!("second_port = {}", taken.port()), "turn.second_port"),
        ("nat_discovery = [\"127.0.0.1\", \"127.0.0.2\"]".to_owned(), "turn.second_port"),
    ] {
        let text =
            format!("[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"{below}\"\n{key}\n");
        let said = run(&Folder::with("kopru.toml", &text), &["--config", "kopru.toml"]);
        assert_eq!(said.code, 2, "{said:?}");
        for part in [option, "already in use", "another kopru", &taken.to_string()] {
            assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
        }
    }
}

#[test]
fn an_address_of_discovery_that_another_host_has_is_a_refusal_to_start() {
    let (_, below) = somebody();
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"{below}\"\n\
         nat_discovery = [\"127.0.0.1\", \"192.0.2.222\"]\n"
    );
    let said = run(&Folder::with("kopru.toml", &text), &["--config", "kopru.toml"]);
    assert_eq!(said.code, 2, "{said:?}");
    let told = format!("turn.nat_discovery: 192.0.2.222:{}: no interface", below.port());
    assert!(said.stderr.contains(&told), "{said:?}");
}

#[test]
fn the_four_addresses_accept_connections_too() {
    let (upper, below) = somebody();
    let ports = [below.port(), upper.local_addr().unwrap().port()];
    drop(upper);
    let server = Server::configured(&format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"{below}\"\n\
         nat_discovery = [\"127.0.0.1\", \"127.0.0.2\"]\n"
    ));
    assert_eq!((server.at.turn_tcp.len(), server.at.turn_tcp_discovery.len()), (1, 3));
    for (ip, other_ip) in [("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")] {
        for (port, other_port) in [(ports[0], ports[1]), (ports[1], ports[0])] {
            let at: SocketAddr = format!("{ip}:{port}").parse().unwrap();
            let mut client = Client::over(TcpStream::connect(at).unwrap());
            let request = client.writer.request(Method::BINDING, |_| ());
            client.write(&request);
            let reply = client.receive();
            assert_eq!(attribute::<ResponseOrigin>(&reply).0, at);
            let other = format!("{other_ip}:{other_port}").parse().unwrap();
            assert_eq!(attribute::<OtherAddress>(&reply).0, other);
        }
    }
}

#[test]
fn the_effective_configuration_has_both() {
    let listen = "listen = [\"udp:0.0.0.0:443\", \"0.0.0.0:3478\"]";
    for (keys, expect) in [
        ("", ["second_port = 444                          # default", "nat_discovery = []"]),
        ("second_port = 0", ["second_port = 0", "nat_discovery = []"]),
        (
            "nat_discovery = [\"192.0.2.1\", \"192.0.2.2=10.0.0.2\", \"::1\", \"::2\"]",
            [
                "second_port = 444 ",
                "nat_discovery = [\"192.0.2.1\", \"192.0.2.2=10.0.0.2\", \"::1\"",
            ],
        ),
    ] {
        let folder = Folder::with("kopru.toml", &format!("[turn]\n{listen}\n{keys}\n"));
        let said = run(&folder, &["check", "kopru.toml"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        for line in expect {
            let printed = said.stdout.lines().any(|printed| printed.starts_with(line));
            assert!(printed, "{line} in\n{}", said.stdout);
        }
    }
}
