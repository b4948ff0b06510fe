//! What is worth shouting about at start: legal configurations that do less than they seem to.

use kopru_net::RECEIVE_BUFFER_BYTES;
use kopru_signal::is_private;
use tracing::{info, warn};

use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::jwt_key::{HS256_KEY_BYTES, JwtKey};

/// Logs them; not in development mode, whose banner says it all.
pub(crate) fn warn(config: &Config, descriptors: Descriptors) {
    let (turn, signaling) = (&config.turn, &config.signaling);
    let Descriptors { open_files, websockets, .. } = descriptors;
    if websockets < signaling.limits.connections_max {
        info!(
            "signaling.limits.connections_max: the limit of {open_files} open files leaves room \
             for {websockets}: raise the hard limit (`ulimit -Hn`; systemd: LimitNOFILE=65536)"
        );
    }
    if turn.relays() {
        private_relay_addresses(config);
        if turn.tcp_relay && turn.listen.tcp.is_empty() && config.https.is_none() {
            warn!(
                "turn.tcp_relay is of no use: TCP is relayed for clients over TCP and TLS, and \
                 turn.listen has UDP only"
            );
        }
        if turn.secrets.is_empty() {
            info!(
                "turn.auth.secrets is empty: TURN serves the listed users, and no credentials are \
                 handed out"
            );
        }
    } else {
        warn!(
            "nobody can authenticate (turn.auth.secrets and turn.auth.users are empty): STUN \
             only, nothing is relayed"
        );
    }
    if signaling.jwt.keys.is_empty() {
        warn!(
            "signaling is closed: signaling.auth.jwt has no secrets and no keys, so no token is \
             valid and nobody can join a room"
        );
    }
    if !signaling.jwt.keys.is_empty()
        && signaling.jwt.newest_secret().is_none()
        && signaling.resume_secret.is_none()
    {
        info!(
            "signaling.resume_secret is empty, and so is signaling.auth.jwt.secrets: after a \
             restart clients come back under other member ids"
        );
    }
    if let Some(why) = short_secret(config) {
        warn!("{why}");
    }
}

/// What is to be said of secrets of tokens that are too short.
pub(crate) fn short_secret(config: &Config) -> Option<String> {
    config.signaling.jwt.keys.iter().any(JwtKey::is_short).then(|| {
        format!(
            "signaling.auth.jwt: a secret shorter than {HS256_KEY_BYTES} bytes can be guessed \
             offline from any token (RFC 7518 §3.2)"
        )
    })
}

/// Logs why there is no second port although none was chosen.
pub(crate) fn no_second_port(why: &str) {
    warn!(
        "{why}: STUN has one port only, so clients can't compare what two ports see, which tells \
         how a NAT maps them; turn.second_port chooses another"
    );
}

/// Says what to do where the kernel gives UDP listeners less than they want.
pub(crate) fn receive_buffer(bytes: usize) {
    if bytes < RECEIVE_BUFFER_BYTES {
        info!(
            "UDP listeners have a receive buffer of {bytes} bytes, so bursts are dropped that \
             {RECEIVE_BUFFER_BYTES} would hold: sysctl -w \
             net.core.rmem_max={RECEIVE_BUFFER_BYTES}, or CAP_NET_ADMIN"
        );
    }
}

fn private_relay_addresses(config: &Config) {
    for address in &config.turn.relay_addresses {
        let ip = address.advertised;
        if is_private(ip) {
            warn!(
                "turn.relay_addresses: {ip} is a private address: PEERS ON THE INTERNET CAN'T \
                 REACH THE RELAY. Behind a 1:1 NAT, as in most clouds, write relay_addresses = \
                 [\"PUBLIC={ip}\"], with the public address in place of PUBLIC; in a closed \
                 network all is well"
            );
        }
    }
}
