//! The only wiring: builds everything in the order of its dependencies, says when it is ready, and
//! takes it down again.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use kopru_net::Handover;
use kopru_signal::{CredentialIds, ResumeKey};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, info};

use crate::accept::{Common, Serving, Sources, Speaks};
use crate::api_keys::ApiKeys;
use crate::config::{Certificate, Config, Mode, Signaling};
use crate::descriptors::{Descriptors, OPEN_FILES_MIN};
use crate::failed_logins::FailedLogins;
use crate::host::Host;
use crate::http::{App, Links, ListingRate, Origins, Phase};
use crate::jwt_key::JwtKey;
use crate::limits::{ADMIN_CONNECTIONS_MAX, DESKS_MAX, DRAIN_TIMEOUT, LINGERING_MAX, STOP_TIMEOUT};
use crate::listen::ListenError;
use crate::metrics::{HttpCounts, Scraper};
use crate::ready::{Addresses, ReadyFile};
use crate::tls::{self, TlsError};
use crate::tokens::Tokens;
use crate::{http, hub, ice, listen, random, records, relay, warnings};

/// What to start.
pub(crate) struct Order {
    /// What it runs on.
    pub(crate) config: Config,
    /// Where.
    pub(crate) host: Host,
    /// Where to write that it is ready.
    pub(crate) ready_file: Option<PathBuf>,
    /// When the program began.
    pub(crate) begin: Instant,
}

/// Serves until the process is told to stop. `greet` is called when everything answers.
///
/// # Errors
/// [`StartError`], before anything was served.
pub(crate) fn run(order: Order, greet: impl FnOnce(&Config, &Addresses)) -> Result<(), StartError> {
    let Order { config, host, ready_file, begin } = &order;
    let descriptors = descriptors(config)?;
    let sockets = Sockets::open(config)?;
    let tls = match &config.https {
        Some(https) => Some(https.tls(host)?),
        None => None,
    };
    let mut addresses = sockets.addresses()?;
    let mut workers = kopru_net::Workers::start(relay::settings(config, &addresses, descriptors))
        .map_err(StartError::Relay)?;
    addresses.turn_udp = workers.listening().to_vec();
    addresses.turn_udp_second = workers.second_listening().to_vec();
    let second_port_refused = workers.second_port_refused().map(ToString::to_string);
    if config.mode == Mode::Configured {
        warnings::receive_buffer(workers.receive_buffer_bytes());
    }
    let events = workers.take_events().ok_or(StartError::NoEvents)?;
    let handover = workers.handover();
    let records = records::start(events).map_err(StartError::System)?;
    let endings = workers.endings();
    let (ended, workers) = (Arc::clone(&records.ended), Arc::new(Mutex::new(workers)));
    let sights = Arc::clone(&records.sights);
    let relay = Arc::clone(&workers);

    let runtime = Runtime::new().map_err(StartError::System)?;
    let outcome = runtime.block_on(async {
        let (phase, watched) = watch::channel(Phase::Serving);
        let scraper = Scraper { workers, ended, endings, sights };
        let app = app(&order, &addresses, descriptors, scraper, watched);
        app.scraper.sights.lead_to(app.hub.clone());
        let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
        let serving = sockets.serve(&app, config, acceptor, &handover)?;
        if let Some((tls, https)) = tls.zip(config.https.as_ref())
            && let Certificate::Files { chain, key } = &https.certificate
        {
            let hangup = signal(SignalKind::hangup()).map_err(StartError::System)?;
            let files = (chain.clone(), key.clone());
            tokio::spawn(tls::watch(tls.certificate, files, hangup));
        }
        let mut stop = StopSignals::new().map_err(StartError::System)?;
        debug!(took_ms = begin.elapsed().as_millis(), "ready");
        greet(config, &addresses);
        if config.mode == Mode::Configured {
            announce(&addresses, descriptors);
            warnings::warn(config, descriptors);
        }
        if let Some(why) = second_port_refused {
            warnings::no_second_port(&why);
        }
        // Last: whoever waits for it may read next what was said above.
        let ready_file = ready_file.as_deref().map(|path| ReadyFile::write(path, &addresses));
        let _ready_file = ready_file.transpose().map_err(StartError::ReadyFile)?;

        stop.received().await;
        info!("stopping");
        drain(&app, &phase, serving).await;
        Ok(())
    });
    // With the runtime goes everybody else who holds the workers: they stop here, and then the
    // records of what they ended are complete.
    drop(runtime);
    drop(relay);
    records.finish();
    outcome
}

fn descriptors(config: &Config) -> Result<Descriptors, StartError> {
    let open_files = kopru_net::raise_open_files_limit().map_err(StartError::System)?;
    let wanted = config.signaling.limits.connections_max;
    Descriptors::divide(open_files, wanted, config.turn.relays())
        .ok_or(StartError::TooFewOpenFiles(open_files))
}

