//! The worker threads: started, asked, restarted when one panics, and stopped.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kopru_turn::Server;

use crate::affinity::Core;
use crate::bars::Bars;
use crate::blanks::BLANKS_MAX;
use crate::control::{Control, Event, Report};
use crate::driver::udp::{UdpDriver, Wakeable};
use crate::endings::Endings;
use crate::entropy::Entropy;
use crate::inbox::Inbox;
use crate::listener::{Listener, RECEIVE_BUFFER_BYTES};
use crate::listening::Listening;
use crate::own_addresses;
use crate::ports::RelayPorts;
use crate::quota::{DescriptorBudget, Quota, QuotaLimits};
use crate::relay_sockets::{Pool, WorkerSockets};
use crate::settings::Settings;
use crate::start_error::StartError;
use crate::stats::Snapshot;
use crate::stream::handover::Handover;
use crate::tcp::crew::Crew;
use crate::tcp::peer_sockets::PeerSockets;
use crate::worker::{Colleagues, Worker};

/// The running worker threads. Dropping it stops them.
pub struct Workers {
    inboxes: Arc<[Inbox]>,
    threads: Vec<JoinHandle<()>>,
    listening: Vec<SocketAddr>,
    second_listening: Vec<SocketAddr>,
    second_port_refused: Option<StartError>,
    receive_buffer_bytes: usize,
    events: Option<Receiver<Event>>,
    endings: Endings,
    /// The last that each worker reported.
    reported: Mutex<Vec<Snapshot>>,
}

impl Workers {
    /// Opens all sockets and starts the threads.
    ///
    /// # Errors
    /// A [`StartError`] for the operator. Then no socket is left open and no thread runs.
    pub fn start(mut settings: Settings) -> Result<Self, StartError> {
        settings.check()?;
        prove_relay_addresses(&settings)?;
        let cores = Core::available();
        let count = if settings.workers == 0 { cores.len() } else { settings.workers };
        let opened = Listening::open(&settings, count)?;
        complete_peer_policy(&mut settings, &opened.addresses)?;
        settings.turn.nat_discovery = opened.discovery.into();
        let mut listening = opened.addresses;
        let has_second_port = |it: &&SocketAddr| Some(it.port()) == opened.second_port;
        let second_listening = listening.iter().filter(has_second_port).copied().collect();
        listening.truncate(settings.listen.len());
        let buffers = opened.by_worker.iter().flatten().map(Listener::receive_buffer_bytes);
        let buffers = buffers.collect::<io::Result<Vec<_>>>().map_err(refusal("tell a buffer"))?;
        // Clients of one network are hashed to all workers: together they keep the limit.
        let replies = &mut settings.turn.limits.replies;
        *replies = replies.share_of(count as u64);

        let inboxes = (0..count).map(|_| Inbox::new()).collect::<io::Result<Arc<[Inbox]>>>();
        let inboxes = inboxes.map_err(refusal("open an eventfd"))?;
        let (sender, events) = sync_channel(EVENTS_MAX);
        let colleagues = Colleagues { inboxes: Arc::clone(&inboxes), events: sender };
        let (pool, reported) = (pool(&settings, count), vec![Snapshot::default(); count]);
        let (bars, quota) = (Arc::clone(&pool.bars), Arc::clone(&pool.quota));
        let mut workers = Self {
            endings: Endings::new(Arc::clone(&inboxes), bars, quota),
            inboxes,
            threads: Vec::with_capacity(count),
            listening,
            second_listening,
            second_port_refused: opened.second_refused,
            receive_buffer_bytes: buffers.into_iter().min().unwrap_or(RECEIVE_BUFFER_BYTES),
            events: Some(events),
            reported: Mutex::new(reported),
        };
        for ((number, listeners), core) in
            (0..).zip(opened.by_worker).zip(cores.into_iter().cycle())
        {
            let crew = Crew { worker: number, count: count as u16 };
            let inbox = &workers.inboxes[usize::from(number)];
            let may_move = settings.turn.tcp_relay.then_some(crew);
            let post = Post {
                crew,
                core,
                wakeable: Wakeable::new(listeners, inbox, may_move)
                    .map_err(refusal("open an epoll set"))?,
                pool: pool.clone(),
                colleagues: colleagues.clone(),
                turn: settings.turn.clone(),
            };
            workers.threads.push(post.staff()?);
        }
        Ok(workers)
    }

    /// The UDP addresses clients are served on, in the order of
    /// [`Settings::listen`], with the ports that were found for port 0.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// The UDP addresses that have the second port; empty when there is none.
    pub fn second_listening(&self) -> &[SocketAddr] {
        &self.second_listening
    }

    /// Why there is no second port, where [`SecondPort::NextIfFree`] asked for one.
    ///
    /// [`SecondPort::NextIfFree`]: crate::SecondPort::NextIfFree
    pub fn second_port_refused(&self) -> Option<&StartError> {
        self.second_port_refused.as_ref()
    }

