//! The server that a test gets unless it says otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kopru_stun::credentials::Secret;
use kopru_turn::{Limits, PeerPolicy, Settings, UserKeys, Users};

/// Where servers listen for clients over IPv4.
pub const SERVER_V4: SocketAddr = SocketAddr::new(RELAY_V4, 3478);
/// Where servers listen for clients over IPv6.
pub const SERVER_V6: SocketAddr = SocketAddr::new(RELAY_V6, 3478);
/// On which servers open relayed transport addresses.
pub const RELAY_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9));
/// The same for IPv6.
pub const RELAY_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2a00, 0, 0, 0, 0, 0, 0, 9));
/// Name and password of the users; a client is the first one unless told otherwise.
pub const USERS: [(&str, &str); 2] = [("ada", "lovelace"), ("bob", "ross")];
/// The secret of time-limited credentials.
pub const SECRET: &str = "the shared secret";

/// Two users, one secret, the default limits, and relay addresses of both families.
pub fn settings() -> Settings {
    let users =
        USERS.map(|(name, password)| (name.to_owned(), UserKeys::derive(name, REALM, password)));
    Settings {
        realm: REALM.into(),
        users: Arc::new(Users::new(REALM, users)),
        secrets: [Secret::new(SECRET)].into(),
        nonce_key: [0x6b; 32],
        peers: Arc::new(PeerPolicy {
            relays: vec![RELAY_V4, RELAY_V6],
            listeners: vec![SERVER_V4, SERVER_V6],
            ..PeerPolicy::default()
        }),
        limits: Limits::default(),
        rfc5766_channels: false,
        nat_discovery: [].into(),
        tcp_relay: false,
        max_session: Duration::from_secs(86_400),
    }
}

const REALM: &str = "example.org";
