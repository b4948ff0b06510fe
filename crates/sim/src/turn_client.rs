//! RFC 8489 §9.2.3, §9.2.5 and RFC 8656 §7.1: a client that authenticates as clients do, and checks
//! every response.

use std::cell::RefCell;
use std::net::SocketAddr;

use kopru_stun::attribute::{
    AttributeType, Data, Nonce, PasswordAlgorithms, Realm, XorPeerAddress,
};
use kopru_stun::channel_data::{ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::{Class, Integrity, Message, Method, TransactionId};
use kopru_turn::five_tuple::{ClientAddr, FiveTuple, Transport};

use crate::peer::Peer;
use crate::reply::{Expected, Reply, success};
use crate::request::{
    Credentials, Dialect, Raw, Request, allocate, channel_bind, create_permission, request,
};
use crate::world::World;

/// A TURN client, over UDP unless told otherwise.
pub struct TurnClient {
    world: World,
    transport: Transport,
    address: SocketAddr,
    server: SocketAddr,
    credentials: RefCell<Credentials>,
    relayed: RefCell<Option<SocketAddr>>,
}

impl TurnClient {
    pub(crate) fn new(
        world: World,
        address: SocketAddr,
        server: SocketAddr,
        (username, password): (&str, &str),
    ) -> Self {
        let credentials = Credentials {
            username: username.to_owned(),
            password: password.to_owned(),
            realm: String::new(),
            nonce: String::new(),
            offered: Vec::new(),
            dialect: Dialect::Rfc5389,
        };
        let (credentials, relayed) = (RefCell::new(credentials), RefCell::new(None));
        Self { world, transport: Transport::Udp, address, server, credentials, relayed }
    }

    /// The same client with these credentials.
    pub fn as_user(self, username: &str, password: &str) -> Self {
        self.become_user(username, password);
        self
    }

    /// The same client, protecting its requests so.
    pub fn speaking(self, dialect: Dialect) -> Self {
        self.credentials.borrow_mut().dialect = dialect;
        self
    }

    /// The same client, asking this address of the server.
    pub fn asking(self, server: SocketAddr) -> Self {
        Self { server, ..self }
    }

    /// The same client over this transport.
    pub fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// From now on, uses these credentials.
    pub fn become_user(&self, username: &str, password: &str) {
        let mut credentials = self.credentials.borrow_mut();
        username.clone_into(&mut credentials.username);
        password.clone_into(&mut credentials.password);
    }

    /// Its transport address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The nonce it was given last.
    pub fn nonce(&self) -> String {
        self.credentials.borrow().nonce.clone()
    }

    /// Its relayed transport address.
    #[track_caller]
    pub fn relayed(&self) -> SocketAddr {
        self.relayed.borrow().expect("it has an allocation")
    }

    /// Sends a request and gives the response. Answers a challenge as a client does: when it has no
    /// nonce yet, or the one it has is stale; but a nonce that the test chose is not replaced.
    #[track_caller]
    pub fn ask(&self, request: Request) -> Reply {
        if request.credentials && self.nonce().is_empty() {
            self.ask_bytes(&request.write(self.transaction_id(&request), None));
        }
        let reply = self.ask_bytes(&self.write(&request));
        if reply.outcome() == Expected::Error(438) && request.nonce.is_none() {
            return self.ask_bytes(&self.write(&request));
        }
        reply
    }

    /// The bytes of a request, with the credentials as they are now.
    pub fn write(&self, request: &Request) -> Vec<u8> {
        let credentials = self.credentials.borrow();
        let credentials = request.credentials.then_some(&*credentials);
        request.write(self.transaction_id(request), credentials)
    }

    /// Sends these bytes and gives the response to them.
    #[track_caller]
    pub fn ask_bytes(&self, bytes: &[u8]) -> Reply {
        self.send_bytes(bytes);
        let response = self.receive().expect("a response arrived");
        let reply = Reply::new(response);
        self.check(bytes, &reply);
        self.learn(&reply);
        reply
    }

    /// Sends these bytes.
    pub fn send_bytes(&self, bytes: &[u8]) {
        let (client, server) = (ClientAddr(self.address), self.server);
        self.world.to_server(FiveTuple { transport: self.transport, client, server }, bytes);
    }

    /// Creates an allocation and gives its relayed transport address.
    #[track_caller]
    pub fn allocate(&self) -> SocketAddr {
        self.ask(allocate()).expect(success()).relayed()
    }

    /// Installs or refreshes a permission for this peer.
    #[track_caller]
    pub fn permit(&self, peer: &Peer) {
        self.ask(create_permission(&[&peer.text()])).expect(success());
    }

    /// Binds or refreshes a channel to this peer.
    #[track_caller]
    pub fn bind(&self, channel: u16, peer: &Peer) {
        self.ask(channel_bind(channel, &peer.text())).expect(success());
    }

    /// Sends a Send indication.
    pub fn send_to(&self, peer: &Peer, payload: &[u8]) {
        self.send_to_address(peer.address(), payload);
    }

    /// Sends a Send indication to whoever has this address.
    pub fn send_to_address(&self, peer: SocketAddr, payload: &[u8]) {
        let send = request(Method::SEND).as_indication().with(XorPeerAddress(peer));
        self.send(&send.with(Raw::<{ AttributeType::DATA.0 }>(payload.to_vec())));
    }

    /// Sends a ChannelData message.
    pub fn send_on(&self, channel: u16, payload: &[u8]) {
        let len = u16::try_from(payload.len()).expect("no datagram is that long");
        let header = ChannelHeader { channel: ChannelNumber(channel), len }.to_bytes();
        self.send_bytes(&[&header, payload].concat());
    }

    /// Sends a message and waits for nothing.
    pub fn send(&self, message: &Request) {
        self.send_bytes(&self.write(message));
    }

    /// The next message is a Data indication from this peer.
    #[track_caller]
    pub fn expect_data(&self, peer: SocketAddr, payload: &[u8]) {
        let bytes = self.receive().expect("a Data indication arrived");
        let message = Message::parse(&bytes).expect("a server writes whole messages");
        assert_eq!((message.method(), message.class()), (Method::DATA, Class::Indication));
        assert_eq!(message.get(), Ok(Some(XorPeerAddress(peer))));
        assert_eq!(message.get(), Ok(Some(Data(payload))));
        let padding = &bytes[bytes.len() - payload.len().wrapping_neg() % 4..];
        assert!(padding.iter().all(|byte| *byte == 0), "nobody else's bytes: {padding:?}");
    }

    /// The next message is ChannelData on this channel.
    #[track_caller]
    pub fn expect_channel_data(&self, channel: u16, payload: &[u8]) {
        let bytes = self.receive().expect("a ChannelData message arrived");
        let header = ChannelHeader::read(&bytes, ChannelRange::Rfc5766).expect("ChannelData");
        assert_eq!((header.channel.0, &bytes[4..]), (channel, payload));
    }

    /// The next message, whatever it is.
    #[track_caller]
    pub fn expect_message(&self) -> Reply {
        Reply::new(self.receive().expect("a message arrived"))
    }

    /// The next message, whatever it is, comes from this address of the server.
    #[track_caller]
    pub fn expect_message_from(&self, server: SocketAddr) -> Reply {
        let (from, bytes) = self.arrived_from().expect("a message arrived");
        assert_eq!(from, server);
        Reply::new(bytes)
    }

    /// The next message as bytes, and the address of the server that it came from.
    pub fn arrived_from(&self) -> Option<(SocketAddr, Vec<u8>)> {
        self.world.receive(self.address).map(|datagram| (datagram.from, datagram.bytes))
    }

    /// The next message as bytes, if one has arrived.
    pub fn arrived(&self) -> Option<Vec<u8>> {
        self.receive()
    }

    /// Reads everything that has arrived, and forgets it.
    pub fn forget_arrived(&self) {
        while self.receive().is_some() {}
    }

    /// No message has arrived.
    #[track_caller]
    pub fn expect_nothing(&self) {
        assert_eq!(self.receive(), None);
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let (from, bytes) = self.arrived_from()?;
        assert_eq!(from, self.server, "answered from the address that was asked");
        Some(bytes)
    }

    fn transaction_id(&self, request: &Request) -> TransactionId {
        request.transaction_id.unwrap_or_else(|| TransactionId(self.world.next_transaction()))
    }

    /// RFC 8489 §9.2.5: takes realm and nonce from a challenge; RFC 8656 §7.3: the relayed
    /// transport address from a success.
    fn learn(&self, reply: &Reply) {
        let message = reply.message();
        let mut credentials = self.credentials.borrow_mut();
        if let (Ok(Some(Realm(realm))), Ok(Some(Nonce(nonce)))) = (message.get(), message.get()) {
            realm.clone_into(&mut credentials.realm);
            nonce.clone_into(&mut credentials.nonce);
            let offered: Option<PasswordAlgorithms<'_>> = message.get().expect("well-formed");
            assert_eq!(offered.is_some(), !nonce.starts_with("obMatJos2A"), "offers are announced");
            credentials.offered = offered.map_or_else(Vec::new, |offered| offered.0.to_vec());
        }
        if (message.method(), message.class()) == (Method::ALLOCATE, Class::Success) {
            *self.relayed.borrow_mut() = Some(reply.relayed());
        }
    }

    /// What is true of every response to every request.
    #[track_caller]
    fn check(&self, sent: &[u8], reply: &Reply) {
        let (request, response) = (Message::parse(sent).expect("a message"), reply.message());
        assert_eq!(response.transaction_id(), request.transaction_id());
        assert_eq!(response.method(), request.method());
        let fingerprint = request.verify_fingerprint().map(|_| true);
        assert_eq!(
            response.verify_fingerprint(),
            fingerprint,
            "FINGERPRINT if the request had one"
        );
        let (sent_len, reply_len) = (sent.len(), reply.bytes().len());
        let discovers = reply.attributes().contains(&AttributeType::RESPONSE_ORIGIN);
        let lengthened = match (response.class(), response.method()) {
            (Class::Error, _) => reply_len > 4 * sent_len,
            _ if discovers => reply_len > sent_len + 4 * 24,
            (_, method) => method == Method::BINDING && 10 * reply_len > 22 * sent_len,
        };
        assert!(!lengthened, "{reply_len} bytes for {sent_len}");
        let key = self.credentials.borrow().key();
        let protected = request.verify_integrity(&key) == Integrity::Valid;
        if response.class() == Class::Success && response.method() != Method::BINDING {
            assert!(protected, "without proof there is no success");
            assert_eq!(response.verify_integrity(&key), Integrity::Valid);
        }
        assert_ne!(response.verify_integrity(&key), Integrity::Invalid);
    }
}
