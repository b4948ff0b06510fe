//! STUN and TURN through the binary: what was configured is what holds.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use kopru_stun::attribute::{
    ErrorCode, Lifetime, Nonce, PasswordAlgorithm, PasswordAlgorithms, Realm, RequestedTransport,
    Username, XorMappedAddress, XorRelayedAddress,
};
use kopru_stun::credentials::LongTermKey;
use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method};

use crate::client::{exchange, transaction_id};
use crate::http_client::{get, metric};
use crate::program::Server;

#[test]
fn a_binding_request_gets_the_address_it_came_from() {
    let server = Server::development(&[]);
    let client = Client::of(&server);
    let reply = client.ask(&Ask::new(Method::BINDING));
    let message = Message::parse(&reply).unwrap();
    assert_eq!(message.class(), Class::Success);
    let mapped: XorMappedAddress = message.get().unwrap().unwrap();
    assert_eq!(mapped.0, client.socket.local_addr().unwrap());
    let sample = "kopru_turn_replies_total{method=\"binding\",code=\"0\"}";
    assert_eq!(metric(server.http(), sample), 1.0);
}

#[test]
fn the_credentials_of_ice_servers_open_an_allocation() {
    let mut server = Server::development(&[]);
    let answer = get(server.http(), "/v1/ice-servers", &[]).json();
    let turn = &answer["iceServers"][1];
    let (username, password) =
        (turn["username"].as_str().unwrap(), turn["credential"].as_str().unwrap());
    let client = Client::of(&server);
    assert_eq!(client.allocate(username, "not it"), Err(401));
    let relayed = client.allocate(username, password).unwrap();
    assert!((49152..=65535).contains(&relayed.port()));
    assert_eq!(metric(server.http(), "kopru_turn_allocations"), 1.0);
    let sample = "kopru_turn_replies_total{method=\"allocate\",code=\"401\"}";
    assert!(metric(server.http(), sample) >= 2.0);

    // The end of an allocation leaves a record without an address.
    let ended = client.refresh_to_zero(username, password);
    assert_eq!(ended, Class::Success);
    let sample = "kopru_turn_allocations_ended_total{reason=\"deleted\"}";
    while metric(server.http(), sample) < 1.0 {
        assert!(server.is_running());
    }
    let log = server.log();
    let record = log.lines().find(|line| line.contains("kopru::allocation")).unwrap();
    let (_, id) = username.split_once(':').unwrap();
    assert!(record.contains("reason=\"deleted\"") && record.contains(id), "{record}");
    assert!(!record.contains("127.0.0.1") && !log.contains(password), "{log}");
}

#[test]
fn listed_users_authenticate_by_password_and_by_key() {
    let hex = |algorithm| {
        let key = LongTermKey::derive(algorithm, "bob", "example.org", "builder");
        key.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let md5 = format!("key = \"{}\"", hex(PasswordAlgorithm::Md5));
    let both = format!("{md5}, key_sha256 = \"{}\"", hex(PasswordAlgorithm::Sha256));
    for (keys, offered) in
        [(md5, PasswordAlgorithms::MD5), (both, PasswordAlgorithms::SHA256_OR_MD5)]
    {
        let server = Server::configured(&format!(
            "{STUN_ONLY}[turn.auth]\nusers = {{ alice = \"wonder\", bob = {{ {keys} }} }}\n"
        ));
        let bytes = Client::of(&server).ask(&Ask::new(Method::ALLOCATE));
        assert_eq!(Message::parse(&bytes).unwrap().get(), Ok(Some(offered)));
        assert!(Client::of(&server).allocate("alice", "wonder").is_ok());
        assert!(Client::of(&server).allocate("bob", "builder").is_ok());
        assert_eq!(Client::of(&server).allocate("bob", "wonder"), Err(401));
    }
}

#[test]
fn quotas_and_relay_ports_are_kept() {
    let server = Server::configured(&format!(
        "{STUN_ONLY}relay_ports = \"50000-50099\"\n[turn.auth]\nusers = {{ alice = \"x\" }}\n\
         [turn.limits]\nallocations_per_user = 2\n"
    ));
    let clients = [(); 3].map(|()| Client::of(&server));
    for client in clients.iter().take(2) {
        let relayed = client.allocate("alice", "x").unwrap();
        assert!((50000..=50099).contains(&relayed.port()), "{relayed}");
    }
    assert_eq!(clients[2].allocate("alice", "x"), Err(486));
}

#[test]
fn a_server_that_stops_leaves_a_record_of_every_allocation() {
    let mut server = Server::configured(&format!(
        "{STUN_ONLY}[turn.auth]\nusers = {{ alice = \"x\", bob = \"y\" }}\n"
    ));
    let clients = [("alice", "x"), ("bob", "y")].map(|(user, password)| {
        let client = Client::of(&server);
        client.allocate(user, password).unwrap();
        client
    });
    server.signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(5)).code(), Some(0));
    let log = server.log();
    let records = log.lines().filter(|line| line.contains("reason=\"shutdown\""));
    assert_eq!(records.count(), clients.len(), "{log}");
}

