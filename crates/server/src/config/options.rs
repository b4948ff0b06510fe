//! Every option of the configuration file, each declared once: key, default, form.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use kopru_net::{RelayAddress, SecondPort};
use kopru_stun::credentials::{Secret, opaque_string};
use kopru_turn::UserKeys;

use super::error::{Mistake, Wrong};
use super::jwt;
use super::reader::Reader;
use super::section::{Named, Section, Table};
use super::signaling_limits;
use super::turn_limits;
use super::values::{self, TurnAddress};
use super::{
    Admin, Certificate, Config, Http, Https, IceServer, Mode, Signaling, Turn, TurnListen,
};
use crate::host::Host;
use crate::limits::DESKS_MAX;

/// Reads the whole file. Mistakes are noted in `reader`; the result counts only if there are none.
pub(crate) fn read<'a>(reader: &'a Reader<'a>, table: &'a Table<'a>, host: &Host) -> Config {
    let mut root = reader.root(table);
    let config = Config {
        mode: Mode::Configured,
        http: http(root.table("http")),
        https: root.optional_table("https").map(|section| https(section, reader.folder())),
        turn: turn(root.table("turn"), host),
        signaling: signaling(root.table("signaling"), reader.folder()),
        ice_servers: root.tables("ice_servers").into_iter().map(ice_server).collect(),
        demo: pages(root.table("pages")),
        admin: root.optional_table("admin").map(admin),
    };
    root.end();
    config
}

fn http(mut section: Section<'_>) -> Http {
    let http = Http {
        listen: section.list("listen", &["127.0.0.1:8080"], values::listen),
        trusted_proxies: section.list("trusted_proxies", &[], values::cidr),
        base_path: section.text("base_path", "/", values::base_path),
        public_url: section.optional_text("public_url", values::public_url),
    };
    section.end();
    http
}

fn https(mut section: Section<'_>, folder: &Path) -> Https {
    let listen = section.list("listen", &["0.0.0.0:443", "[::]:443"], values::listen);
    let mut file = |key, why| {
        let path = section.optional_text(key, values::not_empty);
        if !section.has(key) {
            section.missing(key, why);
        }
        folder.join(path.unwrap_or_default())
    };
    let chain = file("certificate", "HTTPS needs a PEM file with the certificate chain");
    let key = file("key", "HTTPS needs a PEM file with the certificate's private key");
    let proxy_from = section.list("proxy_from", &[], values::cidr);
    section.end();
    Https { listen, certificate: Certificate::Files { chain, key }, proxy_from }
}

fn turn(mut section: Section<'_>, host: &Host) -> Turn {
    let wildcards: &[&str] =
        if host.has_ipv6 { &["0.0.0.0:3478", "[::]:3478"] } else { &["0.0.0.0:3478"] };
    let listen = section.list("listen", wildcards, values::turn_listen);
    if listen.is_empty() {
        section.mistake("listen", Mistake::Value { value: None, wrong: Wrong::Empty });
    }
    let over = |is_wanted: fn(&TurnAddress) -> bool| {
        listen.iter().filter(|it| is_wanted(it)).map(|it| it.address).collect()
    };
    let listen = TurnListen { udp: over(|it| it.udp), tcp: over(|it| it.tcp) };
    let second_port = second_port(&mut section, &listen);
    let nat_discovery = nat_discovery(&mut section, &listen, second_port);
    let public_host = section.optional_text("public_host", values::host);
    let realm = section.text("realm", "kopru", values::realm);
    let relay_addresses = relay_addresses(&mut section, host);
    let relay_ports = section.text("relay_ports", "49152-65535", values::port_range);
    let workers = section.number("workers", 0, 0..=1024);
    let max_session = section.text("max_session", "24h", values::duration);
    let rfc5766_channels = section.flag("rfc5766_channels", false);
    let tcp_relay = section.flag("tcp_relay", false);

    let TurnAuth { secrets, credential_life, users } = turn_auth(section.table("auth"), &realm);
    let mut peers = section.table("peers");
    let allow = peers.list("allow", &[], values::cidr);
    let deny = peers.list("deny", &[], values::cidr);
    peers.end();
    let (limits, allocations_total) = turn_limits::read(section.table("limits"));
    section.end();
    Turn {
        listen,
        second_port,
        nat_discovery,
        public_host,
        realm,
        relay_addresses,
        relay_ports,
        workers: count(workers),
        max_session,
        rfc5766_channels,
        tcp_relay,
        secrets,
        credential_life,
        users,
        allow,
        deny,
        limits,
        allocations_total,
    }
}

