//! A TURN client that does as little as tests need, over a real socket.
#![allow(dead_code, unreachable_pub, missing_docs)] // each test uses its own part of it

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kopru_net::{PortRange, RelayAddress, SecondPort, Settings, Workers};
use kopru_stun::attribute::{
    Attribute, Data, ErrorCode, Icmp, Lifetime, Nonce, PasswordAlgorithm, Realm,
    RequestedAddressFamily, RequestedTransport, Username, XorMappedAddress, XorPeerAddress,
    XorRelayedAddress,
};
use kopru_stun::channel_data::ChannelNumber;
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};
use kopru_turn::{Limits, PeerPolicy, UserKeys, Users};

pub const REALM: &str = "example.org";
pub const USERS: [&str; 2] = ["ada", "bob"];

/// Listeners on loopback, relaying there too, two users whose password is their name.
pub fn settings() -> Settings {
    let user = |name: &str| (name.to_owned(), UserKeys::derive(name, REALM, name));
    let relay = |ip: &str| ip.parse::<RelayAddress>().unwrap();
    Settings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        second_port: SecondPort::None,
        nat_discovery: vec![],
        relay_addresses: vec![relay("127.0.0.1"), relay("::1")],
        relay_ports: PortRange::DYNAMIC,
        workers: 1,
        allocations_total: 0,
        descriptors: 4096,
        turn: kopru_turn::Settings {
            realm: REALM.into(),
            users: Arc::new(Users::new(REALM, USERS.map(user))),
            secrets: [].into(),
            nonce_key: [7; 32],
            peers: Arc::new(PeerPolicy {
                allow: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
                ..PeerPolicy::default()
            }),
            limits: Limits::default(),
            rfc5766_channels: false,
            nat_discovery: [].into(),
            tcp_relay: false,
            max_session: Duration::from_secs(86_400),
        },
    }
}

/// A peer on loopback.
pub fn peer(bind: &str) -> (UdpSocket, SocketAddr) {
    let socket = socket(bind);
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Two ports, the second above the first, out of those that the kernel gives to nobody who asks for
/// any: as long as these sockets are open, and a little longer, nobody else has them.
pub fn neighbours() -> [UdpSocket; 2] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = u64::from(std::process::id()) * 32 + NEXT.fetch_add(1, Ordering::Relaxed);
        let lower = 20_000 + 2 * (number % 5000) as u16;
        let bind = |port| UdpSocket::bind(("127.0.0.1", port));
        if let (Ok(lower), Ok(upper)) = (bind(lower), bind(lower + 1)) {
            return [lower, upper];
        }
    }
}

/// What arrives next at `socket`, and from whom.
#[track_caller]
pub fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_535];
    let (len, from) = socket.recv_from(&mut buffer).expect("a datagram arrives");
    buffer.truncate(len);
    (buffer, from)
}

/// A client at its socket.
pub struct Client {
    pub socket: UdpSocket,
    server: SocketAddr,
    writer: Writer,
}

/// What a client writes: requests with the credentials of a user, once it knows a nonce.
pub struct Writer {
    user: &'static str,
    password: &'static str,
    nonce: Option<String>,
}

impl Client {
    /// A client of the first listener.
    pub fn of(workers: &Workers) -> Self {
        Self::at(workers.listening()[0])
    }

