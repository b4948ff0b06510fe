//! A TURN server without sockets, and a client of it with an allocation: what hot functions are
//! called on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_stun::attribute::{
    ConnectionId, Data, Lifetime, Nonce, PasswordAlgorithm, Realm, RequestedTransport,
    ReservationToken, Username, XorPeerAddress,
};
use kopru_stun::channel_data::{ChannelHeader, ChannelNumber};
use kopru_stun::credentials::{LongTermKey, Secret};
use kopru_stun::packet::PacketBuf;
use kopru_stun::run::Run;
use kopru_stun::time::Now;
use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};
use kopru_turn::five_tuple::{
    ClientAddr, FiveTuple, PeerAddr, RelayTransport, RelayedAddr, Sender, Transport,
};
use kopru_turn::relay_sockets::{ConnectRefusal, Opened, Owner, PortWish, Refusal, RelaySockets};
use kopru_turn::{
    Limits, PeerPolicy, PerSecond, ReplyLimit, RunVerdict, Server, Settings, UserRate, Users,
    Verdict,
};

/// A server, and what it is called with.
pub(crate) struct Stage {
    server: Server,
    ports: Ports,
    now: Now,
    packet: PacketBuf,
    client: FiveTuple,
    key: LongTermKey,
    nonce: String,
}

impl Stage {
    /// A server whose client knows a nonce.
    pub(crate) fn new() -> Self {
        let secret = Secret::new(SECRET);
        let password = secret.password(USERNAME);
        let client = FiveTuple {
            transport: Transport::Udp,
            client: ClientAddr(address([7, 7, 7, 7], 40_000)),
            server: address(RELAY_IP, 3478),
        };
        let mut stage = Self {
            server: Server::new(settings(secret), [9; 32]),
            ports: Ports { next: FIRST_PORT },
            now: Now { instant: Instant::now(), unix: 1_800_000_000 },
            packet: PacketBuf::new(DATAGRAM_MAX),
            client,
            key: LongTermKey::derive(PasswordAlgorithm::Md5, USERNAME, REALM, &password),
            nonce: String::new(),
        };
        stage.client_sends(&unproven(Method::ALLOCATE));
        let challenge = Message::parse(stage.packet.bytes()).expect("a reply");
        let Nonce(nonce) = challenge.get().expect("whole").expect("a challenge has a nonce");
        stage.nonce = nonce.to_owned();
        stage
    }

    /// The same with an allocation, a channel to [`PEER`] and with it a permission.
    pub(crate) fn with_allocation() -> Self {
        let mut stage = Self::new();
        let bind = stage.request(Method::CHANNEL_BIND, |request| {
            request.add(&CHANNEL).add(&XorPeerAddress(PEER));
        });
        for request in [stage.allocate(), bind] {
            stage.client_sends(&request);
            let reply = Message::parse(stage.packet.bytes()).expect("a reply");
            assert_eq!(reply.class(), Class::Success);
        }
        stage
    }

    /// The server takes a datagram of the client.
    pub(crate) fn client_sends(&mut self, datagram: &[u8]) -> Verdict {
        assert!(self.packet.copy_from(datagram));
        let Self { server, ports, now, packet, client, .. } = self;
        let verdict = server.handle_client(*now, *client, packet, ports);
        while server.poll_event().is_some() {}
        verdict
    }

    /// The server takes a datagram of a peer that came to the allocation.
    pub(crate) fn peer_sends(&mut self, from: SocketAddr, datagram: &[u8]) -> Verdict {
        assert!(self.packet.copy_from(datagram));
        let at = RelayedAddr(address(RELAY_IP, FIRST_PORT));
        self.server.handle_peer(self.now, at, Sender::Peer(PeerAddr(from)), &mut self.packet)
    }

    /// The server takes a train of datagrams of the client, all on the channel.
    pub(crate) fn client_sends_train(&mut self, train: &[u8], datagram_len: usize) -> RunVerdict {
        assert!(self.packet.copy_from(train));
        let Self { server, ports, now, packet, client, .. } = self;
        let mut rest = Run::train(train.len(), datagram_len);
        let run = server.handle_client_run(*now, client, (packet, &mut rest), ports);
        run.expect("they are on one channel")
    }

