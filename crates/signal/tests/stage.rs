//! The stage that ladders are played on: one server, a clock that only tests move, and clients.
//!
//! ```text
//!   let stage = Stage::new();
//!   let (ada, bo) = (stage.session("ada"), stage.session("bo"));
//!   ada.enter("lab");
//!   bo.enter("lab");
//!   ada.expect("member_joined");
//! ```

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kopru_signal::{
    Asker, Claims, CloseReason, ConnId, ConnectionRecord, Memory, NewRoom, NewRoomRefused,
    Outgoing, Parting, Rejection, RelaySight, ResumeKey, RoomList, RoomName, RoomPattern, RoomView,
    Settings, Stats, Subject,
};
use kopru_sim::Hubs;
use kopru_stun::time::Now;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::HUBS;

/// Unix time at which every ladder begins.
pub(crate) const START_UNIX: u64 = 1_795_000_000;

#[derive(Clone)]
pub(crate) struct Stage(Rc<RefCell<Play>>);

struct Play {
    settings: Settings,
    hub: Hubs,
    now: Now,
    clients: BTreeMap<ConnId, Seen>,
    /// Of connections between members that are over.
    records: Vec<ConnectionRecord>,
    /// The credentials whose allocations were to end.
    ended: Vec<Arc<str>>,
}

/// What arrived at one client.
#[derive(Default)]
struct Seen {
    frames: VecDeque<Arc<str>>,
    closed: Option<CloseReason>,
    seq: u64,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let hub = Hubs::new(HUBS, &settings, [7; 32], &ResumeKey::random([9; 32]));
        let now = Now { instant: beginning(), unix: START_UNIX };
        let (clients, records, ended) = (BTreeMap::new(), Vec::new(), Vec::new());
        let play = Play { settings, hub, now, clients, records, ended };
        Self(Rc::new(RefCell::new(play)))
    }

    /// A connection of which nobody knows who it is.
    pub(crate) fn stranger(&self) -> Client {
        let play = &mut *self.0.borrow_mut();
        let conn = ConnId(play.clients.len() as u64 + 1);
        play.clients.insert(conn, Seen::default());
        play.hub.connect(play.now, conn);
        play.deliver();
        Client { stage: self.clone(), conn, sent: Cell::new(0) }
    }

    /// A connection with these claims, before `hello`.
    pub(crate) fn client(&self, claims: Claims) -> Client {
        let client = self.stranger();
        client.admit(Ok(claims));
        client
    }

    /// A session of `subject`, that may do everything and can roll back.
    pub(crate) fn session(&self, subject: &str) -> Client {
        let client = self.client(claims(subject));
        client.hello();
        client
    }

    /// The server is started again: another seed, the same resume key, and nobody connected.
    pub(crate) fn restart(&self) {
        let play = &mut *self.0.borrow_mut();
        play.hub = Hubs::new(HUBS, &play.settings, [8; 32], &ResumeKey::random([9; 32]));
    }

    /// Lets time pass, and what is due happen when it is due.
    pub(crate) fn advance(&self, by: Duration) {
        let end = self.0.borrow().now.instant + by;
        loop {
            let play = &mut *self.0.borrow_mut();
            let due = play.hub.poll_timeout().filter(|&due| due <= end);
            let step = due.unwrap_or(end).saturating_duration_since(play.now.instant);
            play.now.instant += step;
            play.now.unix = START_UNIX + (play.now.instant - beginning()).as_secs();
            if due.is_none() {
                return;
            }
            play.hub.handle_timeout(play.now);
            play.deliver();
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.0.borrow().hub.stats()
    }

    /// How many sessions each hub has.
    pub(crate) fn sessions(&self) -> Vec<usize> {
        self.0.borrow().hub.sessions()
    }

    /// How often a connection has moved to another hub.
    pub(crate) fn moves(&self) -> usize {
        self.0.borrow().hub.moves()
    }

    /// TURN has seen this for a credential.
    pub(crate) fn relay_saw(&self, credential: &str, sight: RelaySight) {
        let play = &mut *self.0.borrow_mut();
        play.hub.relay_saw(play.now, credential, sight);
    }

    /// A story, or those of a call, as it is told over HTTP.
    pub(crate) fn story(&self, asker: Asker<'_>, id: &str) -> Option<Value> {
        let told = self.0.borrow().hub.story(asker, id)?;
        Some(serde_json::from_str(told.get()).expect("JSON"))
    }

    pub(crate) fn list_stories(&self, after: Option<u64>) -> Value {
        let list = self.0.borrow().hub.list_stories(after);
        serde_json::from_str(list.get()).expect("JSON")
    }

    /// What was to be written down since the last time.
    pub(crate) fn records(&self) -> Vec<ConnectionRecord> {
        std::mem::take(&mut self.0.borrow_mut().records)
    }

    /// Whose allocations were to end since the last time, by credential.
    pub(crate) fn ended(&self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.0.borrow_mut().ended)
    }

    pub(crate) fn memory(&self) -> Memory {
        self.0.borrow().hub.memory().clone()
    }

    pub(crate) fn list_rooms(&self, patterns: &[RoomPattern], after: Option<&str>) -> RoomList {
        self.0.borrow().hub.list_rooms(patterns, after)
    }

    pub(crate) fn create_room(&self, new: NewRoom) -> Result<RoomView, NewRoomRefused> {
        let play = &mut *self.0.borrow_mut();
        play.hub.create_room(play.now, new)
    }

    pub(crate) fn view_room(&self, room: &str) -> Option<RoomView> {
        let play = self.0.borrow();
        play.hub.view_room(play.now, &name(room))
    }

    pub(crate) fn close_room(&self, room: &str) -> bool {
        self.act(|hub| hub.close_room(&name(room)))
    }

    pub(crate) fn kick(&self, room: &str, member: &str) -> bool {
        self.act(|hub| hub.kick(&name(room), member))
    }

    pub(crate) fn revoke(&self, identity: &str) -> usize {
        self.act(|hub| hub.revoke(identity))
    }

    fn act<T>(&self, what: impl FnOnce(&mut Hubs) -> T) -> T {
        let play = &mut *self.0.borrow_mut();
        let done = what(&mut play.hub);
        play.deliver();
        done
    }

    pub(crate) fn has_deadline(&self) -> bool {
        self.0.borrow().hub.poll_timeout().is_some()
    }
}