    /// How much may wait on each UDP listener: [`RECEIVE_BUFFER_BYTES`], or less where the kernel
    /// allows no more.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.receive_buffer_bytes
    }

    /// Gives the workers connections of clients.
    pub fn handover(&self) -> Handover {
        Handover::new(Arc::clone(&self.inboxes))
    }

    /// How many workers there are.
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// What happens from now on, for whoever waits for it. There is one receiver, for the first
    /// caller; events that it does not fetch in time are counted and lost.
    pub fn take_events(&mut self) -> Option<Receiver<Event>> {
        self.events.take()
    }

    /// What every worker has counted, in the order of their numbers. Waits for the workers to
    /// answer, each between two batches of datagrams: far less than a millisecond, except on a host
    /// that does not let them run; who has not answered after five seconds is represented by the
    /// last answer.
    pub fn stats_by_worker(&self) -> Vec<Snapshot> {
        let (sender, reports) = sync_channel(self.inboxes.len());
        for inbox in self.inboxes.iter() {
            inbox.tell(Control::Report(sender.clone()));
        }
        drop(sender);
        let deadline = Instant::now() + REPORT_PATIENCE;
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(Report { worker, counted }) =
            reports.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            reported[usize::from(worker)] = counted;
        }
        reported.clone()
    }

    /// What all workers have counted together. Waits like
    /// [`stats_by_worker`](Self::stats_by_worker).
    pub fn stats(&self) -> Snapshot {
        let mut sum = Snapshot::default();
        self.stats_by_worker().iter().for_each(|counted| sum += counted);
        sum
    }

    /// Ends what users have, before its time.
    pub fn endings(&self) -> Endings {
        self.endings.clone()
    }

    /// Ends the threads, and with them all allocations
    /// ([`EndReason::Shutdown`](kopru_turn::EndReason::Shutdown)), and waits for it.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for inbox in self.inboxes.iter() {
            inbox.tell(Control::Stop);
        }
        for thread in self.threads.drain(..) {
            // A worker's panic ends in its own thread and does not come out of here.
            let _ = thread.join();
        }
    }
}

/// What a worker is given, and what its successor finds when it panics.
struct Post {
    crew: Crew,
    core: Core,
    wakeable: Wakeable,
    pool: Pool,
    colleagues: Colleagues,
    turn: kopru_turn::Settings,
}

impl Post {
    /// Starts the thread that holds this post.
    fn staff(self) -> Result<JoinHandle<()>, StartError> {
        let name = format!("kopru-relay-{}", self.crew.worker);
        let hold = move || self.hold();
        thread::Builder::new().name(name).spawn(hold).map_err(refusal("start a thread"))
    }

    /// Works until told to stop. A worker that panics is replaced: its allocations are gone and
    /// their sockets closed, its listeners keep their place in their groups.
    fn hold(self) {
        self.core.keep_thread();
        let mut before = Snapshot::default();
        loop {
            let driver = UdpDriver::new(&self.wakeable);
            let peers = PeerSockets::new(Arc::clone(&self.wakeable.peers));
            let sockets = WorkerSockets::new(self.crew, driver, peers, self.pool.clone());
            let server = Server::new(self.turn.clone(), Entropy::seed());
            let colleagues = self.colleagues.clone();
            let mut worker = Worker::new(self.crew.worker, server, sockets, colleagues, before);
            // What a panic leaves half done is thrown away with the worker; of it, only plain
            // numbers are read again.
            let work = || {
                worker.run();
                worker.shut_down();
            };
            if catch_unwind(AssertUnwindSafe(work)).is_ok() {
                return;
            }
            before = worker.counted();
            before.count_restart();
            let allocations = std::mem::take(&mut before.turn.allocations);
            worker.tell(Event::WorkerRestarted { worker: self.crew.worker, allocations });
            // Words that came while it fell, and datagrams, are still there.
            self.colleagues.inboxes[usize::from(self.crew.worker)].ring();
        }
    }
}

/// An address that is not one of this host would refuse every allocation.
fn prove_relay_addresses(settings: &Settings) -> Result<(), StartError> {
    for &address in &settings.relay_addresses {
        UdpSocket::bind((address.bound, 0))
            .map_err(|error| StartError::RelayAddress { address, error })?;
    }
    Ok(())
}

/// Adds what is known here for sure to what is kept out of clients' reach.
fn complete_peer_policy(
    settings: &mut Settings,
    listening: &[SocketAddr],
) -> Result<(), StartError> {
    let own = own_addresses().map_err(refusal("list the addresses of this host"))?;
    let peers = Arc::make_mut(&mut settings.turn.peers);
    peers.own.extend(own);
    peers.listeners.extend(listening);
    for address in &settings.relay_addresses {
        peers.relays.push(address.advertised);
        peers.own.extend([address.advertised, address.bound]);
    }
    let discovery = settings.nat_discovery.iter().flatten();
    peers.own.extend(discovery.flat_map(|address| [address.advertised, address.bound]));
    Ok(())
}

fn pool(settings: &Settings, workers: usize) -> Pool {
    let own = workers * (settings.listen.len() + DESCRIPTORS_OF_A_WORKER);
    let own = u32::try_from(own).unwrap_or(u32::MAX);
    let limits = &settings.turn.limits;
    let quota = QuotaLimits {
        per_key: limits.allocations_per_user,
        per_prefix: limits.allocations_per_prefix,
        total: settings.allocations_total,
        user_rate: limits.user_rate,
    };
    Pool {
        ports: Arc::new(RelayPorts::new(&settings.relay_addresses, settings.relay_ports)),
        reservations: Arc::default(),
        quota: Quota::new(quota),
        bars: Bars::new(),
        descriptors: DescriptorBudget::new(settings.descriptors.saturating_sub(own)),
    }
}

fn refusal(what: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::System { what, error }
}

/// Events that wait for the control plane at most.
const EVENTS_MAX: usize = 4096;
/// The epoll set and the one inside it, the bell, the alarm, and the sockets that lie ready.
const DESCRIPTORS_OF_A_WORKER: usize = 4 + BLANKS_MAX;
/// How long an answer may take before the one before it has to do.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
