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
use std::net::IpAddr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kopru_net::Endings;
use kopru_signal::{
    Asker, Claims, CloseReason, ConnId, ConnectionRecord, Hub, Memory, NewRoom, NewRoomRefused,
    Outbox, Outgoing, Parting, Rejection, RelaySight, ResumeKey, RoomList, RoomName, RoomPattern,
    RoomView, Settings, Spread, Stats,
};
use kopru_stun::time::Now;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info};

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
        /// Where it comes from, where that is counted.
        network: Option<IpAddr>,
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
    /// A back end wants a room.
    CreateRoom {
        /// What it is to be.
        new: Box<NewRoom>,
        /// Where the room goes.
        answer: oneshot::Sender<Result<RoomView, NewRoomRefused>>,
    },
    /// A back end wants to know about a room.
    ViewRoom {
        /// Its name.
        room: RoomName,
        /// Where the room goes.
        answer: oneshot::Sender<Option<RoomView>>,
    },
    /// A back end ends a room.
    CloseRoom {
        /// Its name.
        room: RoomName,
        /// Whether there was one.
        answer: oneshot::Sender<bool>,
    },
    /// A back end puts a member out.
    Kick {
        /// Of this room.
        room: RoomName,
        /// By its id.
        member: String,
        /// Whether it was there.
        answer: oneshot::Sender<bool>,
    },
    /// A back end ends all sessions of somebody.
    Revoke {
        /// Of whom.
        identity: String,
        /// How many there were.
        answer: oneshot::Sender<usize>,
    },
    /// Somebody wants to know the story of a connection, or those of a call.
    Story {
        /// The identity of whoever asks; `None`: who may know everything.
        identity: Option<String>,
        /// The story's id, or the call's.
        id: String,
        /// Where it goes, if there is one for whoever asks.
        answer: oneshot::Sender<Option<Box<RawValue>>>,
    },
    /// Somebody who may know everything wants to know which stories there are.
    ListStories {
        /// Behind which the list begins.
        after: Option<u64>,
        /// Where the list goes.
        answer: oneshot::Sender<Box<RawValue>>,
    },
    /// The TURN server has seen something that may explain a connection.
    RelaySaw {
        /// The credential's id, as it stands in user names behind the expiry.
        credential: String,
        /// What it saw.
        sight: RelaySight,
    },
    /// Somebody wants to know the numbers.
    Stats(oneshot::Sender<Stats>),
    /// The server is being stopped: everybody is told.
    Stop,
}

/// Starts the task, which ends allocations by `endings`. What it holds is counted, and so is what
/// waits in queues.
pub(crate) fn start(
    settings: Settings,
    seed: [u8; 32],
    resume_key: &ResumeKey,
    endings: Endings,
) -> (mpsc::Sender<Event>, Memory) {
    let (events, queue) = mpsc::channel(HUB_QUEUE_MAX);
    let hub = Hub::new(settings, seed, resume_key);
    let memory = hub.memory().clone();
    let (clients, closed) = (HashMap::new(), BTreeMap::new());
    let desk = Desk { hub, clients, closed, endings, stopping: None };
    tokio::spawn(desk.run(queue));
    (events, memory)
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
    endings: Endings,
    /// When those are to come back who are sent away.
    stopping: Option<Spread>,
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
            Event::Opened { conn, outgoing, network, claims } => {
                if let Some(spread) = &mut self.stopping {
                    let reason = CloseReason::GoingAway { retry_after_s: spread.deal() };
                    outgoing.close(reason);
                    self.count(reason);
                    return;
                }
                self.clients.insert(conn, outgoing);
                self.hub.connect(now(), conn, outbox);
                if let Some(network) = network {
                    self.hub.locate(conn, network);
                }
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
            Event::CreateRoom { new, answer } => {
                drop(answer.send(self.hub.create_room(now(), *new)));
            }
            Event::ViewRoom { room, answer } => {
                drop(answer.send(self.hub.view_room(now(), &room)));
            }
            Event::CloseRoom { room, answer } => {
                _ = answer.send(self.hub.close_room(&room, outbox));
            }
            Event::Kick { room, member, answer } => {
                _ = answer.send(self.hub.kick(&room, &member, outbox));
            }
            Event::Revoke { identity, answer } => {
                _ = answer.send(self.hub.revoke(&identity, outbox));
            }
            Event::Story { identity, id, answer } => {
                let asker = identity.as_deref().map_or(Asker::Operator, Asker::Identity);
                drop(answer.send(self.hub.story(asker, &id)));
            }
            Event::ListStories { after, answer } => {
                drop(answer.send(self.hub.list_stories(after)));
            }
            Event::RelaySaw { credential, sight } => {
                self.hub.relay_saw(now(), &credential, sight);
            }
            Event::Stats(answer) => drop(answer.send(self.stats())),
            Event::Stop => self.send_all_away(),
        }
    }

    fn send_all_away(&mut self) {
        debug!(connections = self.clients.len(), "telling everybody to go");
        let spread = self.stopping.insert(Spread::of(self.clients.len()));
        for outgoing in self.clients.values() {
            let reason = CloseReason::GoingAway { retry_after_s: spread.deal() };
            outgoing.close(reason);
            *self.closed.entry(reason.reason()).or_default() += 1;
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
                Outgoing::Record(record) => write(&record),
                Outgoing::EndAllocations(credential) => self.endings.end(&credential),
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

/// One structured record for each connection of two members that is over (log target
/// `kopru::connection`): whether it came about, and if not, why. Who they were, and where, stands
/// in its story.
fn write(record: &ConnectionRecord) {
    info!(
        target: "kopru::connection",
        story = record.story,
        class = record.class.as_str(),
        path = record.path,
        setup_ms = record.setup_ms,
        age_s = record.age.as_secs(),
        "ended"
    );
}
