//! A flood of packets from sources that nobody can answer, seen from inside: what the tables weigh.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kopru_stun::attribute::{
    ConnectionId, Lifetime, PasswordAlgorithm, Realm, RequestedTransport, ReservationToken,
    Username,
};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{Integrity, MessageBuilder, MessageType, TransactionId};

use super::*;
use crate::five_tuple::PeerAddr;

use crate::five_tuple::RelayTransport;
use crate::limits::Limits;
use crate::peer_policy::PeerPolicy;
use crate::rate::UserRate;
use crate::relay_sockets::{ConnectRefusal, Opened, Owner, PortWish, Refusal};
use crate::users::{UserKeys, Users};

/// Relayed transport addresses, as many as there are opened.
struct Ports(u16);

impl RelaySockets for Ports {
    fn open(&mut self, _: PortWish, _: Owner<'_>) -> Result<Opened, Refusal> {
        self.0 += 1;
        let relayed = RelayedAddr(address([9, 9, 9, 9], self.0));
        Ok(Opened { relayed, reserved: None })
    }

    fn open_reserved(&mut self, _: ReservationToken, _: Owner<'_>) -> Result<RelayedAddr, Refusal> {
        Err(Refusal::Capacity)
    }

    fn release(&mut self, _: ReservationToken) {}

    fn admit(&mut self, _: RelayedAddr) -> Result<(), Refusal> {
        Ok(())
    }

    fn close(&mut self, _: RelayedAddr) {}

    fn is_live(&self, _: RelayTransport, _: SocketAddr) -> bool {
        false
    }

    fn user_rate(&self, _: RelayedAddr) -> Option<Arc<UserRate>> {
        None
    }

    fn connect(&mut self, _: RelayedAddr, _: PeerAddr) -> Result<ConnectionId, ConnectRefusal> {
        Err(ConnectRefusal::Failed)
    }

    fn keep(&mut self) -> Result<ConnectionId, ConnectRefusal> {
        Err(ConnectRefusal::Failed)
    }

    fn splice(&mut self, _: ConnectionId, _: &FiveTuple) {}

    fn disconnect(&mut self, _: ConnectionId) {}
}

const fn address([a, b, c, d]: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, d)), port)
}

fn key(password: &str) -> LongTermKey {
    LongTermKey::derive(PasswordAlgorithm::Md5, "ada", "example.org", password)
}

fn server() -> Server {
    let keys = UserKeys::derive("ada", "example.org", "lovelace");
    let settings = Settings {
        realm: "example.org".into(),
        users: Arc::new(Users::new("example.org", [("ada".to_owned(), keys)])),
        secrets: [].into(),
        nonce_key: [7; 32],
        peers: Arc::new(PeerPolicy::default()),
        limits: Limits::default(),
        rfc5766_channels: false,
        nat_discovery: [].into(),
        tcp_relay: false,
        max_session: Duration::from_secs(86_400),
    };
    Server::new(settings, [9; 32])
}

/// A request, with the key that its integrity is made with, and the nonce it echoes.
fn request(method: Method, proof: Option<(&LongTermKey, &str)>) -> Vec<u8> {
    let mut bytes = vec![0; 300];
    let kind = MessageType::new(method, Class::Request);
    let mut builder = MessageBuilder::new(&mut bytes, kind, TransactionId([0xa5; 12]));
    match method {
        Method::ALLOCATE => _ = builder.add(&RequestedTransport::UDP),
        Method::REFRESH => _ = builder.add(&Lifetime { seconds: 600 }),
        _ => {}
    }
    if let Some((key, nonce)) = proof {
        builder.add(&Username("ada")).add(&Realm("example.org")).add(&Nonce(nonce));
        builder.add_integrity(key);
    }
    let len = builder.finish();
    bytes.truncate(len);
    bytes
}

struct Stage {
    server: Server,
    now: Now,
    packet: PacketBuf,
    ports: Ports,
}

