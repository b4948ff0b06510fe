//! What an operator sees when the workers can't start, and what stopping leaves behind.

mod client;

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use client::{Client, settings};
use kopru_net::{Event, Settings, StartError, Workers};
use kopru_turn::EndReason;

#[track_caller]
fn refusal(settings: Settings) -> StartError {
    match Workers::start(settings) {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

fn listening_on(addresses: &[&str]) -> Settings {
    let listen = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Settings { listen, ..settings() }
}

fn relaying_on(addresses: &[&str]) -> Settings {
    let relay_addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Settings { relay_addresses, ..settings() }
}

#[test]
fn each_mistake_has_a_sentence_that_names_it() {
    for (settings, expect) in [
        (
            listening_on(&["0.0.0.0:3478", "127.0.0.1:3478"]),
            "udp:127.0.0.1:3478 overlaps udp:0.0.0.0:3478: one of the two is enough",
        ),
        (
            listening_on(&["192.0.2.222:3478"]),
            "can't listen on udp:192.0.2.222:3478: Cannot assign requested address (os error 99)",
        ),
        (
            relaying_on(&["203.0.113.7=0.0.0.0"]),
            "relay address 203.0.113.7=0.0.0.0: a wildcard can't be told to a peer",
        ),
        (
            relaying_on(&["203.0.113.7=::1"]),
            "relay address 203.0.113.7=::1: one side is IPv4 and the other IPv6",
        ),
        (
            relaying_on(&["127.0.0.1", "203.0.113.7=127.0.0.1"]),
            "relay address 203.0.113.7=127.0.0.1 is given twice",
        ),
        (
            relaying_on(&["203.0.113.7=192.0.2.222"]),
            "relay address 203.0.113.7=192.0.2.222: can't open a socket on 192.0.2.222: \
             Cannot assign requested address (os error 99)",
        ),
        (Settings { workers: 5000, ..settings() }, "5000 workers are too many, 1024 is the limit"),
    ] {
        assert_eq!(refusal(settings).to_string(), expect);
    }
}

#[test]
fn a_port_taken_by_another_is_named_and_nothing_stays_open() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let somebody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = somebody.local_addr().unwrap();
    let listen = vec![free, taken];
    let error = refusal(Settings { listen, workers: 2, ..settings() });
    assert_eq!(error.to_string(), format!("udp:{taken} is already in use by another process"));
    UdpSocket::bind(free).expect("the other listener is closed again");
}

#[test]
fn two_servers_do_not_share_a_port() {
    let first = Workers::start(settings()).unwrap();
    let listen = first.listening().to_vec();
    let error = refusal(Settings { listen: listen.clone(), ..settings() });
    assert!(matches!(error, StartError::AddressInUse(address) if address == listen[0]));
}

#[test]
fn stopping_wakes_idle_workers_and_frees_every_socket() {
    let mut workers = Workers::start(Settings { workers: 3, ..settings() }).unwrap();
    assert_eq!(workers.count(), 3);
    let events = workers.take_events().unwrap();
    let listening = workers.listening()[0];
    let relayed = Client::of(&workers).allocate().unwrap();
    let created = events.recv_timeout(Duration::from_secs(10));
    assert!(matches!(created, Ok(Event::Allocation(kopru_turn::Event::Created { .. }))));
    let taken = UdpSocket::bind(relayed).expect_err("the relayed transport address is open");
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    workers.stop();
    for address in [listening, relayed] {
        UdpSocket::bind(address).unwrap();
    }
    let Ok(Event::Allocation(kopru_turn::Event::Ended(record))) = events.try_recv() else {
        panic!("every allocation leaves a record");
    };
    assert_eq!((record.relayed.0, record.reason), (relayed, EndReason::Shutdown));
    let left = events.try_recv();
    assert_eq!(left, Err(TryRecvError::Disconnected), "no thread is left that could tell");
}

#[test]
fn a_worker_for_each_core_is_the_default() {
    let workers = Workers::start(Settings { workers: 0, ..settings() }).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(workers.count(), cores);
    let server: SocketAddr = workers.listening()[0];
    assert_eq!(Client::at(server).binding().ip(), server.ip());
}
