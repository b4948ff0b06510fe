//! From the configuration to the settings of STUN and TURN.

use std::fmt;
use std::sync::Arc;

use kopru_net::{Settings, StartError};
use kopru_turn::{PeerPolicy, Users};

use crate::config::Config;
use crate::random;
use crate::ready::Addresses;

/// What the relay runs on; `addresses` are kopru's own, out of every client's reach.
pub(crate) fn settings(config: &Config, addresses: &Addresses) -> Settings {
    let turn = &config.turn;
    let Addresses { http, https, admin, turn_tcp, .. } = addresses;
    let peers = PeerPolicy {
        allow: turn.allow.clone(),
        deny: turn.deny.clone(),
        listeners: [http, https, admin, turn_tcp].into_iter().flatten().copied().collect(),
        ..PeerPolicy::default()
    };
    Settings {
        listen: turn.listen.udp.clone(),
        relay_addresses: if turn.relays() { turn.relay_addresses.clone() } else { Vec::new() },
        relay_ports: turn.relay_ports,
        workers: turn.workers,
        allocations_total: turn.allocations_total,
        turn: kopru_turn::Settings {
            realm: turn.realm.as_str().into(),
            users: Arc::new(Users::new(&turn.realm, turn.users.clone())),
            secrets: turn.secrets.clone().into(),
            nonce_key: random::bytes(),
            peers: Arc::new(peers),
            limits: turn.limits.clone(),
            rfc5766_channels: turn.rfc5766_channels,
            tcp_relay: turn.tcp_relay,
            max_session: turn.max_session,
        },
    }
}

/// Says which option is to be changed.
pub(crate) fn explain(error: &StartError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let option = match error {
        StartError::ListenOverlap { .. }
        | StartError::AddressInUse(_)
        | StartError::Listen { .. } => "turn.listen: ",
        StartError::RelayAddressUnspecified(_)
        | StartError::RelayAddressFamilies(_)
        | StartError::RelayAddressTwice(_)
        | StartError::RelayAddress { .. } => "turn.relay_addresses: ",
        StartError::TooManyWorkers { .. } => "turn.workers: ",
        StartError::System { .. } => "",
    };
    write!(f, "{option}{error}")?;
    match error {
        StartError::AddressInUse(address) => write!(
            f,
            ", another kopru or another TURN server: `ss -lunp sport = :{}` says which; stop it, \
             or choose another port",
            address.port()
        ),
        StartError::RelayAddress { .. } => f.write_str(
            "; it must be an address of this host, or \"public=private\" behind a 1:1 NAT",
        ),
        _ => Ok(()),
    }
}