impl Play {
    fn deliver(&mut self) {
        while let Some(outgoing) = self.hub.pop() {
            match outgoing {
                Outgoing::Frame(conn, text) => {
                    let seen = self.clients.get_mut(&conn).expect("a frame for a client");
                    assert_eq!(seen.closed, None, "a frame after the close: {text}");
                    seen.frames.push_back(text);
                }
                Outgoing::Close(conn, reason) => {
                    let seen = self.clients.get_mut(&conn).expect("a close for a client");
                    assert_eq!(seen.closed.replace(reason), None, "closed twice");
                }
                Outgoing::Record(record) => self.records.push(record),
                Outgoing::Move(..) | Outgoing::Receipt(_) => panic!("the front does these"),
                Outgoing::EndAllocations(credential) => self.ended.push(credential),
            }
        }
    }
}

/// One connection, as the program at its other end sees it.
pub(crate) struct Client {
    stage: Stage,
    pub(crate) conn: ConnId,
    /// The last `id`.
    sent: Cell<u64>,
}

impl Client {
    pub(crate) fn admit(&self, verdict: Result<Claims, Rejection>) {
        self.stage.0.borrow_mut().hub.admit(self.conn, verdict);
    }

    /// Says which network it comes from.
    pub(crate) fn locate(&self, network: IpAddr) {
        self.stage.0.borrow_mut().hub.locate(self.conn, network);
    }

    /// Sends a text as it is.
    pub(crate) fn say(&self, text: &str) {
        let play = &mut *self.stage.0.borrow_mut();
        play.hub.handle(play.now, self.conn, text);
        play.deliver();
    }

    /// Sends a message with the next id, which it returns.
    pub(crate) fn send(&self, mut message: Value) -> String {
        self.sent.set(self.sent.get() + 1);
        let id = self.sent.get().to_string();
        message["id"] = json!(id);
        self.say(&message.to_string());
        id
    }

    /// The connection is lost: nothing more arrives.
    pub(crate) fn drop_connection(&self) {
        self.part(Parting::Lost);
    }

    /// The client closes the connection.
    pub(crate) fn say_goodbye(&self) {
        self.part(Parting::Goodbye);
    }

    fn part(&self, parting: Parting) {
        let play = &mut *self.stage.0.borrow_mut();
        play.hub.disconnect(play.now, self.conn, parting);
        play.deliver();
    }

