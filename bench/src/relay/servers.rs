//! The TURN servers side by side: each with what lets it do its best on one core.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kopru_stun::credentials::Secret;
use kopru_stun::{Class, MessageBuilder, MessageType, Method};
use serde_json::Value;

use super::line::Transport;
use super::request::{Credentials, TransactionIds};
use super::turns::Entry;
use crate::certificate::Certificate;
use crate::cores::Cores;
use crate::error::BenchError;
use crate::process::Process;

mod configurations;

/// What can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// This tree's release build, or another one.
    Kopru(Option<PathBuf>),
    /// coturn, of whatever version is given.
    Coturn,
    /// turn-rs, from crates.io.
    TurnRs,
    /// The least that a relay can do.
    Floor(super::floor::Variant),
    /// Any other: what to call it, and its command.
    Other { name: String, command: String },
}

/// Where the servers are and where they run.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) cores: Cores,
    pub(crate) kopru: PathBuf,
    pub(crate) coturn: PathBuf,
    pub(crate) turn_rs: PathBuf,
    /// For configurations and logs.
    pub(crate) scratch: PathBuf,
    pub(crate) certificate: Certificate,
}

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Of those that run at the same time, which one it is.
    pub(crate) seat: u8,
    /// Threads that relay.
    pub(crate) workers: usize,
    /// Whether it listens for TCP and TLS too.
    pub(crate) streams: bool,
    /// Where the floor forwards to; `None`: from client to client.
    pub(crate) peer: Option<SocketAddrV4>,
}

/// What clients need to know of a server.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    udp: SocketAddrV4,
    tcp: SocketAddrV4,
    tls: SocketAddrV4,
    pub(crate) credentials: Credentials,
    pub(crate) certificate: Certificate,
}

/// One that runs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) which: Which,
    pub(crate) process: Process,
    pub(crate) target: Target,
}

/// What a server's command and configuration are made of.
struct Start {
    program: PathBuf,
    arguments: Vec<String>,
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((name, command)) = text.split_once('=') {
            let (name, command) = (name.to_owned(), command.to_owned());
            return Ok(Self::Other { name, command });
        }
        match text {
            "kopru" => Ok(Self::Kopru(None)),
            "coturn" => Ok(Self::Coturn),
            "turn-rs" => Ok(Self::TurnRs),
            path if path.contains('/') => Ok(Self::Kopru(Some(path.into()))),
            other => match other.strip_prefix("floor-") {
                Some(variant) => clap::ValueEnum::from_str(variant, false).map(Self::Floor),
                None => Err("kopru, the path of a kopru, coturn, turn-rs, floor-VARIANT, or \
                             NAME=COMMAND"
                    .to_owned()),
            },
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kopru(None) => f.write_str("kopru"),
            Self::Kopru(Some(path)) => path.display().fmt(f),
            Self::Coturn => f.write_str("coturn"),
            Self::TurnRs => f.write_str("turn-rs 4.1.5"),
            Self::Floor(variant) => write!(f, "floor, {}", variant.name()),
            Self::Other { name, .. } => f.write_str(name),
        }
    }
}

impl Target {
    pub(crate) fn address(&self, transport: Transport) -> SocketAddrV4 {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls,
        }
    }
}

impl Server {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// It is not there, or does not start.
    pub(crate) fn start(which: &Which, place: &Place, setup: Setup) -> Result<Self, BenchError> {
        let folder = place.scratch.join(format!("server-{}", setup.seat));
        fs::create_dir_all(&folder).map_err(BenchError::io("a folder for a server"))?;
        let target = target(&place.certificate)?;
        let start = configurations::write(which, place, setup, (&target, &folder))?;
        let name = name(which, place, setup.workers);
        let arguments: Vec<&str> = start.arguments.iter().map(String::as_str).collect();
        let (core, log) = (place.cores.server, folder.join("log"));
        let process = Process::start(&name, core, &start.program, &arguments, &log)?;
        let mut server = Self { name, which: which.clone(), process, target };
        server.wait(&folder, setup.streams)?;
        Ok(server)
    }

