//! Everything that signaling decides is decided at **desks**: tasks, as many as cores, each with a
//! [`signal::Hub`](Hub) and a bounded queue. A connection is at one of them; with it everybody that
//! it shares a room with, and whom those share one with.
//!
//! ```text
//! websocket ─┬─▶ bounded queue ──▶ desk 0: Hub ──▶ Outbox ──▶ one byte-bounded ─┬─▶ websocket
//!  requests ─┘        ▲                 │ ▲                   queue each        └─▶ stream, polls
//!                     └─ way.rs         │ │ a join that connects what is at two desks
//!                                       ▼ │
//!            ─────▶ bounded queue ──▶ desk 1: Hub ──▶ …
//! ```
//!
//! None of them waits for a client: whose queue is full is disconnected, with a reason.
//!
//! Nor do desks wait for each other's queues. What takes two desks is done by one task that has
//! locked both (`turn.rs`), the one with the lower number first, and holds no other lock then: so
//! nobody waits in a circle. The locks are fair, and held for one batch of events at most.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kopru_net::Endings;
use kopru_signal::{
    Claims, CloseReason, ConnId, Hub, Memory, NewRoom, NewRoomRefused, Parting, Rejection,
    RelaySight, ResumeKey, RoomList, RoomName, RoomPattern, RoomView, Settings,
};
use kopru_stun::time::Now;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use self::floor::Floor;
pub(crate) use self::numbers::Numbers;
pub(crate) use self::texts::Texts;
pub(crate) use self::way::{Desks, Way};
use crate::limits::HUB_QUEUE_MAX;
use crate::outgoing::Sender;

mod alarm;
mod desk;
mod events;
mod floor;
mod numbers;
mod texts;
mod turn;
mod way;

/// What happens to signaling. What is of no connection may go to any desk, which does it for all.
pub(crate) enum Event {
    /// A connection was opened, a WebSocket or another; its frames are to go to `outgoing`.
    Opened {
        /// Its number.
        conn: ConnId,
        /// Where its frames wait.
        outgoing: Sender,
        /// Where it comes from, where that is counted.
        network: Option<IpAddr>,
        /// The number of the desk that has it, told to whoever sends for it.
        home: Arc<AtomicU16>,
        /// Who it is, where that is known without a token. Boxed, as below: each connection's task
        /// has room for an event, and few bring this.
        claims: Option<Box<Claims>>,
    },
    /// It said something.
    Frames {
        /// Its number.
        conn: ConnId,
        /// What it said.
        texts: Texts,
        /// What the token in the first of them allows, if there is one.
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
    Stats(oneshot::Sender<Numbers>),
    /// The server is being stopped: everybody is told.
    Stop,
    /// Somebody wants to know when all is done that came before.
    Fence(oneshot::Sender<()>),
    /// Another desk has changed what this one waits for.
    Look,
}

/// Starts so many desks, which end allocations by `endings`. What they hold is counted, and so is
/// what waits in queues.
pub(crate) fn start(
    desks: u16,
    settings: &Settings,
    seed: [u8; 32],
    resume_key: &ResumeKey,
    endings: Endings,
) -> (Desks, Memory) {
    let hubs = Hub::several(desks, settings, seed, resume_key);
    let memory = hubs[0].memory().clone();
    let (events, queues): (Vec<_>, Vec<_>) =
        hubs.iter().map(|_| mpsc::channel(HUB_QUEUE_MAX)).unzip();
    let desks = Desks::new(events);
    let floor = Arc::new(Floor::new(hubs, desks.weak(), endings));
    for (number, queue) in (0..).zip(queues) {
        tokio::spawn(Arc::clone(&floor).run(number, queue));
    }
    (desks, memory)
}

/// The time as the protocol cores want it.
pub(crate) fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Now { instant: Instant::now(), unix }
}