fn app(
    Order { config, host, .. }: &Order,
    addresses: &Addresses,
    descriptors: Descriptors,
    scraper: Scraper,
    phase: watch::Receiver<Phase>,
) -> Arc<App> {
    let limits = &config.signaling.limits;
    let ice = ice::settings(config, addresses);
    let signaling = kopru_signal::Settings {
        limits: limits.clone(),
        ice: ice.clone(),
        relay_only: config.signaling.relay_only.clone(),
        room_kind: config.signaling.room_kind,
        create_rooms: config.signaling.create_rooms,
        same_identity: config.signaling.same_identity,
    };
    let seed = random::bytes();
    let desks = desks(config.signaling.desks);
    let (hub, memory) =
        hub::start(desks, &signaling, seed, &resume_key(config), scraper.endings.clone());
    let failed_logins = Arc::new(FailedLogins::new(&config.http.trusted_proxies));
    let admin_key = config.admin.as_ref().and_then(|admin| admin.token.clone());
    Arc::new(App {
        origins: Origins::new(config, &host.addresses),
        trusted_proxies: config.http.trusted_proxies.clone(),
        tokens: Arc::new(Tokens::new(config, Arc::clone(&failed_logins))),
        failed_logins,
        jwt: config.signaling.jwt.clone(),
        api_keys: ApiKeys::new(config.signaling.api_keys.iter().cloned()),
        admin_keys: ApiKeys::new(admin_key),
        credential_ids: CredentialIds::new(seed),
        connections: Default::default(),
        // The others leave half of the connections to whoever else has a request.
        links: Links::new(descriptors.http / 2),
        conversations: Arc::new(Semaphore::new(descriptors.websockets)),
        descriptors,
        sources: Sources::new(descriptors.websockets_per_source, &config.http.trusted_proxies),
        frame_bytes_max: limits.transport_bytes_max(),
        ping_rate: limits.requests,
        listing_rate: ListingRate::new(limits.requests),
        queue_bytes_max: limits.queue_bytes_max,
        hub,
        memory,
        ice,
        counts: HttpCounts::default(),
        scraper,
        phase,
    })
}

/// As many as are wanted; where nothing is said, one for each core that this process may use.
fn desks(wanted: u16) -> u16 {
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    let desks = if wanted == 0 { cores() } else { wanted.into() };
    u16::try_from(desks).unwrap_or(DESKS_MAX).clamp(1, DESKS_MAX)
}

/// Follows from a secret where there is one, so that it is the same after a restart: its own, or
/// that of tokens.
fn resume_key(config: &Config) -> ResumeKey {
    let Signaling { resume_secret, jwt, .. } = &config.signaling;
    let of_tokens = || jwt.newest_secret().and_then(JwtKey::secret);
    match resume_secret.as_deref().or_else(of_tokens) {
        Some(secret) => ResumeKey::derive(secret.as_bytes()),
        None => ResumeKey::random(random::bytes()),
    }
}

/// The listening sockets, opened before anything else is built: a port that is taken is the
/// likeliest reason not to start.
struct Sockets {
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    admin: Vec<TcpListener>,
    turn: Vec<TcpListener>,
    discovery: Vec<TcpListener>,
}

impl Sockets {
    fn open(config: &Config) -> Result<Self, ListenError> {
        let https = config.https.as_ref().map_or(&[][..], |https| &https.listen);
        let admin = config.admin.as_ref().map_or(&[][..], |admin| &admin.listen);
        // At the addresses of HTTPS, TURN over TCP is served anyway.
        let is_served = |at: &&SocketAddr| at.port() != 0 && https.contains(at);
        let turn = config.turn.listen.tcp.iter().filter(|at| !is_served(at));
        let turn: Vec<SocketAddr> = turn.copied().collect();
        let is_had = |at: &SocketAddr| https.iter().chain(&turn).any(|it| listen::covers(*it, *at));
        let mut discovery = config.turn.discovery_tcp();
        discovery.retain(|at| !is_had(at));
        Ok(Self {
            http: listen::all("http.listen", &config.http.listen)?,
            https: listen::all("https.listen", https)?,
            admin: listen::all("admin.listen", admin)?,
            turn: listen::all("turn.listen", &turn)?,
            discovery: listen::all("turn.nat_discovery", &discovery)?,
        })
    }

    fn addresses(&self) -> Result<Addresses, StartError> {
        let of = |listeners: &[TcpListener]| {
            let addresses = listeners.iter().map(TcpListener::local_addr);
            addresses.collect::<io::Result<Vec<SocketAddr>>>().map_err(StartError::System)
        };
        Ok(Addresses {
            http: of(&self.http)?,
            https: of(&self.https)?,
            admin: of(&self.admin)?,
            turn_udp: Vec::new(),
            turn_udp_second: Vec::new(),
            turn_tcp: of(&self.turn)?,
            turn_tcp_discovery: of(&self.discovery)?,
        })
    }

