//! The configuration: what the server runs on, checked. Read by [`load`], which is the only way to
//! make one, so that no part of the program meets a value that was not looked at.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kopru_net::{PortRange, RelayAddress, SecondPort};
use kopru_signal::{Limits as SignalingLimits, RoomKind, RoomPattern, SameIdentity};
use kopru_stun::credentials::Secret;
use kopru_turn::{Cidr, Limits as TurnLimits, UserKeys};

use crate::host::Host;
use crate::jwt_key::JwtKey;
use crate::tls::{Tls, TlsError};

pub(crate) use self::error::ConfigError;
pub(crate) use self::values::{public_url, relay, url_host};

mod check;
mod error;
mod jwt;
mod later;
mod load;
mod option;
mod options;
mod reader;
mod section;
mod signaling_limits;
#[cfg(test)]
mod strange_text;
mod turn_limits;
mod values;

pub(crate) use self::check::print;
pub(crate) use self::load::{development, file, text};

/// What the server runs on.
pub(crate) struct Config {
    /// Who may do what without being asked.
    pub(crate) mode: Mode,
    /// `[http]`
    pub(crate) http: Http,
    /// `[https]`
    pub(crate) https: Option<Https>,
    /// `[turn]`
    pub(crate) turn: Turn,
    /// `[signaling]`
    pub(crate) signaling: Signaling,
    /// `[[ice_servers]]`
    pub(crate) ice_servers: Vec<IceServer>,
    /// `[pages] demo`: whether `/` serves the demo call.
    pub(crate) demo: bool,
    /// `[admin]`
    pub(crate) admin: Option<Admin>,
}

impl Config {
    /// The page's URL as far as the configuration tells it, without a slash at the end.
    pub(crate) fn page_url(&self) -> Option<String> {
        let from_https = || {
            let port = self.https.as_ref()?.listen.first()?.port();
            let host = self.turn.public_host.as_ref()?;
            let base_path = &self.http.base_path;
            Some(if port == 443 {
                format!("https://{host}{base_path}")
            } else {
                format!("https://{host}:{port}{base_path}")
            })
        };
        self.http.public_url.clone().or_else(from_https)
    }
}

/// Whether this is a server for others or a trial on one's own desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `kopru`: no file, signaling is open to this machine.
    Development,
    /// `kopru --lan`: no file, signaling is open to the local network.
    Lan,
    /// `kopru --config FILE`: nothing is open that the file does not open.
    Configured,
}

/// Plain HTTP: signaling, API, pages.
pub(crate) struct Http {
    /// The addresses to listen at.
    pub(crate) listen: Vec<SocketAddr>,
    /// Whose `X-Forwarded-For` counts.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// What all paths begin with, without a slash at the end; mostly empty.
    pub(crate) base_path: String,
    /// The page's URL as browsers see it, without a slash at the end.
    pub(crate) public_url: Option<String>,
}

/// HTTPS and WSS, TURN over TLS and TCP.
pub(crate) struct Https {
    /// The addresses to listen at.
    pub(crate) listen: Vec<SocketAddr>,
    /// Where the certificate comes from.
    pub(crate) certificate: Certificate,
    /// Who sends PROXY protocol headers, here and at the TCP addresses of TURN.
    pub(crate) proxy_from: Vec<Cidr>,
}

impl Https {
    /// What a TLS listener on this host runs on.
    ///
    /// # Errors
    /// [`TlsError`] with the file that is not what it must be.
    pub(crate) fn tls(&self, host: &Host) -> Result<Tls, TlsError> {
        Tls::new(&self.certificate, &host.addresses)
    }
}

