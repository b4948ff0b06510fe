//! The ICE servers that clients get: URLs, and credentials minted for each session.

use std::time::Duration;

use kopru_stun::credentials::{Secret, mint};
use kopru_stun::time::Now;
use schemars::JsonSchema;
use serde::Serialize;

use crate::claims::Relay;

/// One `RTCIceServer`, in the shape that `RTCPeerConnection` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password for TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl IceServer {
    fn relays(&self) -> bool {
        self.urls.iter().any(|url| url.starts_with("turn"))
    }
}

/// Which ICE servers are handed out.
#[derive(Clone, Debug)]
pub struct IceSettings {
    /// This server's STUN URLs.
    pub stun_urls: Vec<String>,
    /// This server's TURN URLs; handed out only with a `secret`.
    pub turn_urls: Vec<String>,
    /// What TURN credentials are minted with.
    pub secret: Option<Secret>,
    /// How long they open new allocations.
    pub ttl: Duration,
    /// Other providers' servers, handed out as they are, after ours.
    pub others: Vec<IceServer>,
    /// STUN URLs of this server alone, by which clients find out how their NAT maps: of two ports,
    /// or of two addresses besides. Not among the servers, where each would slow gathering down.
    pub nat_probe_urls: Vec<String>,
}

/// Whom to ask for reflexive addresses, and to compare what they say (RFC 5780 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NatProbe<'a> {
    /// `stun:` URLs.
    pub urls: &'a [String],
}

impl IceSettings {
    /// The ICE servers for one client. Its TURN user name is `expiry:name`, seen by everybody on
    /// the path: the name has to be opaque.
    #[must_use]
    pub fn servers(&self, now: Now, name: &str) -> Vec<IceServer> {
        let mut servers = Vec::with_capacity(2 + self.others.len());
        if !self.stun_urls.is_empty() {
            let urls = self.stun_urls.clone();
            servers.push(IceServer { urls, username: None, credential: None });
        }
        if let Some(secret) = self.minting_secret() {
            let minted = mint(secret, now, self.ttl, name);
            servers.push(IceServer {
                urls: self.turn_urls.clone(),
                username: Some(minted.username),
                credential: Some(minted.password),
            });
        }
        servers.extend(self.others.iter().cloned());
        servers
    }

    /// The seconds after which [`servers`](Self::servers) have to be renewed; `None` if nothing in
    /// them expires.
    #[must_use]
    pub fn ttl_s(&self) -> Option<u64> {
        self.minting_secret().map(|_| self.ttl.as_secs())
    }

    /// What to learn the mapping of a NAT by; `None` where nobody may learn anything of it, or
    /// there are no two ports to ask.
    #[must_use]
    pub fn nat_probe(&self, relay: Relay) -> Option<NatProbe<'_>> {
        let is_of_use = relay != Relay::Only && !self.nat_probe_urls.is_empty();
        is_of_use.then_some(NatProbe { urls: &self.nat_probe_urls })
    }

    /// How long after handing them out new ones are sent: early enough for a retry or two.
    pub(crate) fn renew_after(&self) -> Option<Duration> {
        self.minting_secret().map(|_| (self.ttl / 10 * 7).max(Duration::from_secs(1)))
    }

    /// The same for somebody who may not relay: no TURN servers, ours or others'.
    #[must_use]
    pub fn without_relay(&self) -> Self {
        let others = self.others.iter().filter(|server| !server.relays()).cloned().collect();
        Self { turn_urls: Vec::new(), secret: None, others, ..self.clone() }
    }

    fn minting_secret(&self) -> Option<&Secret> {
        self.secret.as_ref().filter(|_| !self.turn_urls.is_empty())
    }
}

impl Default for IceSettings {
    /// No servers; ten minutes.
    fn default() -> Self {
        Self {
            stun_urls: Vec::new(),
            turn_urls: Vec::new(),
            secret: None,
            ttl: Duration::from_secs(600),
            others: Vec::new(),
            nat_probe_urls: Vec::new(),
        }
    }
}
