//! RFC 7064 §3.1, RFC 7065 §3.1: the URLs that clients are told.

use std::net::{IpAddr, SocketAddr};

use kopru_signal::{IceServer, IceSettings};

use crate::config::{Certificate, Config, Https, url_host};
use crate::ready::Addresses;

/// What is handed out, when the server listens at these addresses.
pub(crate) fn settings(config: &Config, addresses: &Addresses) -> IceSettings {
    let udp = places(config, &addresses.turn_udp);
    let secret = config.turn.secrets.first().cloned();
    let turn_urls = match secret {
        Some(_) => turn_urls(config, addresses, &udp),
        None => Vec::new(),
    };
    let others = config.ice_servers.iter().map(|server| IceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.clone(),
    });
    let stun = udp.iter().take(URLS_MAX - turn_urls.len());
    IceSettings {
        stun_urls: stun.map(|place| format!("stun:{place}")).collect(),
        turn_urls,
        secret,
        ttl: config.turn.credential_life,
        others: others.collect(),
        nat_probe_urls: nat_probe_urls(config, addresses),
    }
}

/// RFC 5780 §4.3: both ports where there are two; two addresses where there are two as well.
fn nat_probe_urls(config: &Config, addresses: &Addresses) -> Vec<String> {
    let second = &addresses.turn_udp_second;
    let Some(ports) = addresses.turn_udp.first().zip(second.first()) else { return Vec::new() };
    let ports = [ports.0.port(), ports.1.port()];
    let discovery = config.turn.nat_discovery.iter().flatten();
    let mut places: Vec<String> = discovery
        .flat_map(|at| ports.map(|port| SocketAddr::new(at.advertised, port).to_string()))
        .collect();
    if places.is_empty() {
        let both = |at: &SocketAddr| ports.map(|port| SocketAddr::new(at.ip(), port));
        places = self::places(config, &second.iter().flat_map(both).collect::<Vec<_>>());
    }
    places.iter().map(|place| format!("stun:{place}")).collect()
}