    pub(crate) fn hello(&self) -> Value {
        self.hello_with(json!({"capabilities": {"rollback": true, "ice_restart": true}}))
    }

    pub(crate) fn hello_with(&self, mut fields: Value) -> Value {
        if fields.get("resume").is_some() {
            // The ids of the connections before are used up.
            self.sent.set(self.conn.0 * 1000);
        }
        fields["type"] = json!("hello");
        fields["v"] = json!(1);
        self.say(&fields.to_string());
        self.expect("welcome")
    }

    pub(crate) fn join(&self, room: &str) -> String {
        self.send(json!({"type": "join", "room": room}))
    }

    /// Joins and returns the own member id.
    pub(crate) fn enter(&self, room: &str) -> String {
        self.join(room);
        text(&self.expect("joined")["member"])
    }

    /// Sends a token of which the transport says this.
    pub(crate) fn refresh(&self, verdict: Result<Claims, Rejection>) -> String {
        self.admit(verdict);
        self.send(json!({"type": "token", "token": "…"}))
    }

    pub(crate) fn leave(&self, room: &str) {
        self.send(json!({"type": "leave", "room": room}));
    }

    /// The next frame as it came, which must exist.
    pub(crate) fn expect_text(&self) -> Arc<str> {
        let play = &mut *self.stage.0.borrow_mut();
        let seen = play.clients.get_mut(&self.conn).expect("a client of this stage");
        let text = seen.frames.pop_front().expect("a frame");
        let envelope: Envelope = serde_json::from_str(&text).expect("a JSON frame");
        match envelope.seq {
            // Says where the sequence goes on.
            Some(seq) if envelope.resumed => seen.seq = seq,
            Some(seq) => {
                assert_eq!(seq, seen.seq + 1, "a gap before {text}");
                seen.seq = seq;
            }
            None => assert_eq!((seen.seq, envelope.kind.as_str()), (0, "error"), "{text}"),
        }
        text
    }

    /// The next frame, which must be of this type.
    pub(crate) fn expect(&self, kind: &str) -> Value {
        let text = self.expect_text();
        let frame: Value = serde_json::from_str(&text).expect("a JSON frame");
        assert_eq!(frame["type"], kind, "{text}");
        frame
    }

    pub(crate) fn expect_error(&self, code: &str) -> Value {
        let frame = self.expect("error");
        assert_eq!(frame["code"], code, "{frame}");
        frame
    }

    pub(crate) fn expect_ok(&self, re: &str) -> Value {
        let frame = self.expect("ok");
        assert_eq!(frame["re"], re, "{frame}");
        frame
    }

    pub(crate) fn expect_nothing(&self) {
        let play = self.stage.0.borrow();
        let seen = &play.clients[&self.conn];
        assert_eq!((&seen.frames, seen.closed), (&VecDeque::new(), None));
    }

    /// Nothing more, and the connection is closed.
    pub(crate) fn expect_close(&self, reason: CloseReason) {
        let play = self.stage.0.borrow();
        let seen = &play.clients[&self.conn];
        assert_eq!((&seen.frames, seen.closed), (&VecDeque::new(), Some(reason)));
    }

    /// Whether a close has arrived; and forgets all frames.
    pub(crate) fn drain(&self) -> (Vec<Value>, Option<CloseReason>) {
        let mut frames = Vec::new();
        while !self.stage.0.borrow().clients[&self.conn].frames.is_empty() {
            frames.push(serde_json::from_str(&self.expect_text()).expect("a JSON frame"));
        }
        (frames, self.stage.0.borrow().clients[&self.conn].closed)
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    seq: Option<u64>,
    #[serde(default)]
    resumed: bool,
}

/// Claims of `subject`, to whom every room is open.
pub(crate) fn claims(subject: &str) -> Claims {
    Claims { subject: Subject::new(subject), ..Claims::open() }
}

/// The same, for these rooms only.
pub(crate) fn claims_for(subject: &str, rooms: &[&str]) -> Claims {
    let rooms = rooms.iter().map(|room| RoomPattern::new(room).expect("a pattern")).collect();
    Claims { rooms, ..claims(subject) }
}

fn name(room: &str) -> RoomName {
    RoomName::new(room).expect("a name")
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One instant, the same for the whole run.
#[allow(clippy::disallowed_methods, reason = "any instant will do as the beginning of time")]
fn beginning() -> Instant {
    thread_local!(static BEGINNING: Instant = Instant::now());
    BEGINNING.with(|&beginning| beginning)
}