impl Stage {
    fn send(&mut self, from: SocketAddr, bytes: &[u8]) -> Verdict {
        let client = ClientAddr(from);
        let server = address([9, 9, 9, 9], 3478);
        let five_tuple = FiveTuple { transport: Transport::Udp, client, server };
        assert!(self.packet.copy_from(bytes));
        self.server.handle_client(self.now, five_tuple, &mut self.packet, &mut self.ports)
    }

    fn nonce(&mut self, from: SocketAddr) -> String {
        self.send(from, &request(Method::ALLOCATE, None));
        let reply = Message::parse(self.packet.bytes()).unwrap();
        let Nonce(nonce) = reply.get().unwrap().expect("a challenge");
        nonce.to_owned()
    }

    /// What the server keeps that could depend on who sends, in bytes.
    fn weight(&self) -> usize {
        let Server { allocations, reply_budget, refusal_budget, events, .. } = &self.server;
        let budgets = reply_budget.weight() + refusal_budget.weight();
        allocations.weight() + budgets + events.weight()
    }
}

#[test]
fn a_million_spoofed_packets_weigh_nothing_and_leave_their_neighbour_served() {
    #[expect(clippy::disallowed_methods, reason = "any instant will do; no test waits for it")]
    let now = Now { instant: Instant::now(), unix: 1_800_000_000 };
    let mut stage =
        Stage { server: server(), now, packet: PacketBuf::new(2000), ports: Ports(50_000) };
    let (ada, eve) = (address([7, 7, 7, 7], 1000), address([7, 7, 7, 9], 1000));
    let nonce = stage.nonce(ada);
    let proof = key("lovelace");
    let allocate = request(Method::ALLOCATE, Some((&proof, &nonce)));
    assert!(matches!(stage.send(ada, &allocate), Verdict::ToClient(_)));
    let nonce_of_eve = stage.nonce(eve);

    let forged = key("guessed");
    let flood = [
        request(Method::BINDING, None),
        request(Method::ALLOCATE, None),
        request(Method::ALLOCATE, Some((&forged, &nonce))),
        request(Method::REFRESH, Some((&proof, &nonce))),
        b"\x40\x00\x00\x04flood".to_vec(),
    ];
    let before = stage.weight();
    for source in 0..1_000_000_u32 {
        // Half from everywhere, half from the network of the clients, and from themselves too.
        let [_, b, c, d] = (source / 5).to_be_bytes();
        let from = match source % 2 {
            0 => address([100 + b, c, d, 1], 1000),
            _ => address([7, 7, 7, d], 1001 + source as u16 % 60_000),
        };
        stage.send(from, &flood[source as usize % flood.len()]);
    }
    assert_eq!(stage.weight(), before, "the tables are what they were");
    assert_eq!(stage.server.counters.dropped(DropReason::NoAllocation), 200_000);
    assert!(stage.server.counters.dropped(DropReason::ReplyBudget) > 300_000);
    assert_eq!(stage.server.counters.allocations, 1);

    let binding = request(Method::BINDING, None);
    let refused = Verdict::Drop(DropReason::ReplyBudget);
    assert_eq!(stage.send(eve, &binding), refused, "the network has had its replies");
    let allocate = request(Method::ALLOCATE, Some((&proof, &nonce_of_eve)));
    assert!(matches!(stage.send(eve, &allocate), Verdict::ToClient(_)));
    let refresh = request(Method::REFRESH, Some((&proof, &nonce)));
    assert!(matches!(stage.send(ada, &refresh), Verdict::ToClient(_)));
    let reply = Message::parse(stage.packet.bytes()).unwrap();
    assert_eq!((reply.class(), reply.verify_integrity(&proof)), (Class::Success, Integrity::Valid));

    let echoing = request(Method::BINDING, Some((&forged, &nonce_of_eve)));
    assert!(matches!(stage.send(eve, &echoing), Verdict::ToClient(_)), "a nonce is proof enough");
}