/// Where a certificate comes from.
pub(crate) enum Certificate {
    /// PEM files: the chain, and the private key.
    Files {
        /// The certificate and those that vouch for it.
        chain: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// Made at start for this host's own addresses.
    SelfMade,
}

/// STUN and TURN.
pub(crate) struct Turn {
    /// The addresses to listen at.
    pub(crate) listen: TurnListen,
    /// A second UDP port, at the addresses that have the first one.
    pub(crate) second_port: SecondPort,
    /// RFC 5780: for each family that has it, two addresses.
    pub(crate) nat_discovery: Vec<[RelayAddress; 2]>,
    /// The host in the URLs that clients get; none: the address of each listener.
    pub(crate) public_host: Option<String>,
    /// RFC 8489 §14.9
    pub(crate) realm: String,
    /// The addresses of relayed transport addresses.
    pub(crate) relay_addresses: Vec<RelayAddress>,
    /// The ports of relayed transport addresses.
    pub(crate) relay_ports: PortRange,
    /// Worker threads; 0: one a core.
    pub(crate) workers: usize,
    /// How long an allocation may live in all.
    pub(crate) max_session: Duration,
    /// Whether channels 0x5000-0x7FFF are taken as well.
    pub(crate) rfc5766_channels: bool,
    /// Whether TCP is relayed too (RFC 6062).
    pub(crate) tcp_relay: bool,
    /// Shared secrets of time-limited credentials, newest first.
    pub(crate) secrets: Vec<Secret>,
    /// How long credentials are good for that kopru hands out.
    pub(crate) credential_life: Duration,
    /// Users by name, their passwords already turned into keys.
    pub(crate) users: BTreeMap<String, UserKeys>,
    /// Peers that may be reached.
    pub(crate) allow: Vec<Cidr>,
    /// Peers that may not.
    pub(crate) deny: Vec<Cidr>,
    /// `[turn.limits]`, of each worker.
    pub(crate) limits: TurnLimits,
    /// Allocations of all workers together; 0: no limit.
    pub(crate) allocations_total: u32,
}

/// Where STUN and TURN listen, beside the addresses of HTTPS.
#[derive(Clone, Debug, Default)]
pub(crate) struct TurnListen {
    /// For datagrams.
    pub(crate) udp: Vec<SocketAddr>,
    /// For connections.
    pub(crate) tcp: Vec<SocketAddr>,
}

impl TurnListen {
    /// The port above the first one for datagrams; none above the last, or where the first is any.
    pub(crate) fn next_port(&self) -> Option<u16> {
        let first = self.udp.first().map(SocketAddr::port).filter(|port| *port != 0);
        first?.checked_add(1)
    }
}

impl Turn {
    /// RFC 5780 §6: the addresses that are to accept connections for NAT discovery.
    pub(crate) fn discovery_tcp(&self) -> Vec<SocketAddr> {
        let second = match self.second_port {
            SecondPort::None => None,
            SecondPort::NextIfFree => self.listen.next_port(),
            SecondPort::Port(port) => Some(port),
        };
        let first = self.listen.udp.first().map(SocketAddr::port);
        let ports = [first, second].into_iter().flatten();
        let at = |port| {
            let addresses = self.nat_discovery.iter().flatten();
            addresses.map(move |address| SocketAddr::new(address.bound, port))
        };
        ports.flat_map(at).collect()
    }

    /// Whether anybody can authenticate. If nobody can, the server is STUN only.
    pub(crate) fn relays(&self) -> bool {
        !self.secrets.is_empty() || !self.users.is_empty()
    }
}

/// Rooms, and who may enter them.
pub(crate) struct Signaling {
    /// `[signaling.limits]`
    pub(crate) limits: SignalingLimits,
    /// Tasks that rooms are sharded over; 0: one for each core.
    pub(crate) desks: u16,
    /// Of rooms that are opened without one.
    pub(crate) room_kind: RoomKind,
    /// Whether a `join` may open a room where the token does not say.
    pub(crate) create_rooms: bool,
    /// Origins beside the server's own that browsers may come from; `*` is any.
    pub(crate) allowed_origins: Vec<String>,
    /// Rooms in which only relays are used.
    pub(crate) relay_only: Vec<RoomPattern>,
    /// What a second device of somebody in a room means.
    pub(crate) same_identity: SameIdentity,
    /// What ids are proved with after a restart.
    pub(crate) resume_secret: Option<String>,
    /// `[signaling.auth.jwt]`
    pub(crate) jwt: Jwt,
    /// Keys of applications' back ends.
    pub(crate) api_keys: Vec<String>,
}

/// How signaling tokens are checked (and made, by `kopru token` and `POST /v1/tokens`).
#[derive(Clone)]
pub(crate) struct Jwt {
    /// Secrets, newest first, then the other keys. None: signaling is closed (or, in development
    /// mode, open).
    pub(crate) keys: Vec<JwtKey>,
    /// The `iss` that tokens must have.
    pub(crate) issuer: Option<String>,
    /// The `aud` that tokens must have.
    pub(crate) audience: Option<String>,
    /// How long a token may be good for.
    pub(crate) life_max: Duration,
}

impl Jwt {
    /// The secret that tokens are signed with.
    pub(crate) fn newest_secret(&self) -> Option<&JwtKey> {
        self.keys.iter().find(|key| key.secret().is_some())
    }
}

/// Another provider's server, handed out beside ours.
#[derive(Clone)]
pub(crate) struct IceServer {
    /// Its URLs.
    pub(crate) urls: Vec<String>,
    /// Its user name, where it wants one.
    pub(crate) username: Option<String>,
    /// Its password.
    pub(crate) credential: Option<String>,
}

/// Metrics, apart from the public listeners.
pub(crate) struct Admin {
    /// The addresses to listen at.
    pub(crate) listen: Vec<SocketAddr>,
    /// What a caller shows as bearer token.
    pub(crate) token: Option<String>,
}