    /// One that serves UDP alone and has no peers.
    ///
    /// # Errors
    /// It is not there, or does not start.
    pub(crate) fn start_for_udp(
        entry: &Entry,
        place: &Place,
        seat: u8,
    ) -> Result<Self, BenchError> {
        let setup = Setup { seat, workers: entry.workers, streams: false, peer: None };
        Self::start(&entry.which, place, setup)
    }

    /// Whether clients make allocations.
    pub(crate) fn is_turn(&self) -> bool {
        !matches!(self.which, Which::Floor(_))
    }

    fn wait(&mut self, folder: &Path, streams: bool) -> Result<(), BenchError> {
        if matches!(self.which, Which::Kopru(_)) {
            let file = folder.join(configurations::READY_FILE);
            let ready: Value = self
                .process
                .wait_until(|| serde_json::from_str(&fs::read_to_string(&file).ok()?).ok())?;
            let at = |list: &str| ready[list][0].as_str().and_then(|it| it.parse().ok());
            let found = (at("turn_udp"), at("turn_tcp"), at("https"));
            let (Some(udp), Some(tcp), Some(tls)) = found else {
                return Err(BenchError::NotReady { name: self.name.clone() });
            };
            (self.target.udp, self.target.tcp, self.target.tls) = (udp, tcp, tls);
            return Ok(());
        }
        let Target { udp, tcp, tls, .. } = self.target;
        if self.is_turn() {
            let takes = |address| TcpStream::connect(address).is_ok();
            let is_ready = || answers(udp) && (!streams || takes(tcp) && takes(tls));
            return self.process.wait_until(|| is_ready().then_some(()));
        }
        // Nobody else can have the port once it has it.
        self.process.wait_until(|| UdpSocket::bind(udp).is_err().then_some(()))
    }
}

/// What it is called in tables.
fn name(which: &Which, place: &Place, workers: usize) -> String {
    let name = match which {
        Which::Coturn => configurations::coturn_name(&place.coturn),
        other => other.to_string(),
    };
    if workers == 1 { name } else { format!("{name}, {workers} workers") }
}

/// Ports that are free now, and a user name that is good for the longest run.
fn target(certificate: &Certificate) -> Result<Target, BenchError> {
    let free = || -> Result<SocketAddrV4, BenchError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let address = listener.and_then(|it| it.local_addr());
        let port = address.map_err(BenchError::io("a free port"))?.port();
        Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
    };
    let plain = free()?;
    let tls = free()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let username = format!("{}:bench", (now + CREDENTIAL_LIFE).as_secs());
    let password = Secret::new(SECRET).password(&username);
    let credentials = Credentials { username, password };
    let certificate = certificate.clone();
    Ok(Target { udp: plain, tcp: plain, tls, credentials, certificate })
}

fn answers(server: SocketAddrV4) -> bool {
    let mut request = [0; 20];
    let binding = MessageType::new(Method::BINDING, Class::Request);
    let len = MessageBuilder::new(&mut request, binding, TransactionIds::default().next()).finish();
    let asked = || -> std::io::Result<usize> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        socket.connect(server)?;
        socket.send(&request[..len])?;
        socket.recv(&mut [0; 512])
    };
    asked().is_ok()
}

/// What time-limited credentials are made with.
pub(crate) const SECRET: &str = "a-secret-for-benchmarks-of-32-bytes-or-more";
const CREDENTIAL_LIFE: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::super::floor::Variant;
    use super::*;

    #[test]
    fn a_server_is_a_name_a_path_or_a_command() {
        let other = Which::Other { name: "mine".into(), command: "/bin/mine -p {port}".into() };
        for (text, expect) in [
            ("kopru", Which::Kopru(None)),
            ("./kopru-before", Which::Kopru(Some("./kopru-before".into()))),
            ("coturn", Which::Coturn),
            ("turn-rs", Which::TurnRs),
            ("floor-train", Which::Floor(Variant::Train)),
            ("mine=/bin/mine -p {port}", other),
        ] {
            assert_eq!(text.parse(), Ok(expect), "{text}");
        }
        assert!("floor-fast".parse::<Which>().is_err() && "corturn".parse::<Which>().is_err());
    }
}
