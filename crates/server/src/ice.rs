//! RFC 7064 §3.1, RFC 7065 §3.1: the URLs that clients are told.

use std::net::{IpAddr, SocketAddr};

use kopru_signal::{IceServer, IceSettings};

use crate::config::{Certificate, Config, Https, url_host};
use crate::ready::Addresses;

/// What is handed out, when the server listens at these addresses. The fastest transport goes
/// first, the one that passes every firewall last.
pub(crate) fn settings(config: &Config, addresses: &Addresses) -> IceSettings {
    let udp = places(config, &addresses.turn_udp);
    let tcp = places(config, &addresses.turn_tcp);
    // A certificate of our own making is one that no TURN client accepts.
    let made_for_clients = |https: &Https| matches!(https.certificate, Certificate::Files { .. });
    let tls = match config.https.as_ref().is_some_and(made_for_clients) {
        true => places(config, &addresses.https),
        false => Vec::new(),
    };
    let secret = config.turn.secrets.first().cloned();
    let turn_urls = urls("turn", &udp, "?transport=udp")
        .chain(urls("turn", &tcp, "?transport=tcp"))
        .chain(urls("turns", &tls, "?transport=tcp"));
    let others = config.ice_servers.iter().map(|server| IceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    });
    IceSettings {
        stun_urls: urls("stun", &udp, "").collect(),
        turn_urls: if secret.is_some() { turn_urls.collect() } else { Vec::new() },
        secret,
        ttl: config.turn.credential_life,
        others: others.collect(),
    }
}

fn urls(scheme: &str, places: &[String], query: &str) -> impl Iterator<Item = String> {
    places.iter().map(move |place| format!("{scheme}:{place}{query}"))
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
