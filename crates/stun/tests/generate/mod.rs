//! Generated messages, for the tests that hold for every message.

use std::net::SocketAddr;

use kopru_stun::attribute::{
    ConnectionId, Data, DontFragment, ErrorCode, EvenPort, Lifetime, Nonce, PasswordAlgorithm,
    PasswordAlgorithms, Realm, RequestedAddressFamily, RequestedTransport, Userhash, Username,
    XorMappedAddress, XorPeerAddress, XorRelayedAddress,
};
use kopru_stun::channel_data::ChannelNumber;
use kopru_stun::{Class, MessageBuilder, MessageType, Method, TransactionId};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

/// The same cases on every run; another seed with `PROPTEST_RNG_SEED`.
pub(crate) fn config(cases: u32) -> Config {
    let seed = Config::default().rng_seed;
    let rng_seed = if seed == RngSeed::Random { RngSeed::Fixed(8489) } else { seed };
    Config { cases, rng_seed, failure_persistence: None, ..Config::default() }
}

/// One attribute with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Username(String),
    Userhash(Userhash),
    Realm(String),
    Nonce(String),
    ErrorCode(ErrorCode),
    PasswordAlgorithm(PasswordAlgorithm),
    PasswordAlgorithms(PasswordAlgorithms<'static>),
    Lifetime(u32),
    ConnectionId(u32),
    ChannelNumber(u16),
    RequestedTransport(u8),
    RequestedAddressFamily(RequestedAddressFamily),
    EvenPort(EvenPort),
    DontFragment,
    XorMapped(SocketAddr),
    XorPeer(SocketAddr),
    XorRelayed(SocketAddr),
    Data(Vec<u8>),
}

/// A message to be built.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) message_type: MessageType,
    pub(crate) transaction_id: TransactionId,
    pub(crate) values: Vec<Value>,
    /// MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256.
    pub(crate) integrity: [bool; 2],
    pub(crate) fingerprint: bool,
}

/// The key of every draft that has [`Draft::integrity`]: a short-term password, which is the same
/// for both kinds.
pub(crate) const PASSWORD: &str = "pass";

impl Draft {
    pub(crate) fn build(&self) -> Vec<u8> {
        let mut buffer = vec![0xFF; 8192];
        let mut builder = MessageBuilder::new(&mut buffer, self.message_type, self.transaction_id);
        for value in &self.values {
            add(&mut builder, value);
        }
        let [sha1, sha256] = self.integrity;
        if sha1 {
            builder.add_integrity(PASSWORD);
        }
        if sha256 {
            builder.add_integrity_sha256(PASSWORD);
        }
        if self.fingerprint {
            builder.add_fingerprint();
        }
        let len = builder.finish();
        buffer.truncate(len);
        buffer
    }
}

fn add(builder: &mut MessageBuilder<'_>, value: &Value) {
    match value {
        Value::Username(text) => builder.add(&Username(text)),
        Value::Userhash(hash) => builder.add(hash),
        Value::Realm(text) => builder.add(&Realm(text)),
        Value::Nonce(text) => builder.add(&Nonce(text)),
        Value::ErrorCode(code) => builder.add(code),
        Value::PasswordAlgorithm(algorithm) => builder.add(algorithm),
        Value::PasswordAlgorithms(list) => builder.add(list),
        Value::Lifetime(seconds) => builder.add(&Lifetime { seconds: *seconds }),
        Value::ConnectionId(number) => builder.add(&ConnectionId(*number)),
        Value::ChannelNumber(number) => builder.add(&ChannelNumber(*number)),
        Value::RequestedTransport(protocol) => builder.add(&RequestedTransport(*protocol)),
        Value::RequestedAddressFamily(family) => builder.add(family),
        Value::EvenPort(even_port) => builder.add(even_port),
        Value::DontFragment => builder.add(&DontFragment),
        Value::XorMapped(address) => builder.add(&XorMappedAddress(*address)),
        Value::XorPeer(address) => builder.add(&XorPeerAddress(*address)),
        Value::XorRelayed(address) => builder.add(&XorRelayedAddress(*address)),
        Value::Data(data) => builder.add(&Data(data)),
    };
}

pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let message_type = (method(), class()).prop_map(|(m, c)| MessageType::new(m, c));
    let id = any::<[u8; 12]>().prop_map(TransactionId);
    let values = prop::collection::vec(value(), 0..8);
    (message_type, id, values, any::<[bool; 2]>(), any::<bool>()).prop_map(
        |(message_type, transaction_id, values, integrity, fingerprint)| Draft {
            message_type,
            transaction_id,
            values,
            integrity,
            fingerprint,
        },
    )
}