#[test]
fn without_authentication_it_is_stun_only_and_says_so() {
    let server = Server::configured(STUN_ONLY);
    let client = Client::of(&server);
    let reply = client.ask(&Ask::new(Method::BINDING));
    assert_eq!(Message::parse(&reply).unwrap().class(), Class::Success);
    assert_eq!(client.allocate("anybody", "anything"), Err(403));
    assert!(server.log().contains("STUN only"), "{}", server.log());
    assert!(server.log().contains("signaling is closed"), "{}", server.log());
}

const STUN_ONLY: &str = r#"
[http]
listen = "127.0.0.1:0"
[turn]
listen = "udp:127.0.0.1:0"
realm = "example.org"
relay_addresses = "127.0.0.1"
"#;

/// A client of few words.
pub(crate) struct Client {
    socket: UdpSocket,
    server: SocketAddr,
}

/// A request about to be sent.
struct Ask<'a> {
    method: Method,
    credentials: Option<(&'a str, &'a str, &'a str, LongTermKey)>,
    lifetime_s: Option<u32>,
}

impl Ask<'_> {
    fn new(method: Method) -> Self {
        Self { method, credentials: None, lifetime_s: None }
    }
}

impl Client {
    pub(crate) fn of(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self { socket, server: server.at.turn_udp[0] }
    }

    fn ask(&self, ask: &Ask<'_>) -> Vec<u8> {
        let mut buffer = [0; 1024];
        let message_type = MessageType::new(ask.method, Class::Request);
        let mut builder = MessageBuilder::new(&mut buffer, message_type, transaction_id());
        if ask.method == Method::ALLOCATE {
            builder.add(&RequestedTransport::UDP);
        }
        if let Some(seconds) = ask.lifetime_s {
            builder.add(&Lifetime { seconds });
        }
        if let Some((username, realm, nonce, key)) = &ask.credentials {
            builder.add(&Username(username)).add(&Realm(realm)).add(&Nonce(nonce));
            builder.add_integrity(key);
        }
        let length = builder.finish();
        exchange(&self.socket, self.server, &buffer[..length])
    }

    /// An Allocate request with what the 401 asked for; the code of the error response.
    pub(crate) fn allocate(&self, username: &str, password: &str) -> Result<SocketAddr, u16> {
        let reply = self.ask_again(Method::ALLOCATE, None, username, password)?;
        let message = Message::parse(&reply).unwrap();
        match message.get::<ErrorCode>().unwrap() {
            Some(code) => Err(code.number()),
            None => Ok(message.get::<XorRelayedAddress>().unwrap().unwrap().0),
        }
    }

    fn refresh_to_zero(&self, username: &str, password: &str) -> Class {
        let reply = self.ask_again(Method::REFRESH, Some(0), username, password).unwrap();
        Message::parse(&reply).unwrap().class()
    }

    fn ask_again(
        &self,
        method: Method,
        lifetime_s: Option<u32>,
        username: &str,
        password: &str,
    ) -> Result<Vec<u8>, u16> {
        let challenge = self.ask(&Ask { lifetime_s, ..Ask::new(method) });
        let challenge = Message::parse(&challenge).unwrap();
        let code: ErrorCode = challenge.get().unwrap().unwrap();
        if code != ErrorCode::UNAUTHENTICATED {
            return Err(code.number());
        }
        let realm: Realm<'_> = challenge.get().unwrap().unwrap();
        let nonce: Nonce<'_> = challenge.get().unwrap().unwrap();
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, username, realm.0, password);
        let credentials = Some((username, realm.0, nonce.0, key));
        Ok(self.ask(&Ask { method, credentials, lifetime_s }))
    }
}
