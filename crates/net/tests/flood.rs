//! A flood from thousands of sources that prove nothing: the process stays as small as it was, and
//! who has proven itself is served in the midst of it. (Replies to loopback have no budget; a
//! neighbour that is out of it is in `turn/tests/advisories/ends_and_quotas.rs`.)
//!
//! Alone in its binary, since it looks at the memory of the whole process.

mod client;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use client::{Client, Writer, allocation, peer, receive, settings};
use kopru_net::{Settings, Workers};
use kopru_stun::attribute::{Lifetime, RequestedAddressFamily};
use kopru_stun::{MessageBuilder, Method};

const CHANNEL: u16 = 0x4001;
const SOURCES: u32 = 10_000;
const EACH: usize = 100;
const GROWTH_MAX: u64 = 1024 * 1024;

/// Binding, Allocate, Refresh, Allocate and Refresh with a forged integrity, and ChannelData.
fn flood() -> [Vec<u8>; 6] {
    let mut forger = Writer::new();
    forger.pretend_nonce("obMatJos2AAAAabcdefghijklmnopqrs");
    let refresh = |request: &mut MessageBuilder<'_>| _ = request.add(&Lifetime { seconds: 600 });
    [
        Writer::new().request(Method::BINDING, |_| ()),
        Writer::new().request(Method::ALLOCATE, allocation(RequestedAddressFamily::IPV4)),
        Writer::new().request(Method::REFRESH, refresh),
        forger.request(Method::ALLOCATE, allocation(RequestedAddressFamily::IPV4)),
        forger.request(Method::REFRESH, refresh),
        client::on_channel(CHANNEL, b"flood"),
    ]
}

/// Every fourth source is a neighbour of the client, the others come from 127/8 as a whole.
fn source(number: u32) -> Ipv4Addr {
    let [_, b, c, d] = (number * 8191).to_be_bytes();
    match number % 4 {
        0 => Ipv4Addr::new(127, 0, 0, 2 + (number / 4 % 250) as u8),
        _ => Ipv4Addr::new(127, b | 1, c, d.max(1)),
    }
}

fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let resident: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
    resident * 4096
}

#[test]
fn a_million_datagrams_leave_memory_flat_and_a_neighbour_served() {
    let workers = Workers::start(Settings { workers: 2, ..settings() }).unwrap();
    let server: SocketAddr = workers.listening()[0];
    let mut ada = Client::of(&workers);
    let relayed = ada.allocate().unwrap();
    let (peer, at) = peer("127.0.0.1:0");
    ada.bind_channel(CHANNEL, at);

    let flood = flood();
    let send_from = |number| {
        let socket = UdpSocket::bind((source(number), 0)).unwrap();
        for bytes in flood.iter().cycle().take(EACH) {
            // What the socket was told of earlier ones (refused, no buffers) concerns nobody.
            let _ = socket.send_to(bytes, server);
        }
    };
    // Everything is touched once before it is weighed.
    (0..SOURCES / 10).for_each(send_from);
    workers.stats();
    let before = resident_bytes();
    for number in 0..SOURCES {
        send_from(number);
        if number % 20 == 0 {
            // Waits for the workers, so that they and not the kernel have the flood.
            workers.stats();
            ada.refresh(600).expect("who knows a nonce is served");
        }
    }
    let stats = workers.stats();
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "{grown} bytes more");

    let replied: u64 = stats.turn.replies().map(|reply| reply.2).sum();
    let dropped: u64 = stats.turn.drops().map(|drop| drop.1).sum();
    let sent = u64::from(SOURCES + SOURCES / 10) * EACH as u64;
    assert!(replied + dropped > sent / 2, "{replied} and {dropped} of {sent} reached the core");
    assert_eq!(stats.turn.allocations, 1);
    ada.send_on_channel(CHANNEL, b"still here");
    assert_eq!(receive(&peer), (b"still here".to_vec(), relayed));
}