    fn serve(
        self,
        app: &Arc<App>,
        config: &Config,
        tls: Option<TlsAcceptor>,
        handover: &Handover,
    ) -> Result<JoinSet<()>, StartError> {
        let public = http::public_routes(app, config);
        let Descriptors { http, http_per_source, .. } = app.descriptors;
        let common = Common {
            places: Arc::new(Semaphore::new(http)),
            sources: Sources::new(http_per_source, &config.http.trusted_proxies),
            lingering: Arc::new(Semaphore::new(LINGERING_MAX)),
            counts: Arc::clone(&app.counts.connections),
            phase: app.phase.clone(),
        };
        let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS_MAX));
        let apart = Common { places, ..common.clone() };
        let proxies: Arc<[_]> =
            config.https.iter().flat_map(|https| https.proxy_from.clone()).collect();
        let turn =
            |tls| Speaks::Turn { handover: handover.clone(), tls, proxies: Arc::clone(&proxies) };
        let secure = turn(tls.map(|tls| (tls, public.clone())));
        let mut serving = JoinSet::new();
        for (sockets, speaks, common) in [
            (self.http, Speaks::Http(public), &common),
            (self.https, secure, &common),
            (self.admin, Speaks::Http(http::admin_routes(app)), &apart),
            (self.turn, turn(None), &common),
            (self.discovery, turn(None), &common),
        ] {
            for socket in sockets {
                let listener = tokio::net::TcpListener::from_std(socket);
                let listener = listener.map_err(StartError::System)?;
                let (speaks, common) = (speaks.clone(), common.clone());
                serving.spawn(Serving { listener, speaks, common }.run());
            }
        }
        Ok(serving)
    }
}

/// First the members are told, while `/readyz` says 503; then nobody is let in any more.
async fn drain(app: &Arc<App>, phase: &watch::Sender<Phase>, mut serving: JoinSet<()>) {
    phase.send_replace(Phase::Draining);
    // The hub lives as long as there are WebSockets to own.
    _ = app.hub.send(hub::Event::Stop).await;
    let all = u32::try_from(app.descriptors.websockets).unwrap_or(u32::MAX);
    if timeout(DRAIN_TIMEOUT, app.conversations.acquire_many(all)).await.is_err() {
        debug!("somebody did not say goodbye");
    }
    phase.send_replace(Phase::Stopped);
    let ended = async { while serving.join_next().await.is_some() {} };
    if timeout(STOP_TIMEOUT, ended).await.is_err() {
        debug!("a request was cut off");
    }
}

fn announce(addresses: &Addresses, descriptors: Descriptors) {
    let Addresses { http, https, admin, .. } = addresses;
    let Addresses { turn_udp, turn_udp_second, turn_tcp, turn_tcp_discovery, .. } = addresses;
    info!(
        ?http,
        ?https,
        ?admin,
        ?turn_udp,
        ?turn_udp_second,
        ?turn_tcp,
        ?turn_tcp_discovery,
        "serving"
    );
    let Descriptors { open_files, http, http_per_source, websockets, relay, .. } = descriptors;
    info!(open_files, http, http_per_source, websockets, relay, "descriptors");
}

/// Ctrl-C and what service managers send.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { interrupt, terminate })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Why the server did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    /// A TCP address can't be had.
    Listen(ListenError),
    /// The certificate is not what it must be.
    Tls(TlsError),
    /// STUN and TURN can't start.
    Relay(kopru_net::StartError),
    /// The ready file can't be written.
    ReadyFile(io::Error),
    /// The process may have so few files open that nobody can be served.
    TooFewOpenFiles(u64),
    /// Somebody else reads the events of the workers.
    NoEvents,
    /// The system refuses what every server needs.
    System(io::Error),
}

impl StartError {
    /// 2 for what the user can set right, 1 for the rest.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Listen(_)
            | Self::Tls(_)
            | Self::Relay(_)
            | Self::ReadyFile(_)
            | Self::TooFewOpenFiles(_) => 2.into(),
            Self::NoEvents | Self::System(_) => 1.into(),
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Relay(error) => relay::explain(error, f),
            Self::ReadyFile(error) => write!(f, "--ready-file: can't be written: {error}"),
            Self::TooFewOpenFiles(limit) => write!(
                f,
                "{limit} open files are too few, {OPEN_FILES_MIN} is the least, 65536 serve \
                 thousands: raise the hard limit (`ulimit -Hn`; systemd: LimitNOFILE=65536)"
            ),
            Self::NoEvents => f.write_str("the events of the relay are read by somebody else"),
            Self::System(error) => write!(f, "the system refuses: {error}"),
        }
    }
}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<TlsError> for StartError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}
