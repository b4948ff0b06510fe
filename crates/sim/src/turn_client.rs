//! RFC 8489 §6.2.1, §9.2.3, §9.2.5 and RFC 8656 §7.1: a client that authenticates as clients do,
//! sends again what is not answered, and checks every response.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

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
use crate::transaction::waits;
use crate::world::World;

/// A TURN client, over UDP unless told otherwise.
pub struct TurnClient {
    world: World,
    transport: Transport,
    address: Cell<SocketAddr>,
    server: SocketAddr,
    credentials: RefCell<Credentials>,
    relayed: Cell<Option<SocketAddr>>,
    mapped: Cell<Option<SocketAddr>>,
    /// The transactions that were answered: whatever else answers them is a copy.
    answered: RefCell<HashSet<TransactionId>>,
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
        Self {
            world,
            transport: Transport::Udp,
            address: Cell::new(address),
            server,
            credentials: RefCell::new(credentials),
            relayed: Cell::new(None),
            mapped: Cell::new(None),
            answered: RefCell::default(),
        }
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

    /// The same client over this transport. Of a stream, the world knows whole messages only.
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
        self.address.get()
    }

    /// The name of its allocation, where no NAT changes its address.
    pub fn five_tuple(&self) -> FiveTuple {
        let client = ClientAddr(self.address());
        FiveTuple { transport: self.transport, client, server: self.server }
    }

    /// The world that it lives in.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The server that it talks to.
    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    /// Sends from here from now on: another interface, another network. It knows its credentials
    /// still, and nothing has become of its allocation.
    pub(crate) fn settle_at(&self, address: SocketAddr) {
        self.world.settle(address);
        self.address.set(address);
    }

    /// Its server-reflexive transport address, as its last Allocate response told it.
    #[track_caller]
    pub fn mapped(&self) -> SocketAddr {
        self.mapped.get().expect("it has an allocation")
    }

    /// The nonce it was given last.
    pub fn nonce(&self) -> String {
        self.credentials.borrow().nonce.clone()
    }

    /// Its relayed transport address.
    #[track_caller]
    pub fn relayed(&self) -> SocketAddr {
        self.relayed.get().expect("it has an allocation")
    }

    /// Sends a request and gives the response. Answers a challenge as a client does: when it has no
    /// nonce yet, or the one it has is stale; but a nonce that the test chose is not replaced.
    #[track_caller]
    pub fn ask(&self, request: Request) -> Reply {
        self.try_ask(request).expect("a response arrived")
    }

    /// The same; `None` when nothing answers however often it is sent (RFC 8489 §6.2.1).
    #[track_caller]
    pub fn try_ask(&self, request: Request) -> Option<Reply> {
        if request.credentials && self.nonce().is_empty() {
            self.try_bytes(&request.write(self.transaction_id(&request), None))?;
        }
        let reply = self.try_bytes(&self.write(&request))?;
        if reply.outcome() == Expected::Error(438) && request.nonce.is_none() {
            return self.try_bytes(&self.write(&request));
        }
        Some(reply)
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
        self.try_bytes(bytes).expect("a response arrived")
    }

    /// Sends these bytes, once.
    pub fn send_bytes(&self, bytes: &[u8]) {
        if let Ok(message) = Message::parse(bytes) {
            self.answered.borrow_mut().remove(&message.transaction_id());
        }
        self.world.to_server(self.five_tuple(), bytes);
    }

    /// Sends these bytes as datagrams of `segment` bytes each, the last maybe shorter, which reach
    /// the server together.
    pub fn send_train(&self, bytes: &[u8], segment: usize) {
        self.world.train_to_server(self.five_tuple(), bytes, segment);
    }

    /// Reads everything that has arrived, and learns from it what it can.
    pub fn take_in(&self) {
        while let Some(bytes) = self.receive() {
            let is_response = Message::parse(&bytes).is_ok_and(|it| is_answer(&it));
            if is_response {
                self.learn(&Reply::new(bytes));
            }
        }
    }

    /// RFC 8489 §6.2.1: sends again and again.
    #[track_caller]
    fn try_bytes(&self, bytes: &[u8]) -> Option<Reply> {
        waits().find_map(|wait| {
            self.send_bytes(bytes);
            self.await_response(bytes, wait)
        })
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
        self.world.receive(self.address()).map(|datagram| (datagram.from, datagram.bytes))
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

    /// The response to the request in these bytes: waits for it, and takes it in.
    #[track_caller]
    fn await_response(&self, bytes: &[u8], at_most: Duration) -> Option<Reply> {
        let id = Message::parse(bytes).expect("a message").transaction_id();
        let mut response = None;
        self.world.wait(at_most, || {
            response = self.receive_fitting(|bytes| is_response(bytes, id));
            response.is_some()
        });
        let reply = Reply::new(response?);
        self.check(bytes, &reply);
        self.learn(&reply);
        self.answered.borrow_mut().insert(id);
        Some(reply)
    }

    fn receive(&self) -> Option<Vec<u8>> {
        let answered = self.answered.borrow();
        let is_copy = |bytes: &[u8]| {
            Message::parse(bytes)
                .is_ok_and(|it| is_answer(&it) && answered.contains(&it.transaction_id()))
        };
        while self.receive_fitting(is_copy).is_some() {}
        self.receive_fitting(|_| true)
    }

    fn receive_fitting(&self, fits: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let datagram = self.world.receive_first(self.address(), |it| fits(&it.bytes))?;
        assert_eq!(datagram.from, self.server, "answered from the address that was asked");
        Some(datagram.bytes)
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
            self.relayed.set(Some(reply.relayed()));
            self.mapped.set(Some(reply.mapped()));
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
        }
        self.check_protection(reply);
    }

    /// What is true of every response, whatever was asked.
    #[track_caller]
    pub(crate) fn check_protection(&self, reply: &Reply) {
        let response = reply.message();
        let integrity = response.verify_integrity(&self.credentials.borrow().key());
        if response.class() == Class::Success && response.method() != Method::BINDING {
            assert_eq!(integrity, Integrity::Valid);
        }
        assert_ne!(integrity, Integrity::Invalid);
    }
}

/// Whether these bytes answer that transaction.
fn is_response(bytes: &[u8], id: TransactionId) -> bool {
    Message::parse(bytes).is_ok_and(|it| it.transaction_id() == id && is_answer(&it))
}

fn is_answer(message: &Message<'_>) -> bool {
    matches!(message.class(), Class::Success | Class::Error)
}
