//! The servers side by side: kopru, PeerServer, and the floor.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use rustls::ClientConfig;
use serde_json::Value;

use crate::certificate::Certificate;
use crate::clients::Clients;
use crate::cores::Cores;
use crate::dialect::Dialect;
use crate::dialect::bare::Bare;
use crate::dialect::kopru::Kopru;
use crate::dialect::peerserver::PeerServer;
use crate::error::BenchError;
use crate::process::Process;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// This tree's release build.
    Kopru,
    /// The same, of which clients come over TLS.
    KopruTls,
    /// npm `peer`, at the version of bench/package-lock.json.
    Peerserver,
    /// A relay that does nothing else, on kopru's HTTP library.
    Floor,
}

/// Where the servers are and where they run.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) cores: Cores,
    /// The kopru to measure.
    pub(crate) kopru: PathBuf,
    /// Where PeerServer is installed: bench/.
    pub(crate) bench: PathBuf,
    /// For configurations and logs.
    pub(crate) scratch: PathBuf,
    /// What is shown over TLS.
    pub(crate) certificate: Certificate,
}

/// One that runs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) process: Process,
    address: SocketAddr,
    /// How clients do TLS with it.
    tls: Option<Arc<ClientConfig>>,
}

impl Kind {
    /// All that are measured side by side.
    pub(crate) const ALL: [Self; 3] = [Self::Kopru, Self::Peerserver, Self::Floor];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kopru => "kopru",
            Self::KopruTls => "kopru over TLS",
            Self::Peerserver => "PeerServer 1.0.2",
            Self::Floor => "bare axum relay",
        }
    }
}

impl Server {
    /// Starts one and waits until it takes connections.
    ///
    /// # Errors
    /// It is not there, or does not start.
    pub(crate) fn start(kind: Kind, place: &Place) -> Result<Self, BenchError> {
        let (process, address) = match kind {
            Kind::Kopru | Kind::KopruTls => start_kopru(kind, place)?,
            Kind::Peerserver => {
                let script = place.bench.join("node_modules/peer/dist/bin/peerjs.js");
                let cure = "run npm ci in bench/";
                there(&script, cure)?;
                let port = free_port()?;
                let (script, port_text) = (script.display().to_string(), port.to_string());
                let arguments = [
                    script.as_str(),
                    "--host=127.0.0.1",
                    "--port",
                    &port_text,
                    "--concurrent_limit=100000",
                    "--alive_timeout=600000",
                ];
                start_at_port(kind, place, (Path::new("node"), &arguments), port)?
            }
            Kind::Floor => {
                let program = std::env::current_exe().map_err(BenchError::io("own path"))?;
                let port = free_port()?;
                let port_text = port.to_string();
                start_at_port(kind, place, (&program, &["floor", &port_text]), port)?
            }
        };
        let is_tls = kind == Kind::KopruTls;
        let tls = is_tls.then(|| Arc::clone(&place.certificate.client));
        Ok(Self { kind, process, address, tls })
    }

    /// Room for so many clients of it.
    pub(crate) fn clients(&self, count: usize) -> Result<Clients, BenchError> {
        Clients::new(self.address, self.tls.clone(), count)
    }

    /// The language of so many clients, so many of which are in a room.
    pub(crate) fn dialect(&self, clients: usize, room_size: usize) -> Box<dyn Dialect> {
        match self.kind {
            Kind::Kopru | Kind::KopruTls => Box::new(Kopru::new(clients, room_size, SECRET)),
            Kind::Peerserver => Box::new(PeerServer::new()),
            Kind::Floor => Box::new(Bare::new()),
        }
    }
}

fn start_kopru(kind: Kind, place: &Place) -> Result<(Process, SocketAddr), BenchError> {
    there(&place.kopru, "run cargo build --release --bin kopru")?;
    let config = place.scratch.join("kopru.toml");
    let ready = place.scratch.join("kopru.ready");
    _ = fs::remove_file(&ready);
    let Certificate { chain, key, .. } = &place.certificate;
    let (listener, tls) = match kind {
        Kind::KopruTls => ("https", format!("certificate = {chain:?}\nkey = {key:?}")),
        _ => ("http", String::new()),
    };
    let text = KOPRU_CONFIG.replace("LISTENER", listener).replace("TLS", &tls);
    fs::write(&config, text).map_err(BenchError::io("writing a configuration"))?;
    let (config, ready_text) = (config.display().to_string(), ready.display().to_string());
    let arguments = ["--config", config.as_str(), "--ready-file", ready_text.as_str()];
    let log = place.scratch.join("kopru.log");
    let core = place.cores.server;
    let mut process = Process::start(kind.name(), core, &place.kopru, &arguments, &log)?;
    let address = process.wait_until(|| {
        let ready: Value = serde_json::from_str(&fs::read_to_string(&ready).ok()?).ok()?;
        ready[listener][0].as_str()?.parse().ok()
    })?;
    Ok((process, address))
}

fn start_at_port(
    kind: Kind,
    place: &Place,
    (program, arguments): (&Path, &[&str]),
    port: u16,
) -> Result<(Process, SocketAddr), BenchError> {
    let log = place.scratch.join(format!("{}.log", kind.name().replace(' ', "-")));
    let core = place.cores.server;
    let mut process = Process::start(kind.name(), core, program, arguments, &log)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    process.wait_until(|| TcpStream::connect(address).ok())?;
    Ok((process, address))
}

fn there(path: &Path, cure: &'static str) -> Result<(), BenchError> {
    if path.exists() {
        return Ok(());
    }
    Err(BenchError::Missing { what: path.display().to_string(), cure })
}

fn free_port() -> Result<u16, BenchError> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
    free.map(|address| address.port()).map_err(BenchError::io("a free port"))
}

/// Signs the tokens of the load.
pub(crate) const SECRET: &str = "a secret for benchmarks, of 32 bytes or more";

/// Closed to others and without limits on how fast, so that no limit is what is measured.
const KOPRU_CONFIG: &str = r#"
[LISTENER]
listen = "127.0.0.1:0"
TLS
[turn]
listen = "127.0.0.1:0"
second_port = 0
[signaling.auth]
jwt = { secrets = "a secret for benchmarks, of 32 bytes or more" }
[signaling.limits]
descriptions_per_second = 0
candidates_per_second = 0
messages_per_second = 0
requests_per_second = 0
identity_sessions_per_second = 0
network_sessions_per_second = 0
connections_max = 12000
"#;
