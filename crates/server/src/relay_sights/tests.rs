//! What events of the relay say about credentials, and what happens when nobody listens.

use std::net::SocketAddr;
use std::time::Duration;

use kopru_stun::Method;
use kopru_turn::Traffic;
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, PeerAddr, RelayTransport, RelayedAddr};
use tokio::sync::mpsc::{self, Receiver};

use super::*;
use crate::limits::HUB_QUEUE_MAX;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn five_tuple(transport: Transport) -> FiveTuple {
    let (client, server) = (ClientAddr(address("192.0.2.7:1000")), address("192.0.2.1:3478"));
    FiveTuple { transport, client, server }
}

fn created(username: &str, relayed: &str) -> Event {
    Event::Created {
        five_tuple: five_tuple(Transport::Tls),
        relayed: RelayedAddr(address(relayed)),
        username: username.into(),
        lifetime: Duration::from_secs(600),
    }
}

fn refused(reason: RefusalReason) -> Event {
    let (five_tuple, username) = (five_tuple(Transport::Udp), "1900000000:cafe".into());
    Event::Refused(Box::new(Refused { five_tuple, username, method: Method::ALLOCATE, reason }))
}

#[test]
fn each_event_is_told_of_the_credential_in_its_user_name() {
    let allocated = |relayed_private| {
        let transport = TurnTransport::Tls;
        Some(("cafe", RelaySight::Allocated { transport, relayed_private }))
    };
    assert_eq!(sight(&created("1900000000:cafe", "192.0.2.1:50000")), allocated(false));
    assert_eq!(sight(&created("1900000000:cafe;bps=8000", "10.0.0.1:50000")), allocated(true));
    for username in ["ada", "ada:cafe", "1900000000", "1900000000:"] {
        assert_eq!(sight(&created(username, "192.0.2.1:50000")), None, "{username}");
    }
    let refreshed = Event::Refreshed {
        five_tuple: five_tuple(Transport::Udp),
        relayed: RelayedAddr(address("192.0.2.1:50000")),
        lifetime: Duration::from_secs(600),
    };
    assert_eq!(sight(&refreshed), None);
}

#[test]
fn each_refusal_keeps_its_code_and_its_reason() {
    let refusal = |code, why| Some(("cafe", RelaySight::Refused { code, why }));
    let peer = PeerAddr(address("10.0.0.1:9"));
    let peer_refused = RelaySight::PeerRefused { peer: peer.0.ip(), code: 403 };
    let expired_unix = 1_900_000_000;
    for (reason, expect) in [
        (RefusalReason::WrongPassword, refusal(401, RefusedWhy::WrongPassword)),
        (RefusalReason::Expired { ago_s: 5 }, refusal(401, RefusedWhy::Expired { expired_unix })),
        (RefusalReason::Barred, refusal(403, RefusedWhy::Barred)),
        (RefusalReason::PeerForbidden(peer), Some(("cafe", peer_refused))),
        (RefusalReason::WrongCredentials, refusal(441, RefusedWhy::Other)),
        (RefusalReason::Quota, refusal(486, RefusedWhy::Quota)),
        (RefusalReason::Capacity, refusal(508, RefusedWhy::Capacity)),
    ] {
        assert_eq!(sight(&refused(reason)), expect);
    }
}

#[test]
fn an_end_is_told_with_its_bytes() {
    let record = Ended {
        five_tuple: five_tuple(Transport::Tcp),
        relayed: RelayedAddr(address("192.0.2.1:50000")),
        relay_transport: RelayTransport::Udp,
        username: "1900000000:cafe".into(),
        reason: EndReason::MaxSession,
        age: Duration::from_secs(7),
        to_peers: Traffic { packets: 1, bytes: 100 },
        to_client: Traffic { packets: 2, bytes: 300 },
        peers: 1,
    };
    let ended = RelaySight::Ended {
        reason: AllocationEnd::MaxSession,
        transport: TurnTransport::Tcp,
        to_peers_bytes: 100,
        to_client_bytes: 300,
    };
    assert_eq!(sight(&Event::Ended(Box::new(record))), Some(("cafe", ended)));
}

#[test]
fn what_finds_the_queue_full_is_counted() {
    let sights = RelaySights::default();
    let event = refused(RefusalReason::Quota);
    sights.tell(&event);
    let (hub, mut queue): (_, Receiver<hub::Event>) = mpsc::channel(HUB_QUEUE_MAX);
    sights.lead_to(hub::Desks::new(vec![hub]));
    for _ in 0..=HUB_QUEUE_MAX {
        sights.tell(&event);
    }
    assert_eq!((sights.lost(), queue.len()), (1, HUB_QUEUE_MAX));
    let Ok(hub::Event::RelaySaw { credential, .. }) = queue.try_recv() else { panic!("a sight") };
    assert_eq!(credential, "cafe");
    drop(queue);
    sights.tell(&event);
    assert_eq!(sights.lost(), 1, "a hub that is gone misses nothing");
}
