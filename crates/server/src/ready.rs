//! The ready file: which addresses are in use, for scripts and supervisors. Written when all of
//! them answer, removed when the server ends.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::Config;

/// Where the server listens. Ports that were 0 in the configuration are the real ones here.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Addresses {
    /// Plain HTTP.
    pub(crate) http: Vec<SocketAddr>,
    /// HTTPS.
    pub(crate) https: Vec<SocketAddr>,
    /// Metrics.
    pub(crate) admin: Vec<SocketAddr>,
    /// STUN and TURN over UDP.
    pub(crate) turn_udp: Vec<SocketAddr>,
    /// The same on the second port.
    pub(crate) turn_udp_second: Vec<SocketAddr>,
    /// STUN and TURN over TCP. (The addresses of HTTPS serve it as well.)
    pub(crate) turn_tcp: Vec<SocketAddr>,
    /// The same for NAT discovery, where no other listener has the address.
    pub(crate) turn_tcp_discovery: Vec<SocketAddr>,
}

impl Addresses {
    /// What the configuration says, where nothing runs.
    pub(crate) fn configured(config: &Config) -> Self {
        Self {
            http: config.http.listen.clone(),
            https: config.https.iter().flat_map(|https| https.listen.clone()).collect(),
            admin: config.admin.iter().flat_map(|admin| admin.listen.clone()).collect(),
            turn_udp: config.turn.listen.udp.clone(),
            turn_udp_second: Vec::new(),
            turn_tcp: config.turn.listen.tcp.clone(),
            turn_tcp_discovery: Vec::new(),
        }
    }
}

/// A ready file that exists for as long as this does.
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn write(path: &Path, addresses: &Addresses) -> io::Result<Self> {
        #[derive(Serialize)]
        struct Content<'a> {
            version: &'static str,
            pid: u32,
            #[serde(flatten)]
            addresses: &'a Addresses,
        }
        let version = env!("CARGO_PKG_VERSION");
        let content = Content { version, pid: std::process::id(), addresses };
        let mut text = serde_json::to_string(&content)?;
        text.push('\n');
        let unfinished = path.with_added_extension("new");
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Somebody may have removed it already.
        _ = fs::remove_file(&self.0);
    }
}