/// 0 is written for none, as nobody can be told to ask port 0.
fn second_port(section: &mut Section<'_>, listen: &TurnListen) -> SecondPort {
    let next = listen.next_port();
    let port = section.number("second_port", next.unwrap_or(0).into(), 0..=u16::MAX.into());
    if !section.has("second_port") {
        return if next.is_some() { SecondPort::NextIfFree } else { SecondPort::None };
    }
    let port = u16::try_from(port).unwrap_or(0);
    if port != 0 && listen.udp.first().is_none_or(|first| first.port() == port) {
        let why = "must be another port than that of the first UDP address of turn.listen";
        section.mistake("second_port", Mistake::Conflict(why));
    }
    if port == 0 { SecondPort::None } else { SecondPort::Port(port) }
}

fn nat_discovery(
    section: &mut Section<'_>,
    listen: &TurnListen,
    second_port: SecondPort,
) -> Vec<[RelayAddress; 2]> {
    let addresses = section.list("nat_discovery", &[], values::relay_address);
    let (v4, v6): (Vec<RelayAddress>, Vec<RelayAddress>) =
        addresses.into_iter().partition(|it| it.bound.is_ipv4());
    let mut pairs = Vec::new();
    for family in [v4, v6] {
        match family[..] {
            [] => {}
            [a, b] if a.bound != b.bound && a.advertised != b.advertised => pairs.push([a, b]),
            _ => {
                let wrong = Wrong::TwoAddresses;
                section.mistake("nat_discovery", Mistake::Value { value: None, wrong });
            }
        }
    }
    let has_first = listen.udp.first().is_some_and(|first| first.port() != 0);
    if !pairs.is_empty() && (!has_first || second_port == SecondPort::None) {
        let why = "needs a UDP address with a port in turn.listen, and turn.second_port";
        section.mistake("nat_discovery", Mistake::Conflict(why));
    }
    pairs
}

fn relay_addresses(section: &mut Section<'_>, host: &Host) -> Vec<RelayAddress> {
    let found: Vec<String> = host.advertised().iter().map(ToString::to_string).collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    section.list("relay_addresses", &found, values::relay_address)
}

struct TurnAuth {
    secrets: Vec<Secret>,
    credential_life: Duration,
    users: BTreeMap<String, UserKeys>,
}

fn turn_auth(mut section: Section<'_>, realm: &str) -> TurnAuth {
    let secrets = section.secrets("secrets").into_iter().map(Secret::new).collect();
    let credential_life = section.text("credential_life", "10m", values::duration);
    let entries = section.table("users");
    let mut users = BTreeMap::new();
    for name in entries.names() {
        if let Err(wrong) = values::user_name(name) {
            entries.mistake(name, Mistake::Value { value: Some(name.to_owned()), wrong });
        }
        let keys = match entries.named(name) {
            Named::Text(password) => password_keys(&entries, name, realm, password),
            Named::Table(table) => hex_keys(table),
            Named::Neither => None,
        };
        users.extend(keys.map(|keys| (name.to_owned(), keys)));
    }
    section.end();
    TurnAuth { secrets, credential_life, users }
}

/// RFC 8656 §6: the password is forgotten as soon as the keys are derived.
fn password_keys(users: &Section<'_>, name: &str, realm: &str, password: &str) -> Option<UserKeys> {
    match opaque_string(password) {
        Ok(password) => Some(UserKeys::derive(name, realm, &password)),
        Err(error) => {
            let wrong = Wrong::Password(error);
            users.mistake(name, Mistake::Value { value: None, wrong });
            None
        }
    }
}

