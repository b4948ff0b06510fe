//! docs/protocol.md, from the client's side: `hello`, `seq` and `ack`, `id` and `re`, coming back.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use kopru_signal::limits::ANSWERED_IDS_MAX;
use kopru_signal::{Claims, CloseReason, ConnId, Subject};
use serde_json::{Value, json};

use super::letters::Letters;
use super::line::Transport;
use super::rooms::Rooms;

/// One device's end of a session.
pub(super) struct Client {
    identity: String,
    transport: Transport,
    claims: Claims,
    capabilities: Value,
    conn: Option<ConnId>,
    /// `welcome` came on this connection.
    is_welcome: bool,
    /// It does not come back.
    is_away: bool,
    /// All resume tokens, newest last.
    pub(super) resumes: Vec<String>,
    seq: u64,
    /// When it last gave up a connection.
    gave_up_at: Option<Instant>,
    /// Counts its sessions.
    pub(super) incarnation: u64,
    /// When it was last told that it missed something.
    pub(super) missed_at: Option<Instant>,
    numbered: u64,
    /// What has no answer, in the order in which it was said.
    unanswered: VecDeque<Asked>,
    /// So many of them were sent on this connection.
    sent: usize,
    /// The `ping` whose answer stands behind all that it missed; until then it says nothing else.
    catching_up: Option<String>,
    /// What was refused, and may be done all the same when a copy of the request comes later.
    refused: Vec<Asked>,
    pub(super) rooms: Rooms,
    /// Rooms it goes back to, and who it was there.
    wanted: BTreeMap<String, Option<String>>,
}

/// A message without an answer.
struct Asked {
    id: String,
    message: Value,
    letter: Option<usize>,
}

impl Client {
    pub(super) fn new(
        identity: &str,
        transport: Transport,
        claims: Claims,
        holds_candidates: bool,
    ) -> Self {
        let capabilities = json!({"rollback": true, "hold_candidates": holds_candidates});
        Self {
            identity: identity.into(),
            transport,
            claims: Claims { subject: Subject::new(identity), ..claims },
            capabilities,
            conn: None,
            is_welcome: false,
            is_away: false,
            resumes: Vec::new(),
            seq: 0,
            gave_up_at: None,
            incarnation: 0,
            missed_at: None,
            numbered: 0,
            unanswered: VecDeque::new(),
            sent: 0,
            catching_up: None,
            refused: Vec::new(),
            rooms: Rooms::default(),
            wanted: BTreeMap::new(),
        }
    }

    pub(super) fn transport(&self) -> Transport {
        self.transport
    }

    pub(super) fn claims(&self) -> Claims {
        self.claims.clone()
    }

    pub(super) fn holds_candidates(&self) -> bool {
        self.capabilities["hold_candidates"] == true
    }

    /// What one sender says to it may arrive in another order.
    pub(super) fn overtakes(&self) -> bool {
        self.transport == Transport::ParallelRequests
    }

    pub(super) fn conn(&self) -> Option<ConnId> {
        self.conn
    }

    pub(super) fn is_on(&self, conn: ConnId) -> bool {
        self.conn == Some(conn)
    }

    pub(super) fn wants_line(&self) -> bool {
        self.conn.is_none() && !self.is_away
    }

    /// It is connected and has an answer to everything, or does not come back.
    pub(super) fn is_settled(&self) -> bool {
        self.is_away || (self.is_welcome && self.unanswered.is_empty())
    }

    pub(super) fn is_away(&self) -> bool {
        self.is_away
    }

    pub(super) fn hello(&self) -> String {
        let mut hello = json!({"type": "hello", "v": 1, "capabilities": self.capabilities});
        if let Some(resume) = self.resumes.last() {
            hello["resume"] = json!(resume);
            hello["ack"] = json!(self.seq);
        }
        hello.to_string()
    }

    /// On another connection, where `hello` is being said.
    pub(super) fn open(&mut self, conn: ConnId) {
        self.conn = Some(conn);
        (self.is_welcome, self.is_away) = (false, false);
    }

