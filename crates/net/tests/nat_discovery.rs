//! RFC 5780 §6: Server Behavior, and the second port, with real sockets: answers leave from the
//! address that the core says.

mod client;

use std::net::{IpAddr, SocketAddr};

use client::{Client, Writer, attribute, neighbours, peer, receive, settings};
use kopru_net::{RelayAddress, SecondPort, Settings, StartError, Workers};
use kopru_stun::Method;
use kopru_stun::attribute::{
    ChangeRequest, OtherAddress, Padding, ResponseOrigin, ResponsePort, XorMappedAddress,
};

/// A1 and A2.
const PAIR: [&str; 2] = ["127.0.0.1", "127.0.0.2"];

fn pair(ips: [&str; 2]) -> Vec<[RelayAddress; 2]> {
    vec![ips.map(|ip| ip.parse().unwrap())]
}

fn discovering(listen: &str, workers: usize) -> Settings {
    Settings {
        listen: vec![listen.parse().unwrap()],
        second_port: SecondPort::Port(0),
        nat_discovery: pair(PAIR),
        workers,
        ..settings()
    }
}

fn ports(workers: &Workers) -> [u16; 2] {
    [workers.listening()[0].port(), workers.second_listening()[0].port()]
}

#[track_caller]
fn refusal(settings: Settings) -> StartError {
    match Workers::start(settings) {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

#[test]
fn each_of_the_four_addresses_answers_for_each_other() {
    for (listen, count) in [("127.0.0.1:0", 1), ("127.0.0.2:0", 3), ("0.0.0.0:0", 2)] {
        let workers = Workers::start(discovering(listen, count)).unwrap();
        let ports = ports(&workers);
        for case in 0..16 {
            let [da, dp, ip, port] = [1, 2, 4, 8].map(|bit| case & bit != 0);
            let at = |ip: bool, port: bool| -> SocketAddr {
                (PAIR[usize::from(ip)].parse::<IpAddr>().unwrap(), ports[usize::from(port)]).into()
            };
            let (socket, client) = peer("127.0.0.1:0");
            let change = ChangeRequest { ip, port };
            let request = Writer::new().request(Method::BINDING, |it| _ = it.add(&change));
            socket.send_to(&request, at(da, dp)).unwrap();
            let (reply, from) = receive(&socket);
            let source = at(da ^ ip, dp ^ port);
            assert_eq!((from, attribute::<ResponseOrigin>(&reply).0), (source, source));
            assert_eq!(attribute::<OtherAddress>(&reply).0, at(!da, !dp));
            assert_eq!(attribute::<XorMappedAddress>(&reply).0, client);
        }
    }
}

#[test]
fn a_response_goes_to_the_port_that_the_request_names() {
    let workers = Workers::start(discovering("127.0.0.1:0", 2)).unwrap();
    let ((y, from), (x, at)) = (peer("127.0.0.1:0"), peer("127.0.0.1:0"));
    let port = ResponsePort(at.port());
    let request = Writer::new().request(Method::BINDING, |it| _ = it.add(&port));
    y.send_to(&request, workers.listening()[0]).unwrap();
    let (reply, _) = receive(&x);
    assert_eq!(attribute::<XorMappedAddress>(&reply).0, from);
}

#[test]
fn padding_makes_the_response_as_long_as_the_request() {
    let workers = Workers::start(discovering("127.0.0.1:0", 1)).unwrap();
    let (socket, _) = peer("127.0.0.1:0");
    for len in [1500, 60_000] {
        let mut request = Writer::new().request(Method::BINDING, |_| ());
        request.extend([&[0, 0x26][..], &(len as u16).to_be_bytes(), &vec![7; len]].concat());
        let body = u16::try_from(request.len() - 20).unwrap();
        request[2..4].copy_from_slice(&body.to_be_bytes());
        socket.send_to(&request, workers.listening()[0]).unwrap();
        let (reply, _) = receive(&socket);
        assert_eq!(attribute::<Padding>(&reply), Padding { len });
    }
}

#[test]
fn a_second_port_is_served_like_the_first() {
    let settings = Settings { second_port: SecondPort::Port(0), workers: 2, ..settings() };
    let listen = ["127.0.0.1:0", "[::1]:0"].map(|at| at.parse().unwrap()).to_vec();
    let workers = Workers::start(Settings { listen, ..settings }).unwrap();
    let (first, second) = (workers.listening(), workers.second_listening());
    assert_eq!((first.len(), second.len()), (2, 1), "the port of [::1] is another one");
    assert_eq!(second[0].ip(), first[0].ip());
    let mut client = Client::at(second[0]);
    assert_eq!(client.binding(), client.address());
    client.allocate().unwrap();
}

#[test]
fn the_next_port_is_the_second_unless_somebody_has_it() {
    let next = |listen: SocketAddr| Settings {
        listen: vec![listen],
        second_port: SecondPort::NextIfFree,
        ..settings()
    };
    let [lower, somebody] = neighbours();
    let [below, taken] = [&lower, &somebody].map(|socket| socket.local_addr().unwrap());
    drop(lower);
    let workers = Workers::start(next(below)).unwrap();
    assert_eq!(workers.second_listening(), []);
    let why = workers.second_port_refused().expect("it is told").to_string();
    assert_eq!(why, format!("udp:{taken} is already in use by another process"));
    drop(workers);

    let needed = Settings { nat_discovery: pair(PAIR), ..next(below) };
    assert!(matches!(refusal(needed), StartError::SecondPort(_)));
    let wanted = Settings { second_port: SecondPort::Port(taken.port()), ..next(below) };
    assert!(matches!(refusal(wanted), StartError::SecondPort(_)));

    drop(somebody);
    let workers = Workers::start(next(below)).unwrap();
    assert_eq!(workers.second_listening(), [taken]);
    assert!(workers.second_port_refused().is_none());
}

#[test]
fn what_can_t_serve_discovery_is_refused_by_name() {
    let wildcard = || discovering("0.0.0.0:0", 1);
    for (settings, expect) in [
        (
            Settings { nat_discovery: pair(["127.0.0.1", "192.0.2.222"]), ..wildcard() },
            "NAT discovery at 192.0.2.222: can't open a socket on 192.0.2.222: Cannot assign \
             requested address (os error 99)",
        ),
        (
            Settings { nat_discovery: pair(["127.0.0.1", "::1"]), ..wildcard() },
            "NAT discovery at 127.0.0.1 and ::1: two different addresses of one family are needed",
        ),
        (
            Settings { nat_discovery: pair(["127.0.0.1", "8.8.8.8=127.0.0.1"]), ..wildcard() },
            "NAT discovery at 127.0.0.1 and 8.8.8.8=127.0.0.1: two different addresses of one \
             family are needed",
        ),
        (
            Settings { second_port: SecondPort::None, ..wildcard() },
            "NAT discovery needs a UDP address to listen on and a second port",
        ),
        (
            Settings { listen: vec![], ..wildcard() },
            "NAT discovery needs a UDP address to listen on and a second port",
        ),
    ] {
        assert_eq!(refusal(settings).to_string(), expect);
    }
}