/// The fastest transport goes first, the one that passes every firewall last.
fn turn_urls(config: &Config, addresses: &Addresses, udp: &[String]) -> Vec<String> {
    let [tcp, tls] = [&addresses.turn_tcp, &addresses.https].map(|at| places(config, at));
    let one_tls = tls.get(..1).unwrap_or_default();
    let urls = |order, scheme: &'static str, places: &[String], transport: &'static str| {
        let url = |place| (order, format!("{scheme}:{place}?transport={transport}"));
        places.iter().map(url).collect::<Vec<_>>()
    };
    let (first_udp, other_udp) = udp.split_at(udp.len().min(1));
    // Not every client trusts a certificate of our own making, even if its user has told the
    // browser to: then there has to be TCP besides.
    let is_self_made = |https: &Https| matches!(https.certificate, Certificate::SelfMade);
    let sure_tcp = match config.https.as_ref().is_some_and(is_self_made) {
        true => tcp.get(..1).unwrap_or_default(),
        false => &[],
    };
    // Where UDP is closed, most often all of TCP but port 443 is closed too.
    let by_worth = [
        urls(0, "turn", first_udp, "udp"),
        urls(1, "turn", sure_tcp, "tcp"),
        urls(2, "turns", one_tls, "tcp"),
        urls(0, "turn", other_udp, "udp"),
        urls(1, "turn", tcp.get(sure_tcp.len()..).unwrap_or_default(), "tcp"),
    ];
    let mut chosen: Vec<_> = by_worth.into_iter().flatten().take(URLS_MAX - 1).collect();
    chosen.sort_by_key(|(order, _)| *order);
    chosen.into_iter().map(|(_, url)| url).collect()
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

/// "Using five or more STUN/TURN servers slows down discovery", as browsers warn. One of the four
/// is for STUN.
const URLS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use kopru_net::RelayAddress;

    use super::*;
    use crate::config;
    use crate::host::Host;

    /// The URLs of STUN and TURN of a server with these addresses.
    fn handed_out(
        certificate: Certificate,
        public_host: Option<&str>,
        [udp, tcp, tls]: [&[&str]; 3],
        has_secret: bool,
    ) -> (Vec<String>, Vec<String>) {
        let [v4, v6] = ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse().unwrap());
        let host = Host { addresses: vec![v4, v6], has_ipv6: true };
        let mut config = config::development(&host, true, &[], &[]);
        let parse = |texts: &[&str]| texts.iter().map(|at| at.parse().unwrap()).collect();
        let addresses = Addresses {
            turn_udp: parse(udp),
            turn_tcp: parse(tcp),
            https: parse(tls),
            ..Addresses::default()
        };
        config.turn.public_host = public_host.map(str::to_owned);
        if let Some(https) = &mut config.https {
            https.certificate = certificate;
        }
        if !has_secret {
            config.turn.secrets.clear();
        }
        let settings = settings(&config, &addresses);
        (settings.stun_urls, settings.turn_urls)
    }

    #[test]
    fn four_urls_in_all_and_the_worthiest() {
        let both: &[&str] = &["0.0.0.0:3478", "[::]:3478"];
        let (host, secure) = (Some("t.example"), &["0.0.0.0:443", "[::]:443"][..]);
        let with_443: &[&str] = &["0.0.0.0:3478", "0.0.0.0:443"];
        for (public_host, listens, stun, turn) in [
            (
                None,
                [both, both, &[]],
                vec!["stun:192.0.2.7:3478"],
                vec![
                    "turn:192.0.2.7:3478?transport=udp",
                    "turn:[2001:db8::7]:3478?transport=udp",
                    "turn:192.0.2.7:3478?transport=tcp",
                ],
            ),
            (
                host,
                [both, both, secure],
                vec!["stun:t.example:3478"],
                vec![
                    "turn:t.example:3478?transport=udp",
                    "turn:t.example:3478?transport=tcp",
                    "turns:t.example:443?transport=tcp",
                ],
            ),
            (
                host,
                [with_443, both, secure],
                vec!["stun:t.example:3478"],
                vec![
                    "turn:t.example:3478?transport=udp",
                    "turn:t.example:443?transport=udp",
                    "turns:t.example:443?transport=tcp",
                ],
            ),
            (host, [&[], both, &[]], vec![], vec!["turn:t.example:3478?transport=tcp"]),
        ] {
            let (stun_urls, turn_urls) = handed_out(files(), public_host, listens, true);
            assert_eq!((stun_urls, turn_urls), (owned(&stun), owned(&turn)));
        }
        let stun_only = handed_out(files(), None, [both, both, secure], false);
        let expect = ["stun:192.0.2.7:3478", "stun:[2001:db8::7]:3478"];
        assert_eq!(stun_only, (owned(&expect), vec![]));
    }

    #[test]
    fn a_certificate_that_may_not_be_trusted_comes_after_tcp_without_one() {
        let both: &[&str] = &["0.0.0.0:3478", "[::]:3478"];
        let secure: &[&str] = &["0.0.0.0:8443", "[::]:8443"];
        let (_, turn) = handed_out(Certificate::SelfMade, None, [both, both, secure], true);
        let expect = [
            "turn:192.0.2.7:3478?transport=udp",
            "turn:192.0.2.7:3478?transport=tcp",
            "turns:192.0.2.7:8443?transport=tcp",
        ];
        assert_eq!(turn, owned(&expect));
    }

    #[test]
    fn a_nat_is_probed_at_two_ports_and_two_addresses() {
        let [v4, v6] = ["192.0.2.7", "2001:db8::7"].map(|ip| ip.parse().unwrap());
        let host = Host { addresses: vec![v4, v6], has_ipv6: true };
        let at = |ip: &str| {
            let ip = ip.parse().unwrap();
            RelayAddress { advertised: ip, bound: ip }
        };
        let pair = vec![[at("192.0.2.7"), at("192.0.2.8")], [at("::7"), at("::8")]];
        let both: &[&str] = &["0.0.0.0:3479", "[::]:3479"];
        for (public_host, nat_discovery, second, expect) in [
            (None, vec![], &[][..], vec![]),
            (
                None,
                vec![],
                both,
                vec![
                    "stun:192.0.2.7:3478",
                    "stun:192.0.2.7:3479",
                    "stun:[2001:db8::7]:3478",
                    "stun:[2001:db8::7]:3479",
                ],
            ),
            (Some("t.example"), vec![], both, vec!["stun:t.example:3478", "stun:t.example:3479"]),
            (
                Some("t.example"),
                pair,
                both,
                vec![
                    "stun:192.0.2.7:3478",
                    "stun:192.0.2.7:3479",
                    "stun:192.0.2.8:3478",
                    "stun:192.0.2.8:3479",
                    "stun:[::7]:3478",
                    "stun:[::7]:3479",
                    "stun:[::8]:3478",
                    "stun:[::8]:3479",
                ],
            ),
        ] {
            let mut config = config::development(&host, true, &[], &[]);
            config.turn.public_host = public_host.map(str::to_owned);
            config.turn.nat_discovery = nat_discovery;
            let parse = |texts: &[&str]| texts.iter().map(|at| at.parse().unwrap()).collect();
            let addresses = Addresses {
                // The first one has the second port; another one stands alone.
                turn_udp: parse(&["0.0.0.0:3478", "0.0.0.0:443", "[::]:3478"]),
                turn_udp_second: parse(second),
                ..Addresses::default()
            };
            assert_eq!(settings(&config, &addresses).nat_probe_urls, owned(&expect));
        }
    }

    fn files() -> Certificate {
        let (chain, key) = Default::default();
        Certificate::Files { chain, key }
    }

    fn owned(urls: &[&str]) -> Vec<String> {
        urls.iter().map(ToString::to_string).collect()
    }
}