    /// Its connection is lost.
    pub(super) fn lost(&mut self) {
        self.conn = None;
        self.is_welcome = false;
    }

    /// The server closed its connection.
    pub(super) fn closed(&mut self, now: Instant, reason: CloseReason) {
        // Only by itself: a connection that it gave up may say `hello` after the next one.
        let is_own = self.gave_up_at.is_some_and(|at| now - at < GIVEN_UP_LIVES);
        assert!(reason != CloseReason::Replaced || is_own, "{} was robbed", self.identity);
        self.lost();
    }

    /// It opens another connection in place of the one it has.
    pub(super) fn gives_up(&mut self, now: Instant) {
        self.gave_up_at = Some(now);
    }

    /// Closes its connection for good; a session that waits for it goes by itself.
    pub(super) fn go_away(&mut self) -> Option<ConnId> {
        (self.is_welcome, self.is_away) = (false, true);
        self.forget_session();
        self.resumes.clear();
        self.wanted.clear();
        self.conn.take()
    }

    pub(super) fn ping(&mut self) {
        if self.is_welcome {
            self.say(json!({"type": "ping"}), None);
        }
    }

    /// Says something, at once or when the line is back.
    pub(super) fn say(&mut self, mut message: Value, letter: Option<usize>) -> String {
        self.numbered += 1;
        let id = self.numbered.to_string();
        message["id"] = json!(id);
        self.unanswered.push_back(Asked { id: id.clone(), message, letter });
        id
    }

    pub(super) fn join(&mut self, room: &str) {
        let former = self.wanted.entry(room.into()).or_default().clone();
        let mut join = json!({"type": "join", "room": room});
        if let Some(member) = former {
            join["member"] = json!(member);
        }
        self.say(join, None);
    }

    /// The next frame for its line. No more are without an answer at a time than the server
    /// recognises when they are repeated.
    pub(super) fn next_frame(&mut self) -> Option<String> {
        let sent_max = if self.catching_up.is_some() { 1 } else { ANSWERED_IDS_MAX };
        if !self.is_welcome || self.sent >= sent_max {
            return None;
        }
        let asked = self.unanswered.get_mut(self.sent)?;
        self.sent += 1;
        asked.message["ack"] = json!(self.seq);
        Some(asked.message.to_string())
    }

    /// A frame came.
    pub(super) fn hear(&mut self, own: usize, now: Instant, text: &str, letters: &mut Letters) {
        let frame: Value = serde_json::from_str(text).expect("a frame is JSON");
        if frame["type"] == "welcome" {
            return self.welcome(now, &frame);
        }
        if !self.is_welcome {
            // The close that follows says the same.
            assert!(frame["type"] == "error" && frame.get("seq").is_none(), "no welcome: {text}");
            return self.refused(None, &frame, letters);
        }
        let seq = frame["seq"].as_u64().expect("a frame of a session has a number");
        assert_eq!(seq, self.seq + 1, "a gap before {text}");
        self.seq = seq;
        let asked = frame["re"].as_str().and_then(|re| self.take_asked(re));
        match frame["type"].as_str().expect("a frame has a type") {
            "description" | "candidate" | "message" => letters.arrive(own, self, &frame),
            "receipt" => letters.receipt((own, self.incarnation), &frame),
            "joined" => self.joined(own, &frame, letters),
            "left" => {
                self.wanted.remove(frame["room"].as_str().unwrap_or_default());
                self.rooms.put_out(&frame);
            }
            "error" => self.refused(asked, &frame, letters),
            "ok" => self.done(asked, &frame, letters),
            "call" | "member_joined" | "member_updated" | "member_left" => self.rooms.learn(&frame),
            "superseded" | "ice_servers" | "pong" => {}
            other => panic!("unexpected {other}"),
        }
    }

