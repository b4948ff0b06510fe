//! From the configuration to the settings of STUN and TURN.

use std::fmt;
use std::sync::Arc;

use kopru_net::{Settings, StartError};
use kopru_turn::{PeerPolicy, Users};

use crate::config::Config;
use crate::descriptors::Descriptors;
use crate::random;
use crate::ready::Addresses;

/// What the relay runs on; `addresses` are kopru's own, out of every client's reach.
pub(crate) fn settings(
    config: &Config,
    addresses: &Addresses,
    descriptors: Descriptors,
) -> Settings {
    let turn = &config.turn;
    let Addresses { http, https, admin, turn_tcp, turn_tcp_discovery, .. } = addresses;
    let own = [http, https, admin, turn_tcp, turn_tcp_discovery];
    let peers = PeerPolicy {
        allow: turn.allow.clone(),
        deny: turn.deny.clone(),
        listeners: own.into_iter().flatten().copied().collect(),
        ..PeerPolicy::default()
    };
    Settings {
        listen: turn.listen.udp.clone(),
        second_port: turn.second_port,
        nat_discovery: turn.nat_discovery.clone(),
        relay_addresses: if turn.relays() { turn.relay_addresses.clone() } else { Vec::new() },
        relay_ports: turn.relay_ports,
        workers: turn.workers,
        allocations_total: turn.allocations_total,
        descriptors: descriptors.relay,
        turn: kopru_turn::Settings {
            realm: turn.realm.as_str().into(),
            users: Arc::new(Users::new(&turn.realm, turn.users.clone())),
            secrets: turn.secrets.clone().into(),
            nonce_key: random::bytes(),
            peers: Arc::new(peers),
            limits: turn.limits.clone(),
            rfc5766_channels: turn.rfc5766_channels,
            nat_discovery: [].into(),
            tcp_relay: turn.tcp_relay,
            max_session: turn.max_session,
        },
    }
}

/// Says which option is to be changed.
pub(crate) fn explain(error: &StartError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}{error}", option(error))?;
    let cause = match error {
        StartError::SecondPort(why) | StartError::NatDiscovery(why) => why,
        _ => error,
    };
    match cause {
        StartError::AddressInUse(address) => write!(
            f,
            ", another kopru or another TURN server: `ss -lunp sport = :{}` says which; stop it, \
             or choose another port",
            address.port()
        ),
        StartError::RelayAddress { .. } | StartError::NatDiscoveryAddress { .. } => f.write_str(
            "; it must be an address of this host, or \"public=private\" behind a 1:1 NAT",
        ),
        _ => Ok(()),
    }
}

fn option(error: &StartError) -> &'static str {
    match error {
        StartError::ListenOverlap { .. }
        | StartError::AddressInUse(_)
        | StartError::Listen { .. } => "turn.listen: ",
        StartError::RelayAddressUnspecified(_)
        | StartError::RelayAddressFamilies(_)
        | StartError::RelayAddressTwice(_)
        | StartError::RelayAddress { .. } => "turn.relay_addresses: ",
        StartError::SecondPort(_) => "turn.second_port: ",
        StartError::NatDiscovery(_)
        | StartError::NatDiscoveryPair(_)
        | StartError::NatDiscoveryAddress { .. }
        | StartError::NoSecondPort => "turn.nat_discovery: ",
        StartError::TooManyWorkers { .. } => "turn.workers: ",
        StartError::System { .. } => "",
    }
}
