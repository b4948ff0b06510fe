//! TCP allocations (RFC 6062) through the binary: off unless configured, counted, recorded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use kopru_stun::Method;
use kopru_stun::attribute::{ConnectionId, Lifetime, RequestedTransport, XorPeerAddress};

use crate::client::attribute;
use crate::door::Client;
use crate::http_client::metric;
use crate::program::Server;
use crate::streams::{one_port, tcp};

fn allocate(client: &mut Client<TcpStream>) -> Result<(), u16> {
    let asked = client.ask(Method::ALLOCATE, |request| _ = request.add(&RequestedTransport::TCP));
    asked.map(drop)
}

fn connect(client: &mut Client<TcpStream>, peer: SocketAddr) -> Result<ConnectionId, u16> {
    let reply = client.ask(Method::CONNECT, |request| _ = request.add(&XorPeerAddress(peer)))?;
    Ok(attribute(&reply))
}

#[test]
fn unless_it_is_configured_tcp_is_not_relayed() {
    let (server, _) = one_port("");
    assert_eq!(allocate(&mut Client::over(tcp(server.at.turn_tcp[0]))), Err(442));
}

#[test]
fn what_is_relayed_is_counted_and_recorded_and_kopru_itself_is_out_of_reach() {
    let (mut server, _) = one_port("tcp_relay = true\nworkers = 2\n");
    let (at, admin) = (server.at.turn_tcp[0], server.at.admin[0]);
    let mut control = Client::over(tcp(at));
    allocate(&mut control).unwrap();
    for own in [at, admin, server.http(), server.at.https[0]] {
        assert_eq!(connect(&mut control, own), Err(403), "{own}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let id = connect(&mut control, listener.local_addr().unwrap()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    assert_eq!(metric(admin, "kopru_turn_peer_connections"), 1.0);
    // On the port of HTTPS it is told from the others by its first bytes.
    let mut data = Client::over(tcp(server.at.https[0]));
    data.ask(Method::CONNECTION_BIND, |request| _ = request.add(&id)).unwrap();
    data.write(b"GET / of nobody's");
    let mut arrived = [0; 17];
    peer.read_exact(&mut arrived).unwrap();
    assert_eq!(&arrived, b"GET / of nobody's");
    peer.write_all(b"an answer").unwrap();
    drop(peer);
    let mut answer = String::new();
    data.stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "an answer");
    drop(data);
    let sample = "kopru_turn_peer_connections_ended_total{reason=\"closed\"}";
    while metric(admin, sample) < 1.0 {
        assert!(server.is_running());
    }
    assert_eq!(metric(admin, "kopru_turn_peer_connections"), 0.0);
    let sample = "kopru_turn_connections_ended_total{reason=\"data_connection\"}";
    assert_eq!(metric(admin, sample), 1.0);
    let sample = "kopru_turn_replies_total{method=\"connect\",code=\"403\"}";
    assert_eq!(metric(admin, sample), 4.0);

    control.ask(Method::REFRESH, |request| _ = request.add(&Lifetime { seconds: 0 })).unwrap();
    while metric(admin, "kopru_turn_allocations_ended_total{reason=\"deleted\"}") < 1.0 {
        assert!(server.is_running());
    }
    let log = server.log();
    let record = log.lines().find(|line| line.contains("kopru::allocation")).unwrap();
    for told in ["relay_transport=Tcp", "to_peers_bytes=17", "to_client_bytes=9"] {
        assert!(record.contains(told), "{told} in {record}");
    }
}

#[test]
fn where_no_client_could_ask_for_it_that_is_said() {
    let server = |listen: &str| {
        Server::configured(&format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[turn]\nlisten = \"{listen}\"\n\
             relay_addresses = \"127.0.0.1\"\ntcp_relay = true\n\
             [turn.auth]\nusers = {{ ada = \"ada\" }}\n"
        ))
    };
    for (listen, is_said) in [("udp:127.0.0.1:0", true), ("127.0.0.1:0", false)] {
        let log = server(listen).log();
        assert_eq!(log.contains("turn.tcp_relay is of no use"), is_said, "{log}");
    }
}