    fn welcome(&mut self, now: Instant, welcome: &Value) {
        assert!(!self.is_welcome, "welcome once: {welcome}");
        assert_eq!(welcome["identity"], self.identity);
        let seq = welcome["seq"].as_u64().expect("a number");
        (self.is_welcome, self.sent, self.catching_up) = (true, 0, None);
        let resume = welcome["resume"].as_str().expect("a resume token");
        match (welcome["resumed"] == true, welcome["complete"] == true) {
            (true, true) => assert_eq!(seq, self.seq, "goes on where it was"),
            (true, false) => {
                assert!(seq > self.seq, "something is missing: {welcome}");
                self.missed_at = Some(now);
                self.rooms = Rooms::default();
            }
            (false, is_first) => {
                assert_eq!((is_first, seq), (self.resumes.is_empty(), 1), "{welcome}");
                self.missed_at = Some(now);
                self.forget_session();
                self.incarnation += 1;
                let rooms: Vec<String> = self.wanted.keys().cloned().collect();
                rooms.iter().for_each(|room| self.join(room));
            }
        }
        self.seq = seq;
        self.resumes.push(resume.to_owned());
        if welcome["resumed"] == true && !self.unanswered.is_empty() {
            self.catch_up();
        }
    }

    /// Asks for an answer before it says anything again: others may be on their way.
    fn catch_up(&mut self) {
        let ping = json!({"type": "ping"});
        self.catching_up = Some(self.say(ping, None));
        self.unanswered.rotate_right(1);
    }

    fn forget_session(&mut self) {
        self.unanswered.clear();
        self.refused.clear();
        self.sent = 0;
        self.rooms = Rooms::default();
    }

    fn take_asked(&mut self, re: &str) -> Option<Asked> {
        if let Some(place) = self.refused.iter().position(|asked| asked.id == re) {
            return Some(self.refused.swap_remove(place));
        }
        let place = self.unanswered.iter().position(|asked| asked.id == re)?;
        self.catching_up.take_if(|ping| ping == re);
        if place < self.sent {
            self.sent -= 1;
        }
        self.unanswered.remove(place)
    }

    fn joined(&mut self, own: usize, joined: &Value, letters: &mut Letters) {
        let room = joined["room"].as_str().expect("a room");
        let member = joined["member"].as_str().expect("a member");
        letters.settle(member, (own, self.incarnation));
        if let Some(known) = self.wanted.get_mut(room) {
            *known = Some(member.to_owned());
        }
        self.rooms.joined(joined);
    }

    fn done(&mut self, asked: Option<Asked>, ok: &Value, letters: &mut Letters) {
        // Answered before, on a connection whose end was lost.
        let Some(asked) = asked else { return };
        if let Some(letter) = asked.letter {
            letters.done(letter);
        }
        let room = asked.message["room"].as_str().unwrap_or_default();
        match asked.message["type"].as_str() {
            Some("leave") => self.rooms.left(room),
            Some("update") => self.rooms.updated(room, ok),
            _ => {}
        }
    }

    fn refused(&mut self, asked: Option<Asked>, error: &Value, letters: &mut Letters) {
        let code = error["code"].as_str().expect("a code");
        let is_a_mistake = matches!(
            code,
            "bad_json" | "missing_field" | "bad_field" | "bad_ack" | "hello_first" | "rate_limited"
        );
        assert!(!is_a_mistake, "this client makes no mistakes: {error}");
        let Some(asked) = asked else { return };
        if let Some(letter) = asked.letter {
            letters.refused(letter);
        }
        let room = asked.message["room"].as_str().unwrap_or_default();
        if asked.message["type"] == "join" && !self.rooms.contains(room) {
            self.wanted.remove(room);
        }
        if self.transport != Transport::Socket {
            self.refused.push(asked);
        }
    }

    /// Leaves a room.
    pub(super) fn leave(&mut self, room: &str) {
        self.wanted.remove(room);
        self.say(json!({"type": "leave", "room": room}), None);
    }
}

/// How long after a connection was given up the server may hear of it.
const GIVEN_UP_LIVES: Duration = Duration::from_secs(1);