    /// A client of the server at `server`.
    pub fn at(server: SocketAddr) -> Self {
        Self::bound(if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }, server)
    }

    /// A client of the server at `server` that asks from this address.
    pub fn bound(bind: &str, server: SocketAddr) -> Self {
        Self { socket: socket(bind), server, writer: Writer::new() }
    }

    /// The same client as a user whose password is the name.
    pub fn user(self, user: &'static str) -> Self {
        self.credentials(user, user)
    }

    pub fn credentials(mut self, user: &'static str, password: &'static str) -> Self {
        self.writer.user = user;
        self.writer.password = password;
        self
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Binding: our address as the server sees it.
    #[track_caller]
    pub fn binding(&mut self) -> SocketAddr {
        let reply = self.exchange(&self.writer.request(Method::BINDING, |_| ()));
        attribute::<XorMappedAddress>(&reply).0
    }

    /// The relayed transport address, or the error code.
    #[track_caller]
    pub fn allocate(&mut self) -> Result<SocketAddr, u16> {
        self.allocate_family(RequestedAddressFamily::IPV4)
    }

    #[track_caller]
    pub fn allocate_family(&mut self, family: RequestedAddressFamily) -> Result<SocketAddr, u16> {
        let reply = self.ask(Method::ALLOCATE, allocation(family))?;
        Ok(attribute::<XorRelayedAddress>(&reply).0)
    }

    #[track_caller]
    pub fn refresh(&mut self, seconds: u32) -> Result<(), u16> {
        self.ask(Method::REFRESH, |request| _ = request.add(&Lifetime { seconds })).map(drop)
    }

    #[track_caller]
    pub fn permit(&mut self, peer: SocketAddr) {
        let write = |request: &mut MessageBuilder<'_>| _ = request.add(&XorPeerAddress(peer));
        self.ask(Method::CREATE_PERMISSION, write).expect("permission is granted");
    }

    #[track_caller]
    pub fn bind_channel(&mut self, channel: u16, peer: SocketAddr) {
        let write = |request: &mut MessageBuilder<'_>| {
            request.add(&ChannelNumber(channel)).add(&XorPeerAddress(peer));
        };
        self.ask(Method::CHANNEL_BIND, write).expect("the channel is bound");
    }

    pub fn send_on_channel(&self, channel: u16, payload: &[u8]) {
        self.socket.send_to(&on_channel(channel, payload), self.server).unwrap();
    }

    pub fn send_indication(&self, peer: SocketAddr, payload: &[u8]) {
        self.send(&indication(peer, payload));
    }

    pub fn send(&self, message: &[u8]) {
        self.socket.send_to(message, self.server).unwrap();
    }

    /// The next datagram is a Data indication: from whom, and what.
    #[track_caller]
    pub fn expect_data(&self) -> (SocketAddr, Vec<u8>) {
        let (bytes, _) = receive(&self.socket);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.method(), message.class()), (Method::DATA, Class::Indication));
        let Data(payload) = message.get().unwrap().unwrap();
        (attribute::<XorPeerAddress>(&bytes).0, payload.to_vec())
    }

    /// The next datagram is a Data indication that tells what became of one to a peer: which, and
    /// what.
    #[track_caller]
    pub fn expect_icmp(&self) -> (SocketAddr, Icmp) {
        let (bytes, _) = receive(&self.socket);
        (attribute::<XorPeerAddress>(&bytes).0, attribute(&bytes))
    }

    /// The next datagram is this ChannelData.
    #[track_caller]
    pub fn expect_on_channel(&self, channel: u16, payload: &[u8]) {
        let (bytes, from) = receive(&self.socket);
        assert_eq!(from, self.server);
        assert!(bytes == on_channel(channel, payload), "{} bytes arrived", bytes.len());
    }

    /// The success response, or the error code.
    #[track_caller]
    pub fn ask(
        &mut self,
        method: Method,
        write: impl Fn(&mut MessageBuilder<'_>),
    ) -> Result<Vec<u8>, u16> {
        loop {
            let reply = self.exchange(&self.writer.request(method, &write));
            if Message::parse(&reply).unwrap().class() == Class::Success {
                return Ok(reply);
            }
            if !self.writer.learn(&reply) {
                return Err(attribute::<ErrorCode>(&reply).number());
            }
        }
    }

    #[track_caller]
    fn exchange(&self, request: &[u8]) -> Vec<u8> {
        exchange(&self.socket, self.server, request)
    }
}

/// RFC 8489 §6.2.1: asks again when no answer comes, since a datagram may be lost in a flood. What
/// is no answer to this, as a second one to the request before, is passed over.
#[track_caller]
pub fn exchange(socket: &UdpSocket, server: SocketAddr, request: &[u8]) -> Vec<u8> {
    let answer = (0..REQUESTS_MAX).find_map(|number| {
        socket.send_to(request, server).unwrap();
        answer_until(socket, request, Instant::now() + RTO * 2_u32.pow(number))
    });
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (answer, from) = answer.expect("an answer arrives");
    assert_eq!(from, server, "the answer comes from where the question went");
    answer
}