fn hex_keys(mut section: Section<'_>) -> Option<UserKeys> {
    let md5 = hex_key(&mut section, "key", Wrong::HexKey);
    if !section.has("key") {
        section.missing("key", "MD5 of \"user:realm:password\" in hexadecimal");
    }
    let sha256 = hex_key(&mut section, "key_sha256", Wrong::HexKeySha256);
    section.end();
    Some(UserKeys { md5: md5?, sha256 })
}

fn hex_key<const LEN: usize>(
    section: &mut Section<'_>,
    key: &'static str,
    wrong: Wrong,
) -> Option<[u8; LEN]> {
    let bytes = values::hex(&section.secret(key)?);
    if bytes.is_none() {
        section.mistake(key, Mistake::Value { value: None, wrong });
    }
    bytes
}

fn signaling(mut section: Section<'_>, folder: &Path) -> Signaling {
    let allowed_origins = section.list("allowed_origins", &[], values::origin);
    let relay_only = section.list("relay_only", &[], values::room_pattern);
    let desks = section.number("desks", 0, 0..=DESKS_MAX.into());
    let room_kind = section.text("room_kind", "mesh", values::room_kind);
    let create_rooms = section.flag("create_rooms", true);
    let same_identity = section.text("same_identity", "several", values::same_identity);
    let resume_secret = section.secret("resume_secret");
    let limits = signaling_limits::read(section.table("limits"));
    let mut auth = section.table("auth");
    let api_keys = auth.secrets("api_keys");
    let jwt = jwt::read(auth.table("jwt"), folder);
    auth.end();
    section.end();
    Signaling {
        limits,
        desks: u16::try_from(desks).unwrap_or(DESKS_MAX),
        room_kind,
        create_rooms,
        allowed_origins,
        relay_only,
        same_identity,
        resume_secret,
        jwt,
        api_keys,
    }
}

fn ice_server(mut section: Section<'_>) -> IceServer {
    section.announce_as("ice_servers");
    let urls = section.list("urls", &[], values::ice_url);
    if !section.has("urls") {
        section.missing("urls", "the server's STUN or TURN URLs");
    }
    let username = section.optional_text("username", values::not_empty);
    let credential = section.secret("credential");
    if username.is_some() != credential.is_some() {
        section.mistake("username", Mistake::Conflict("username and credential go together"));
    }
    section.end();
    IceServer { urls, username, credential }
}

fn pages(mut section: Section<'_>) -> bool {
    let demo = section.flag("demo", true);
    section.end();
    demo
}

fn admin(mut section: Section<'_>) -> Admin {
    let listen = section.list("listen", &["127.0.0.1:9090"], values::listen);
    let token = section.secret("token");
    if token.is_none() && listen.iter().any(|address| !address.ip().is_loopback()) {
        let why = "admin.listen can be reached from other machines, so callers must show a token";
        section.missing("token", why);
    }
    section.end();
    Admin { listen, token }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::host::Host;

    #[test]
    fn relay_addresses_are_found_out_or_said() {
        let [v4, v6] = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        for (addresses, text, expect) in [
            (vec![v4, v6], "", vec!["192.0.2.1", "2001:db8::1"]),
            (vec![v4], "", vec!["192.0.2.1"]),
            (vec![], "", vec!["127.0.0.1"]),
            (
                vec![v4, v6],
                "turn.relay_addresses = \"203.0.113.7=192.0.2.1\"",
                vec!["203.0.113.7=192.0.2.1"],
            ),
        ] {
            let host = Host { addresses, has_ipv6: true };
            let Ok(loaded) = config::text("kopru.toml", text, &host) else { panic!("{text}") };
            let relays = loaded.config.turn.relay_addresses;
            assert_eq!(relays.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
        }
    }
}
