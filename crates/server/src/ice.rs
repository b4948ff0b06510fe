//! RFC 7064 §3.1, RFC 7065 §3.1: the URLs that clients are told.

use std::net::{IpAddr, SocketAddr};

use kopru_signal::{IceServer, IceSettings};

use crate::config::{Config, url_host};

/// What is handed out, when STUN and TURN listen at these addresses.
pub(crate) fn settings(config: &Config, listening: &[SocketAddr]) -> IceSettings {
    let places = places(config, listening);
    let secret = config.turn.secrets.first().cloned();
    let turn_urls = places.iter().map(|place| format!("turn:{place}?transport=udp"));
    let others = config.ice_servers.iter().map(|server| IceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    });
    IceSettings {
        stun_urls: places.iter().map(|place| format!("stun:{place}")).collect(),
        turn_urls: if secret.is_some() { turn_urls.collect() } else { Vec::new() },
        secret,
        ttl: config.turn.credential_life,
        others: others.collect(),
    }
}

/// `host:port`, each once: the public host, or the address of the socket, or, where that is a
/// wildcard, the address that relayed transport addresses have.
fn places(config: &Config, listening: &[SocketAddr]) -> Vec<String> {
    let mut places = Vec::new();
    for socket in listening {
        let host = match &config.turn.public_host {
            Some(host) => Some(host.clone()),
            None if socket.ip().is_unspecified() => advertised(config, socket.ip()),
            None => Some(url_host(socket.ip())),
        };
        let place = host.map(|host| format!("{host}:{}", socket.port()));
        places.extend(place.filter(|place| !places.contains(place)));
    }
    places
}

fn advertised(config: &Config, wildcard: IpAddr) -> Option<String> {
    let addresses = config.turn.relay_addresses.iter().map(|address| address.advertised);
    addresses.into_iter().find(|ip| ip.is_ipv4() == wildcard.is_ipv4()).map(url_host)
}