fn answer_until(
    socket: &UdpSocket,
    request: &[u8],
    deadline: Instant,
) -> Option<(Vec<u8>, SocketAddr)> {
    let mut buffer = vec![0; 65_535];
    loop {
        let left = deadline.checked_duration_since(Instant::now()).filter(|it| !it.is_zero())?;
        socket.set_read_timeout(Some(left)).unwrap();
        let (len, from) = socket.recv_from(&mut buffer).ok()?;
        if buffer[..len].get(4..20) == request.get(4..20) {
            buffer.truncate(len);
            return Some((buffer, from));
        }
    }
}

impl Writer {
    /// The first user, who knows no nonce.
    pub fn new() -> Self {
        Self { user: USERS[0], password: USERS[0], nonce: None }
    }

    /// A request with what `write` adds.
    pub fn request(&self, method: Method, write: impl Fn(&mut MessageBuilder<'_>)) -> Vec<u8> {
        let mut bytes = vec![0; 500];
        let kind = MessageType::new(method, Class::Request);
        let mut builder = MessageBuilder::new(&mut bytes, kind, transaction_id());
        write(&mut builder);
        if let Some(nonce) = self.nonce.as_deref().filter(|_| method != Method::BINDING) {
            builder.add(&Username(self.user)).add(&Realm(REALM)).add(&Nonce(nonce));
            builder.add_integrity(&LongTermKey::derive(
                PasswordAlgorithm::Md5,
                self.user,
                REALM,
                self.password,
            ));
        }
        let len = builder.finish();
        bytes.truncate(len);
        bytes
    }

    /// From now on, claims to have been given this nonce.
    pub fn pretend_nonce(&mut self, nonce: &str) {
        self.nonce = Some(nonce.to_owned());
    }

    /// Takes the nonce out of a first 401; `false` when `reply` is something else.
    pub fn learn(&mut self, reply: &[u8]) -> bool {
        if self.nonce.is_some() || attribute::<ErrorCode>(reply).number() != 401 {
            return false;
        }
        self.nonce = Some(attribute::<Nonce<'_>>(reply).0.to_owned());
        true
    }
}

/// What an Allocate request asks for.
pub fn allocation(family: RequestedAddressFamily) -> impl Fn(&mut MessageBuilder<'_>) {
    move |request| _ = request.add(&RequestedTransport::UDP).add(&family)
}

/// A Send indication.
pub fn indication(peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    indication_with(|it| _ = it.add(&XorPeerAddress(peer)).add(&Data(payload)))
}

/// A Send indication of what `write` adds.
pub fn indication_with(write: impl Fn(&mut MessageBuilder<'_>)) -> Vec<u8> {
    let mut bytes = vec![0; 65_555];
    let kind = MessageType::new(Method::SEND, Class::Indication);
    let mut builder = MessageBuilder::new(&mut bytes, kind, transaction_id());
    write(&mut builder);
    let len = builder.finish();
    bytes.truncate(len);
    bytes
}

/// A ChannelData message, without the padding that UDP does not need.
pub fn on_channel(channel: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len()).unwrap();
    [&channel.to_be_bytes(), &len.to_be_bytes(), payload].concat()
}

/// The attribute of a message that has it.
#[track_caller]
pub fn attribute<'a, A: Attribute<'a>>(bytes: &'a [u8]) -> A {
    Message::parse(bytes).unwrap().get().unwrap().expect("the attribute is there")
}

/// One that no request has had.
pub fn transaction_id() -> TransactionId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut id = [0; 12];
    id[4..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    TransactionId(id)
}

fn socket(bind: &str) -> UdpSocket {
    let socket = UdpSocket::bind(bind).unwrap();
    // Only a test that fails ever waits that long.
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

const PATIENCE: Duration = Duration::from_secs(10);
/// RFC 8489 §6.2.1: "an initial value for RTO SHOULD be greater than or equal to 500 ms". Where
/// many tests share two cores an answer may take long, and some count requests.
const RTO: Duration = Duration::from_secs(2);
/// With 2, 4, 8, 16 and 32 seconds between them.
const REQUESTS_MAX: u32 = 5;
