//! The second Binding port, and the addresses of RFC 5780.

use std::net::{SocketAddr, UdpSocket};

use crate::program::{Folder, Server, run};

/// A socket that somebody has, and the address below it, which nobody has.
fn neighbours() -> (UdpSocket, SocketAddr) {
    loop {
        let upper = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut below = upper.local_addr().unwrap();
        below.set_port(below.port() - 1);
        if UdpSocket::bind(below).is_ok() {
            return (upper, below);
        }
    }
}

#[test]
fn development_mode_has_the_next_port_and_says_so() {
    let (upper, below) = neighbours();
    let second = upper.local_addr().unwrap();
    drop(upper);
    let server = Server::development(&["--turn", &below.to_string()]);
    assert_eq!(server.at.turn_udp_second, [second]);
    let banner = server.folder.read("stdout");
    assert!(banner.contains(&format!("; {second} over UDP")), "{banner}");
}

#[test]
fn where_the_next_port_is_taken_development_mode_goes_on_and_says_so() {
    let (upper, below) = neighbours();
    let taken = upper.local_addr().unwrap();
    let server = Server::development(&["--turn", &below.to_string()]);
    assert_eq!(server.at.turn_udp_second, []);
    let log = server.log();
    let told = format!("udp:{taken} is already in use by another process: STUN has one port only");
    assert!(log.contains(&told), "{log}");
    assert!(!server.folder.read("stdout").contains(&taken.to_string()));
}

#[test]
fn a_second_port_that_was_chosen_and_is_taken_is_a_refusal_to_start() {
    let (upper, below) = neighbours();
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
    let text = "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"udp:0.0.0.0:0\"\n\
                second_port = 47631\nnat_discovery = [\"127.0.0.1\", \"192.0.2.222\"]\n";
    let said = run(&Folder::with("kopru.toml", text), &["--config", "kopru.toml"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.stderr.contains("turn.nat_discovery: NAT discovery at 192.0.2.222"), "{said:?}");
    assert!(said.stderr.contains("public=private"), "{said:?}");
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
