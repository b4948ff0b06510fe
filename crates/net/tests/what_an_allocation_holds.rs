//! What the front page promises: an idle allocation holds less than a kilobyte, a permission or a
//! channel less than 200 bytes, all tables of all layers together. The kernel's socket is not in
//! it.
#![expect(clippy::print_stdout, reason = "the figures of docs/performance.md")]

mod client;
mod counting;

use std::net::SocketAddr;
use std::thread;

use client::{Client, settings};
use counting::held;
use kopru_net::{Settings, Workers};
use kopru_turn::Limits;

/// As many as fill no table to its end: growth is in it.
const CLIENTS: usize = 700;
/// Peers of each client, besides the first.
const PEERS: u16 = 20;

fn peer(number: u16) -> SocketAddr {
    SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], 5000))
}

/// What each client adds to what is held.
fn each(clients: &mut [Client], what: impl Fn(&mut Client)) -> u64 {
    let before = held();
    clients.iter_mut().for_each(what);
    // A worker may still have been at work for the last of them.
    held().saturating_sub(before) / clients.len() as u64
}

#[test]
fn an_idle_allocation_is_small_and_so_is_what_it_grows_by() {
    let mut settings = settings();
    settings.turn.limits = Limits { allocations_per_user: 0, ..Limits::default() };
    let mut workers = Workers::start(Settings { workers: 1, ..settings }).unwrap();
    let events = workers.take_events().unwrap();
    let reader = thread::spawn(move || events.iter().count());
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::of(&workers)).collect();
    // By then each knows its nonce.
    clients.iter_mut().for_each(|client| assert_eq!(client.refresh(600), Err(437)));

    let allocation = each(&mut clients, |client| _ = client.allocate().unwrap());
    let permission = each(&mut clients, |client| client.permit(peer(0)));
    let channel = each(&mut clients, |client| client.bind_channel(0x4000, peer(0)));
    println!("{allocation} B an allocation, {permission} B a permission, {channel} B a channel");
    assert!((300..=900).contains(&allocation), "{allocation}");
    assert!((30..=200).contains(&permission) && (30..=200).contains(&channel));

    let further = each(&mut clients[..20], |client| {
        (1..=PEERS).for_each(|number| client.permit(peer(number)));
    }) / u64::from(PEERS);
    let channels = each(&mut clients[..20], |client| {
        (1..=PEERS).for_each(|number| client.bind_channel(0x4000 + number, peer(number)));
    }) / u64::from(PEERS);
    println!("{further} B a further permission, {channels} B a further channel");
    assert!((30..=200).contains(&further) && (30..=200).contains(&channels));

    let before = held();
    clients.iter_mut().for_each(|client| client.refresh(0).unwrap());
    let given_back = (before - held()) / CLIENTS as u64;
    println!("{given_back} B given back");
    assert!(given_back * 3 > 2 * (allocation + permission + channel), "{given_back}");
    drop(workers);
    assert_eq!(reader.join().unwrap(), 2 * CLIENTS, "each began and each ended");
}
