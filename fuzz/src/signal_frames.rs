//! Frames of two sessions that share a hub, and whose connections break.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kopru_signal::{
    Claims, ConnId, Hub, Outbox, Outgoing, Parting, ResumeKey, Settings, Stats, Subject,
};
use kopru_stun::time::Now;
use serde_json::{Value, json};

/// Each line of the input is a frame, of the one client and the other by turns. A line that is only
/// a number lets so many seconds pass; at the word `lost` the client's connection breaks, and it
/// comes back on another one. `call_?` stands for the newest call that the client has heard of,
/// `m_?` for the other's newest member id.
pub fn signal_frames(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let mut stage = Stage::new();
    for (number, line) in text.lines().take(LINES_MAX).enumerate() {
        let who = number % NAMES.len();
        match line.parse::<u16>() {
            Ok(seconds) => stage.pass(Duration::from_secs(seconds.into())),
            Err(_) if line == "lost" => stage.lose_and_come_back(who),
            Err(_) => {
                let newest = &stage.clients[who].newest_call;
                let other = &stage.clients[(who + 1) % NAMES.len()].newest_member;
                stage.say(who, &line.replace("call_?", newest).replace("m_?", other));
            }
        }
    }
    let Stage { mut hub, clients, now, mut out } = stage;
    for client in clients {
        hub.disconnect(now, client.conn, Parting::Goodbye, &mut out);
    }
    // Sessions that were lost, and whose clients came back to another one.
    hub.handle_timeout(Now { instant: now.instant + Duration::from_secs(30), ..now }, &mut out);
    // And their stories after that.
    let end = now.instant + Duration::from_secs(30 + 900);
    hub.handle_timeout(Now { instant: end, ..now }, &mut out);
    let Stats { connections, sessions, rooms, members, calls, stories, .. } = hub.stats();
    assert_eq!(stories, 0);
    assert_eq!(calls.len(), 0);
    assert_eq!((connections, sessions, rooms, members), (0, 0, 0, 0));
}

struct Stage {
    hub: Hub,
    now: Now,
    out: Outbox,
    clients: [Client; NAMES.len()],
}

/// A program with one connection at a time.
#[derive(Default)]
struct Client {
    conn: ConnId,
    seq: u64,
    resume: Option<String>,
    newest_call: String,
    newest_member: String,
    /// The calls whose end it has not heard of.
    calls: BTreeSet<String>,
}

impl Stage {
    fn new() -> Self {
        let now = Now { instant: Instant::now(), unix: 1_795_000_000 };
        let hub = Hub::new(Settings::default(), [7; 32], &ResumeKey::random([9; 32]));
        let mut stage = Self { hub, now, out: Outbox::new(), clients: Default::default() };
        (0..NAMES.len()).for_each(|who| stage.connect(who));
        stage
    }

    fn connect(&mut self, who: usize) {
        let highest = self.clients.iter().map(|client| client.conn.0).max().unwrap_or_default();
        let client = &mut self.clients[who];
        client.conn = ConnId(highest + 1);
        self.hub.connect(self.now, client.conn, &mut self.out);
        let claims = Claims { subject: Subject::new(NAMES[who]), ..Claims::open() };
        self.hub.admit(client.conn, Ok(claims));
        let mut hello = json!({"type": "hello", "v": 1});
        if let Some(resume) = &client.resume {
            hello["resume"] = json!(resume);
            hello["ack"] = json!(client.seq);
        }
        self.say(who, &hello.to_string());
    }

    fn lose_and_come_back(&mut self, who: usize) {
        let conn = self.clients[who].conn;
        self.hub.disconnect(self.now, conn, Parting::Lost, &mut self.out);
        self.deliver();
        self.connect(who);
    }

    fn say(&mut self, who: usize, frame: &str) {
        _ = self.hub.handle(self.now, self.clients[who].conn, frame, &mut self.out);
        self.deliver();
    }

    fn pass(&mut self, by: Duration) {
        self.now.instant += by;
        self.now.unix += by.as_secs();
        while self.hub.poll_timeout().is_some_and(|due| due <= self.now.instant) {
            self.hub.handle_timeout(self.now, &mut self.out);
            self.deliver();
        }
    }

    fn deliver(&mut self) {
        while let Some(outgoing) = self.out.pop() {
            let Outgoing::Frame(conn, text) = outgoing else { continue };
            let client = self.clients.iter_mut().find(|client| client.conn == conn);
            client.expect("frames are sent to connections that are open").receive(&text);
        }
    }
}

impl Client {
    /// What is sent is JSON with a type, and numbered without a gap; what ends has begun.
    fn receive(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).expect("a hub sends JSON");
        assert!(frame["type"].is_string(), "{text}");
        let Some(seq) = frame["seq"].as_u64() else { return };
        if frame["type"] == "welcome" {
            assert!(frame["complete"] == false || seq == self.seq.max(1), "{text}");
            self.resume = frame["resume"].as_str().map(str::to_owned);
        } else {
            assert_eq!(seq, self.seq + 1, "{text}");
        }
        self.seq = seq;
        if let Some(member) = frame["member"].as_str() {
            self.newest_member = member.to_owned();
        }
        let calls = frame["calls"].as_array().into_iter().flatten();
        let calls = calls.chain((frame["type"] == "call").then_some(&frame));
        calls.for_each(|call| self.hear_of_call(call));
    }

    fn hear_of_call(&mut self, call: &Value) {
        let id = call["call"].as_str().expect("a call has an id");
        if call["state"] == "ended" {
            assert!(self.calls.remove(id), "ends twice, or never began: {call}");
        } else {
            self.calls.insert(id.to_owned());
            self.newest_call = id.to_owned();
        }
    }
}

const NAMES: [&str; 2] = ["ada", "bo"];
const LINES_MAX: usize = 300;