    /// The server takes a train of datagrams of the peer that has the channel.
    pub(crate) fn peer_sends_train(&mut self, train: &[u8], datagram_len: usize) -> RunVerdict {
        assert!(self.packet.copy_from(train));
        let run = Run::train(train.len(), datagram_len);
        let at = RelayedAddr(address(RELAY_IP, FIRST_PORT));
        let from = Sender::Peer(PeerAddr(PEER));
        let run = self.server.handle_peer_run(self.now, at, from, (&mut self.packet, run));
        run.expect("there is a channel")
    }

    /// An Allocate request that proves itself.
    pub(crate) fn allocate(&self) -> Vec<u8> {
        self.request(Method::ALLOCATE, |request| _ = request.add(&RequestedTransport::UDP))
    }

    /// A Refresh request that proves itself.
    pub(crate) fn refresh(&self, seconds: u32) -> Vec<u8> {
        self.request(Method::REFRESH, |request| _ = request.add(&Lifetime { seconds }))
    }

    fn request(&self, method: Method, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<u8> {
        message(method, Class::Request, |request| {
            write(request);
            request.add(&Username(USERNAME)).add(&Realm(REALM)).add(&Nonce(&self.nonce));
            request.add_integrity(&self.key);
        })
    }
}

/// A request that proves nothing.
pub(crate) fn unproven(method: Method) -> Vec<u8> {
    message(method, Class::Request, |request| {
        if method == Method::ALLOCATE {
            request.add(&RequestedTransport::UDP);
        }
    })
}

/// A Send indication.
pub(crate) fn send_indication(to: SocketAddr, data: &[u8]) -> Vec<u8> {
    message(Method::SEND, Class::Indication, |indication| {
        indication.add(&XorPeerAddress(to)).add(&Data(data));
    })
}

/// A ChannelData message on the channel that is bound.
pub(crate) fn channel_data(data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).expect("a datagram");
    let mut bytes = ChannelHeader { channel: CHANNEL, len }.to_bytes().to_vec();
    bytes.extend_from_slice(data);
    bytes
}

fn message(method: Method, class: Class, write: impl FnOnce(&mut MessageBuilder<'_>)) -> Vec<u8> {
    let mut bytes = vec![0; DATAGRAM_MAX];
    let kind = MessageType::new(method, class);
    let mut builder = MessageBuilder::new(&mut bytes, kind, TransactionId([0xa5; 12]));
    write(&mut builder);
    let len = builder.finish();
    bytes.truncate(len);
    bytes
}

fn settings(secret: Secret) -> Settings {
    Settings {
        realm: REALM.into(),
        users: Arc::new(Users::default()),
        secrets: [secret].into(),
        nonce_key: [7; 32],
        peers: Arc::new(PeerPolicy::default()),
        // All requests come from one place, in no time.
        limits: Limits {
            replies: ReplyLimit { packets: PerSecond(1 << 40), bytes: PerSecond(1 << 40) },
            ..Limits::default()
        },
        rfc5766_channels: false,
        nat_discovery: [].into(),
        tcp_relay: false,
        max_session: Duration::from_secs(86_400),
    }
}

/// Relayed transport addresses: the next port, and the first again when it is free.
struct Ports {
    next: u16,
}

impl RelaySockets for Ports {
    fn open(&mut self, _: PortWish, _: Owner<'_>) -> Result<Opened, Refusal> {
        let relayed = RelayedAddr(address(RELAY_IP, self.next));
        self.next += 1;
        Ok(Opened { relayed, reserved: None })
    }

    fn open_reserved(&mut self, _: ReservationToken, _: Owner<'_>) -> Result<RelayedAddr, Refusal> {
        Err(Refusal::Capacity)
    }

    fn release(&mut self, _: ReservationToken) {}

    fn admit(&mut self, _: RelayedAddr) -> Result<(), Refusal> {
        Ok(())
    }

    fn close(&mut self, _: RelayedAddr) {
        self.next -= 1;
    }

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
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port)
}

/// The peer that has a channel. Its host is permitted, so another port there has none.
pub(crate) const PEER: SocketAddr = address([8, 8, 8, 8], 50_000);
const CHANNEL: ChannelNumber = ChannelNumber(0x4000);
const RELAY_IP: [u8; 4] = [9, 9, 9, 9];
const FIRST_PORT: u16 = 49_152;
const REALM: &str = "example.org";
const SECRET: &str = "north";
/// Time-limited, as signaling hands them out.
const USERNAME: &str = "1800000600:q7Zk3vXnS0aJ";
const DATAGRAM_MAX: usize = 4000;
