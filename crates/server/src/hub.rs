//! The task that owns [`signal::Hub`](Hub): everything that signaling decides is decided here, one
//! event after the other.
//!
//! ```text
//! websocket ─┬─▶ bounded queue ──▶ Hub ──▶ Outbox ──▶ one byte-bounded ─┬─▶ websocket
//!  requests ─┘                                          queue each       └─▶ stream, polls
//! ```
//!
//! It never waits for a client: whose queue is full is disconnected, with a reason.

use std::collections::{BTreeMap, HashMap};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kopru_signal::{
    Claims, CloseReason, ConnId, Hub, Outbox, Outgoing, Parting, Rejection, ResumeKey, RoomList,
    RoomPattern, Settings, Stats,
};
use kopru_stun::time::Now;
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use crate::limits::HUB_QUEUE_MAX;
use crate::outgoing::Sender;

/// What happens to the hub.
pub(crate) enum Event {
    /// A connection was opened, a WebSocket or another; its frames are to go to `outgoing`.
    Opened {
        /// Its number.
        conn: ConnId,
        /// Where its frames wait.
        outgoing: Sender,
        /// Who it is, where that is known without a token. Boxed, as below: each connection's task
        /// has room for an event, and few bring this.
        claims: Option<Box<Claims>>,
    },
    /// It said something.
    Frame {
        /// Its number.
        conn: ConnId,
        /// What it said.
        text: String,
        /// What the token in it allows, if there is one.
        verdict: Option<Box<Result<Claims, Rejection>>>,
    },
    /// It is gone.
    Gone {
        /// Its number.
        conn: ConnId,
        /// Set when its own side of the server closed it.
        closed: Option<CloseReason>,
        /// Whether the client said goodbye.
        parting: Parting,
    },
    /// Somebody wants to know which rooms there are.
    ListRooms {
        /// Those that it may know.
        patterns: Vec<RoomPattern>,
        /// Behind which the list begins.
        after: Option<String>,
        /// Where the list goes.
        answer: oneshot::Sender<RoomList>,
    },
    /// Somebody wants to know the numbers.
    Stats(oneshot::Sender<Stats>),
    /// The server is being stopped: everybody is told.
    Stop,
}

/// Starts the task.
pub(crate) fn start(
    settings: Settings,
    seed: [u8; 32],
    resume_key: &ResumeKey,
) -> mpsc::Sender<Event> {
    let (events, queue) = mpsc::channel(HUB_QUEUE_MAX);
    let desk = Desk {
        hub: Hub::new(settings, seed, resume_key),
        clients: HashMap::new(),
        closed: BTreeMap::new(),
        stopping: false,
    };
    tokio::spawn(desk.run(queue));
    events
}

/// The time as the protocol cores want it.
pub(crate) fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Now { instant: Instant::now(), unix }
}

struct Desk {
    hub: Hub,
    clients: HashMap<ConnId, Sender>,
    /// Connections that this side closed without the hub's word.
    closed: BTreeMap<&'static str, u64>,
    stopping: bool,
}

impl Desk {
    async fn run(mut self, mut queue: mpsc::Receiver<Event>) {
        let mut outbox = Outbox::new();
        let mut events = Vec::with_capacity(HUB_QUEUE_MAX);
        loop {
            let receive = queue.recv_many(&mut events, HUB_QUEUE_MAX);
            let received = match self.hub.poll_timeout() {
                None => receive.await,
                Some(at) => tokio::select! {
                    received = receive => received,
                    () = tokio::time::sleep_until(at.into()) => {
                        self.hub.handle_timeout(now(), &mut outbox);
                        self.deliver(&mut outbox);
                        continue;
                    }
                },
            };
            if received == 0 {
                return;
            }
            for event in events.drain(..) {
                self.handle(event, &mut outbox);
                self.deliver(&mut outbox);
            }
            // Before it looks again, all whose sockets are ready have their turn: then there is
            // more for it to do at once, and more for each of them to write at once.
            tokio::task::yield_now().await;
        }
    }

    fn handle(&mut self, event: Event, outbox: &mut Outbox) {
        match event {
            Event::Opened { conn, outgoing, claims } => {
                if self.stopping {
                    outgoing.close(CloseReason::GoingAway);
                    return;
                }
                self.clients.insert(conn, outgoing);
                self.hub.connect(now(), conn, outbox);
                if let Some(claims) = claims {
                    self.hub.admit(conn, Ok(*claims));
                }
            }
            Event::Frame { conn, text, verdict } => {
                if let Some(verdict) = verdict {
                    self.hub.admit(conn, *verdict);
                }
                self.hub.handle(now(), conn, &text, outbox);
            }
            Event::Gone { conn, closed, parting } => {
                if let Some(reason) = closed {
                    self.count(reason);
                }
                if self.clients.remove(&conn).is_some() {
                    self.hub.disconnect(now(), conn, parting, outbox);
                }
            }
            // Whoever asks, here and below, may have gone away meanwhile.
            Event::ListRooms { patterns, after, answer } => {
                drop(answer.send(self.hub.list_rooms(&patterns, after.as_deref())));
            }
            Event::Stats(answer) => drop(answer.send(self.stats())),
            Event::Stop => {
                self.stopping = true;
                debug!(connections = self.clients.len(), "telling everybody to go");
                for outgoing in self.clients.values() {
                    outgoing.close(CloseReason::GoingAway);
                }
                for _ in 0..self.clients.len() {
                    self.count(CloseReason::GoingAway);
                }
            }
        }
    }

    /// Puts everything in line. Disconnecting somebody who is too slow makes more to deliver.
    fn deliver(&mut self, outbox: &mut Outbox) {
        while let Some(outgoing) = outbox.pop() {
            match outgoing {
                Outgoing::Frame(conn, text) => {
                    let Some(client) = self.clients.get(&conn) else { continue };
                    if !client.push(text) {
                        self.clients.remove(&conn);
                        self.count(CloseReason::TooSlow);
                        self.hub.disconnect(now(), conn, Parting::Lost, outbox);
                    }
                }
                Outgoing::Close(conn, reason) => {
                    if let Some(client) = self.clients.remove(&conn) {
                        client.close(reason);
                    }
                }
            }
        }
    }

    fn count(&mut self, reason: CloseReason) {
        *self.closed.entry(reason.reason()).or_default() += 1;
    }

    fn stats(&self) -> Stats {
        let mut stats = self.hub.stats();
        for (reason, count) in &self.closed {
            *stats.closed.entry(reason).or_default() += count;
        }
        stats
    }
}
