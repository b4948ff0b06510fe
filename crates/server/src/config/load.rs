//! From a file, or from nothing, to a checked configuration.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use kopru_net::SecondPort;
use toml::de::DeTable;

use super::error::{ConfigError, Mistake};
use super::options;
use super::reader::{Effective, Reader};
use super::{Certificate, Config, Https, Mode, TurnListen};
use crate::host::Host;
use crate::random;

/// A configuration, and how it prints.
pub(crate) struct Loaded {
    /// What the server runs on.
    pub(crate) config: Config,
    /// Every option with the value it takes effect with, secrets masked.
    pub(crate) effective: Vec<Effective>,
}

/// Reads a configuration file.
///
/// # Errors
/// Every mistake that the file has, in its order.
pub(crate) fn file(path: &Path, host: &Host) -> Result<Loaded, Vec<ConfigError>> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let mistake = Mistake::Unreadable(error.to_string());
        vec![ConfigError { file: name.clone(), line: None, key: String::new(), mistake }]
    })?;
    read(&name, path.parent().unwrap_or(Path::new("")), &text, host)
}

/// The configuration without a file: open to this machine, or with `lan` to the local network.
/// `http` and `turn` replace the usual addresses where they are not empty.
pub(crate) fn development(
    host: &Host,
    lan: bool,
    http: &[SocketAddr],
    turn: &[SocketAddr],
) -> Config {
    let loaded = read("development mode", Path::new(""), "", host);
    let Ok(Loaded { mut config, .. }) = loaded else {
        unreachable!("the defaults are a valid configuration: a test reads them")
    };
    let (v4, v6) = if lan {
        (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)
    } else {
        (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
    };
    let port = if lan { 8443 } else { 8080 };
    let mut listen = vec![SocketAddr::from((v4, port))];
    // Browsers may ask ::1 first for the name localhost.
    listen.extend(host.has_ipv6.then(|| SocketAddr::from((v6, port))));
    if !http.is_empty() {
        listen = http.to_vec();
    }
    if lan {
        config.mode = Mode::Lan;
        config.http.listen.clear();
        let certificate = Certificate::SelfMade;
        config.https = Some(Https { listen, certificate, proxy_from: Vec::new() });
    } else {
        config.mode = Mode::Development;
        config.http.listen = listen;
    }
    if !turn.is_empty() {
        let listen = TurnListen { udp: turn.to_vec(), tcp: turn.to_vec() };
        let has_next = listen.next_port().is_some();
        config.turn.second_port = if has_next { SecondPort::NextIfFree } else { SecondPort::None };
        config.turn.listen = listen;
    }
    config.turn.secrets = vec![random::secret()];
    config
}

/// Reads what could be in a file of this name.
///
/// # Errors
/// Like [`file`].
pub(crate) fn text(name: &str, text: &str, host: &Host) -> Result<Loaded, Vec<ConfigError>> {
    read(name, Path::new(""), text, host)
}

fn read(name: &str, folder: &Path, text: &str, host: &Host) -> Result<Loaded, Vec<ConfigError>> {
    let reader = Reader::new(name, folder, text);
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| reader.line_of(span.start));
            let mistake = Mistake::NotToml(error.message().to_owned());
            let file = name.to_owned();
            return Err(vec![ConfigError { file, line, key: String::new(), mistake }]);
        }
    };
    let config = options::read(&reader, table.get_ref(), host);
    let (errors, effective) = reader.into_parts();
    if errors.is_empty() { Ok(Loaded { config, effective }) } else { Err(errors) }
}