/// A few changes to a message: bytes set, bytes cut off or put in.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Append(Vec<u8>),
    Insert(prop::sample::Index, Vec<u8>),
    /// Makes the header's length fit again, so that what lies behind it is reached.
    MendLength,
}

pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let index = any::<prop::sample::Index>;
    let word = || prop::collection::vec(any::<u8>(), 4);
    let mutation = prop_oneof![
        6 => (index(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => index().prop_map(Mutation::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..40).prop_map(Mutation::Append),
        2 => (index(), word()).prop_map(|(at, word)| Mutation::Insert(at, word)),
        4 => Just(Mutation::MendLength),
    ];
    prop::collection::vec(mutation, 1..6)
}

pub(crate) fn mutate(mut message: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        match mutation {
            Mutation::Set(at, byte) if !message.is_empty() => {
                let at = at.index(message.len());
                message[at] = *byte;
            }
            Mutation::Cut(at) => message.truncate(at.index(message.len() + 1)),
            Mutation::Append(bytes) => message.extend_from_slice(bytes),
            Mutation::Insert(at, word) if message.len() >= 20 => {
                let at = 20 + at.index(message.len() - 19) / 4 * 4;
                let at = at.min(message.len());
                message.splice(at..at, word.iter().copied());
            }
            Mutation::MendLength if message.len() >= 20 => {
                message.truncate(message.len() / 4 * 4);
                let length = (message.len() - 20) as u16;
                message[2..4].copy_from_slice(&length.to_be_bytes());
            }
            _ => {}
        }
    }
    message
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![
        Method::BINDING,
        Method::ALLOCATE,
        Method::REFRESH,
        Method::SEND,
        Method::DATA,
        Method::CREATE_PERMISSION,
        Method::CHANNEL_BIND,
        Method::CONNECT,
        Method::CONNECTION_BIND,
        Method::CONNECTION_ATTEMPT,
    ])
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec![Class::Request, Class::Indication, Class::Success, Class::Error])
}

fn value() -> impl Strategy<Value = Value> {
    let text = || "\\PC{0,40}";
    let address = || any::<SocketAddr>().prop_map(plain);
    prop_oneof![
        text().prop_map(Value::Username),
        text().prop_map(Value::Realm),
        text().prop_map(Value::Nonce),
        any::<[u8; 32]>().prop_map(|hash| Value::Userhash(Userhash(hash))),
        error_code().prop_map(Value::ErrorCode),
        algorithm().prop_map(Value::PasswordAlgorithm),
        algorithms().prop_map(Value::PasswordAlgorithms),
        any::<u32>().prop_map(Value::Lifetime),
        any::<u32>().prop_map(Value::ConnectionId),
        any::<u16>().prop_map(Value::ChannelNumber),
        any::<u8>().prop_map(Value::RequestedTransport),
        family().prop_map(Value::RequestedAddressFamily),
        any::<bool>().prop_map(|reserve_next| Value::EvenPort(EvenPort { reserve_next })),
        Just(Value::DontFragment),
        address().prop_map(Value::XorMapped),
        address().prop_map(Value::XorPeer),
        address().prop_map(Value::XorRelayed),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(Value::Data),
    ]
}

fn error_code() -> impl Strategy<Value = ErrorCode> {
    prop::sample::select(vec![
        ErrorCode::BAD_REQUEST,
        ErrorCode::UNAUTHENTICATED,
        ErrorCode::STALE_NONCE,
        ErrorCode::INSUFFICIENT_CAPACITY,
    ])
}

fn algorithm() -> impl Strategy<Value = PasswordAlgorithm> {
    prop::sample::select(vec![PasswordAlgorithm::Md5, PasswordAlgorithm::Sha256])
}

fn algorithms() -> impl Strategy<Value = PasswordAlgorithms<'static>> {
    prop::sample::select(vec![PasswordAlgorithms::SHA256_OR_MD5, PasswordAlgorithms::MD5])
}

fn family() -> impl Strategy<Value = RequestedAddressFamily> {
    prop::sample::select(vec![RequestedAddressFamily::IPV4, RequestedAddressFamily::IPV6])
}

/// Flow label and scope do not travel.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}
